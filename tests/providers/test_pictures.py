"""Pictures of words: files that any reader of PNG takes."""

from __future__ import annotations

import base64
import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from mocksrv.providers.pictures import LONGEST, data_uri, png


def read(picture: bytes) -> list[bytes]:
    """The lines of pixels of a PNG with 8 bits of grey; checks signature, lengths and checksums."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(picture):
        (length,) = struct.unpack_from(">I", picture, place)
        kind, data = picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", picture, place + 8 + length) == (zlib.crc32(kind + data),)
        chunks[kind], place = data, place + 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *kind = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert kind == [8, 0, 0, 0, 0]
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (width + 1)
    lines = [raw[start : start + width + 1] for start in range(0, len(raw), width + 1)]
    assert {line[0] for line in lines} == {0}
    return [line[1:] for line in lines]


def drawn(text: str) -> list[str]:
    """A picture in letters, one for each point."""
    return ["".join(" " if pixel else "#" for pixel in line[::4]).strip() for line in read(png(text))[::4]]


def test_a_letter_can_be_seen() -> None:
    assert [line for line in drawn("T") if line] == ["#####", "# # #", "#", "#", "#", "#", "#"]


@given(st.text())
def test_every_text_makes_a_picture(text: str) -> None:
    lines = read(png(text))
    assert len({len(line) for line in lines}) == 1
    assert png(text) == png(text[:LONGEST])


def test_other_letters_are_question_marks() -> None:
    assert png("é→") == png("??")
    assert png("a") != png("A") != png("?")


def test_as_a_data_uri() -> None:
    scheme, _, data = data_uri("correct").partition(",")
    assert (scheme, base64.b64decode(data)) == ("data:image/png;base64", png("correct"))
