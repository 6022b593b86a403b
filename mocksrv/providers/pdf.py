"""Writes plain PDF 1.4: pages of text in Helvetica. The same text always makes the same bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

WIDTH, HEIGHT = 612, 792  # points of 1/72 inch: US Letter
FONTS = ("Helvetica", "Helvetica-Bold")
# Widths of what stands in amounts, in thousandths of the size of the letters; the same in both fonts.
_WIDTHS = {" ": 278, ",": 278, ".": 278, "-": 333, **dict.fromkeys("0123456789", 556)}


@dataclass(slots=True)
class Page:
    """One page. Texts stand at points from the left and from the top; letters outside of Windows-1252 become ``?``."""

    marks: list[bytes] = field(default_factory=list)

    def text(self, left: float, top: float, text: str, *, size: int = 10, bold: bool = False) -> None:
        plain = text.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        place = f"BT /F{int(bold) + 1} {size} Tf 1 0 0 1 {left:.2f} {HEIGHT - top:.2f} Tm (".encode()
        self.marks.append(place + plain.replace(b"\r", b" ").replace(b"\n", b" ") + b") Tj ET")

    def amount(self, right: float, top: float, text: str, *, size: int = 10, bold: bool = False) -> None:
        """A number whose last digit ends at `right`."""
        self.text(right - sum(_WIDTHS[letter] for letter in text) * size / 1000, top, text, size=size, bold=bold)

    def line(self, left: float, right: float, top: float) -> None:
        self.marks.append(f"0.5 w {left:.2f} {HEIGHT - top:.2f} m {right:.2f} {HEIGHT - top:.2f} l S".encode())


def document(pages: list[Page], *, title: str) -> bytes:
    """The file: catalogue, page tree, fonts, information; then two objects for each page; the table of where they
    are.
    """
    first = 4 + len(FONTS)
    kids = b" ".join(b"%d 0 R" % (first + 2 * place) for place in range(len(pages)))
    fonts = b" ".join(b"/F%d %d 0 R" % (place, 2 + place) for place in range(1, len(FONTS) + 1))
    name = title.encode("utf-16-be").hex().upper().encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        *(
            b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % font.encode()
            for font in FONTS
        ),
        b"<< /Title <FEFF%s> /Producer (mocksrv) >>" % name,
    ]
    for place, page in enumerate(pages):
        content = b"\n".join(page.marks)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font << %s >> >> /Contents %d 0 R >>"
            % (WIDTH, HEIGHT, fonts, first + 2 * place + 1)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        3 + len(FONTS),
        table,
    )
    return bytes(out)
