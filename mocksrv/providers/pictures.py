"""Pictures of words, as PNG: what a challenge shows. The same text always makes the same bytes."""

from __future__ import annotations

import base64
import struct
import zlib

# The letters from blank to z: five columns each, of eight points, the lowest bit on top.
_GLYPHS = bytes.fromhex(
    "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0008070300 001c224100 0041221c00"
    "2a1c7f1c2a 08083e0808 0080703000 0808080808 0000606000 2010080402 3e5149453e 00427f4000 7249494946 2141494d33"
    "1814127f10 2745454539 3c4a494931 4121110907 3649494936 464949291e 0000140000 0040340000 0008142241 1414141414"
    "0041221408 0201590906 3e415d594e 7c1211127c 7f49494936 3e41414122 7f4141413e 7f49494941 7f09090901 3e41415173"
    "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f 7f0408107f 3e4141413e 7f09090906 3e4151215e"
    "7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f 3f4038403f 6314081463 0304780403 6159494d43 007f414141"
    "0204081020 004141417f 0402010204 4040404040 0003070800 2054547840 7f28444438 3844444428 384444287f 3854545418"
    "00087e0902 18a4a49c78 7f08040478 00447d4000 2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438"
    "fc18242418 18242418fc 7c08040408 4854545424 04043f4424 3c4040207c 1c2040201c 3c4030403c 4428102844 4c9090907c"
    "4464544c44"
)
_FIRST, _COLUMNS, _ROWS = ord(" "), 5, 8
_LAST = _FIRST + len(_GLYPHS) // _COLUMNS - 1
LONGEST = 40  # letters
WORD = "correct"  # what the picture of a question says that the scenario does not bring
MARGIN, SCALE = 2, 4  # points around the text; pixels of a point


def png(text: str) -> bytes:
    """A picture of the first `LONGEST` letters of a text in black on white; what is not in the table shows as ``?``."""
    columns = [0] * MARGIN
    for letter in text[:LONGEST]:
        code = ord(letter) if _FIRST <= ord(letter) <= _LAST else ord("?")
        place = (code - _FIRST) * _COLUMNS
        columns += [*_GLYPHS[place : place + _COLUMNS], 0]
    columns += [0] * MARGIN
    lines = [b"\xff" * (len(columns) * SCALE)] * (MARGIN * SCALE)
    for row in range(_ROWS):
        line = b"".join((b"\x00" if column >> row & 1 else b"\xff") * SCALE for column in columns)
        lines += [line] * SCALE
    lines += [b"\xff" * (len(columns) * SCALE)] * (MARGIN * SCALE)
    return _file(len(columns) * SCALE, lines)


def data_uri(text: str) -> str:
    """The same as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png(text)).decode()}"


def _file(width: int, lines: list[bytes]) -> bytes:
    """The file of a grey picture, one byte a pixel. Source: ISO/IEC 15948 (PNG), 8-bit grayscale, no filter."""
    header = struct.pack(">IIBBBBB", width, len(lines), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\x00" + line for line in lines), 9)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
