"""Builds small PDFs from content streams, pictures, fields and layers, for tests."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

A4 = (595, 842)
HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
INVOICE = (
    "NORTHWIND HARDWARE LTD",
    "12 Harbour Street, Bristol",
    "INVOICE",
    "Invoice number: NW-20417",
    "Invoice date: 14 March 2024",
    "Steel hinge 90 mm 4 x 12.50 50.00",
    "Net amount 991.67",
    "VAT 20 % 198.33",
    "Total due GBP 1,190.00",
)


@dataclass
class Pdf:
    """The objects of a PDF, numbered from 1: 1 is the catalog, 2 the page tree. `catalog` is added to the catalog."""

    catalog: str = ""
    objects: list[bytes] = field(default_factory=lambda: [b"", b""])
    pages: list[int] = field(default_factory=list)

    def add(self, body: str | bytes) -> int:
        """Add an object. Returns its number."""
        self.objects.append(body.encode("latin-1") if isinstance(body, str) else body)
        return len(self.objects)

    def stream(self, content: str | bytes, entries: str = "") -> int:
        packed = zlib.compress(content.encode("latin-1") if isinstance(content, str) else content)
        head = f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode()
        return self.add(head + packed + b"\nendstream")

    def picture(self, image: Image.Image) -> int:
        gray = image.convert("L")
        entries = f"/Type /XObject /Subtype /Image /Width {gray.width} /Height {gray.height}"
        return self.stream(gray.tobytes(), f"{entries} /ColorSpace /DeviceGray /BitsPerComponent 8")

    def page(
        self,
        content: str,
        *,
        size: tuple[float, float] = A4,
        entries: str = "",
        annotations: Sequence[str] = (),
        pictures: Sequence[Image.Image] = (),
        properties: str = "",
        font: str = HELVETICA,
    ) -> None:
        """A page with the font F1, pictures X0, X1 and so on."""
        drawn = " ".join(f"/X{index} {self.picture(picture)} 0 R" for index, picture in enumerate(pictures))
        contents = self.stream(content)
        notes = " ".join(f"{self.add(annotation)} 0 R" for annotation in annotations)
        resources = f"<< /Font << /F1 {font} >> /XObject << {drawn} >> /Properties << {properties} >> >>"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]} {size[1]}] {entries} /Contents {contents} 0 R"
        self.pages.append(self.add(f"{page} /Resources {resources} /Annots [{notes}] >>"))

    def attach(self, files: dict[str, bytes]) -> None:
        """Embed files."""
        names = []
        for name, content in files.items():
            stored = self.stream(content, "/Type /EmbeddedFile")
            spec = self.add(f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F {stored} 0 R >> >>")
            names.append(f"({name}) {spec} 0 R")
        self.catalog += f" /Names << /EmbeddedFiles << /Names [{' '.join(names)}] >> >>"

    def content(self) -> bytes:
        kids = " ".join(f"{number} 0 R" for number in self.pages)
        self.objects[0] = f"<< /Type /Catalog /Pages 2 0 R {self.catalog} >>".encode("latin-1")
        self.objects[1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(self.pages)} >>".encode()
        out = bytearray(b"%PDF-1.7\n")
        offsets = []
        for number, body in enumerate(self.objects, 1):
            offsets.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(self.objects) + 1)
        out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        return bytes(out + b"trailer << /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF" % (len(offsets) + 1, start))


def text(lines: Sequence[str], x: float = 72, top: float = 780, size: float = 11, step: float = 20) -> str:
    """A content stream that shows lines below each other."""
    return "\n".join(
        f"BT /F1 {size} Tf 1 0 0 1 {x} {top - step * index} Tm ({_escaped(line)}) Tj ET"
        for index, line in enumerate(lines)
    )


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def invoice(lines: Sequence[str] = INVOICE) -> bytes:
    pdf = Pdf()
    pdf.page(text(lines))
    return pdf.content()


def scan(lines: Sequence[str] = INVOICE, size: tuple[int, int] = (1240, 1754), print_px: int = 34) -> Image.Image:
    """A picture of a page."""
    image = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=print_px)
    for index, line in enumerate(lines):
        draw.text((size[0] * 0.08, print_px * (2 + 1.8 * index)), line, fill=20, font=font)
    return image


def filling(name: str = "X0", size: tuple[float, float] = A4, x: float = 0, y: float = 0) -> str:
    """A content stream that draws a picture."""
    return f"q {size[0]} 0 0 {size[1]} {x} {y} cm /{name} Do Q"
