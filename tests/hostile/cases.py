"""One file of each hostile or broken kind, with the outcomes that are accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile import hostile_files as m
from tests.hostile.endless_zip import zip_that_contains_itself

READ = frozenset({"done", "partial"})
BOMB = frozenset({"decompression_bomb"})
BROKEN = frozenset({"corrupt"})
LOCKED = frozenset({"password_protected"})
NOT_TAKEN = frozenset({"unsupported_type"})
WORDLESS = frozenset({"done", "partial", "no_text"})


@dataclass(frozen=True)
class Case:
    """A file, and how it may end: `done`, `partial`, or one of these error codes.

    `make` receives the address that nothing may call. Cases that are `slow` to make or to settle run only in
    `python -m tests.hostile`.
    """

    what: str
    name: str
    make: Callable[[str], bytes]
    ends: frozenset[str]
    slow: bool = False


def plain(make: Callable[[], bytes]) -> Callable[[str], bytes]:
    return lambda _url: make()


CASES = (
    # Locked
    Case("encrypted PDF", "a.pdf", plain(m.LOCKED_PDF.read_bytes), LOCKED),
    Case("encrypted workbook", "a.xlsx", plain(m.locked_workbook), LOCKED),
    Case("encrypted zip", "a.zip", plain(m.locked_zip), frozenset({"done"})),
    # Cut short
    Case("truncated JPEG", "a.jpg", plain(lambda: m.picture("JPEG", quality=95)[:4000]), BROKEN | WORDLESS),
    Case("JPEG of a header alone", "a.jpg", plain(lambda: m.picture("JPEG")[:200]), BROKEN),
    Case("truncated PNG", "a.png", plain(lambda: m.picture("PNG")[:900]), BROKEN | WORDLESS),
    Case("truncated PDF", "a.pdf", plain(lambda: m.pdf_page(m.SAYS)[:200]), BROKEN),
    Case("PDF that lost its table", "a.pdf", plain(lambda: m.pdf_page(m.SAYS)[:-150]), READ | BROKEN),
    Case("truncated docx", "a.docx", plain(lambda: m.docx(m.paragraph("Invoice 4711"))[:700]), BROKEN),
    # Bombs
    Case("docx that unpacks to 400 MB", "a.docx", plain(lambda: m.docx_bomb(400)), BOMB, slow=True),
    Case("docx that unpacks to 70 MB", "a.docx", plain(lambda: m.docx_bomb(70)), BOMB),
    Case("zip within zips", "a.zip", plain(lambda: m.zip_within_zips(50)), frozenset({"done"})),
    Case("zip that contains itself", "a.zip", plain(zip_that_contains_itself), frozenset({"done"})),
    Case("zip of zips of zips, 1 TiB in all", "a.zip", plain(lambda: m.zip_of_zips(5, 16)), frozenset({"done"})),
    Case(
        "zip of 40 GB in overlapping members",
        "a.zip",
        plain(lambda: m.zip_of_overlapping_members(2000, 20)),
        BOMB | {"done"},
    ),
    Case("PNG of 30,000 x 30,000", "a.png", plain(lambda: m.png(30_000, 30_000)), BOMB),
    Case("TIFF of 20,000 x 20,000", "a.tif", plain(lambda: m.tiff(1, 20_000, 20_000)), BOMB),
    Case(
        "PDF whose page unpacks to 400 MB",
        "a.pdf",
        plain(m.pdf_with_a_bomb),
        WORDLESS | {"resource_limit", "timeout"},
        slow=True,
    ),
    Case(
        "SVG of 20,000 x 20,000",
        "a.svg",
        plain(lambda: m.svg("<text>Invoice</text>").replace(b'"300"', b'"20000"').replace(b'"200"', b'"20000"')),
        WORDLESS,
    ),
    Case("entities in docx", "a.docx", plain(m.docx_with_entities), WORDLESS | BROKEN | BOMB),
    Case(
        "entities in svg",
        "a.svg",
        plain(lambda: m.svg("<text>&a10; &file;</text>", m.ENTITIES.format(root="svg"))),
        WORDLESS | BROKEN | BOMB,
    ),
    Case(
        "entities in html",
        "a.html",
        plain(lambda: m.ENTITIES.format(root="html").encode() + b"<html><body>Invoice &a10; &file;</body></html>"),
        WORDLESS,
    ),
    Case(
        "entities in xml",
        "a.xml",
        plain(lambda: m.ENTITIES.format(root="x").encode() + b"<x>&a10; &file;</x>"),
        WORDLESS,
    ),
    Case("nested <use>", "a.svg", plain(lambda: m.svg_of_nested_uses(30)), WORDLESS | BROKEN | BOMB, slow=True),
    Case("<use> of itself", "a.svg", plain(m.svg_that_uses_itself), WORDLESS | BROKEN),
    # Too much
    Case("TIFF of 2,000 pages", "a.tif", plain(lambda: m.tiff(2000, 400, 600)), WORDLESS, slow=True),
    Case("TIFF of 2,001 pages", "a.tif", plain(lambda: m.tiff(2001, 40, 60)), frozenset({"too_many_pages"})),
    Case("PDF page of 20,000 points", "a.pdf", plain(lambda: m.pdf_page(m.SAYS, box="0 0 20000 20000")), READ),
    Case("PDF page of a million points", "a.pdf", plain(lambda: m.pdf_page(m.SAYS, box="0 0 1000000 1000000")), READ),
    Case("PDF page of a million shapes over its text", "a.pdf", plain(m.pdf_of_a_million_shapes), WORDLESS, slow=True),
    Case("PDF of 200,000 objects", "a.pdf", plain(lambda: m.pdf_of_many_objects(200_000)), READ),
    Case("PDF that draws itself", "a.pdf", plain(m.pdf_that_draws_itself), BROKEN | {"timeout"}, slow=True),
    Case(
        "PDF whose page tree contains itself", "a.pdf", plain(m.pdf_whose_page_tree_contains_itself), BROKEN | WORDLESS
    ),
    Case("mail of 10,000 parts", "a.eml", plain(lambda: m.mail_of_many_parts(10_000)), READ),
    Case("mailbox of 5,000 messages", "a.mbox", plain(lambda: m.mailbox_of_messages(5_000)), frozenset({"partial"})),
    Case("mail with 20 bombs", "a.eml", plain(lambda: m.mail_with_bombs(20)), frozenset({"partial"})),
    Case("mail signed 20 times", "a.eml", plain(lambda: m.mail_signed_often(20)), frozenset({"partial"})),
    Case("winmail.dat of empty objects", "a.eml", plain(lambda: m.mail_with_winmail(2 << 20)), frozenset({"partial"})),
    Case("mail within 200 mails", "a.eml", plain(lambda: m.mail_within_mails(200)), READ),
    Case(
        "spreadsheet of 300,000 rows",
        "a.xlsx",
        plain(lambda: m.large_workbook(300_000)),
        READ | BOMB | {"too_large"},
        slow=True,
    ),
    Case("text of one line of 4 MB", "a.txt", plain(lambda: b"total " * 700_000), READ),
    Case("csv of formulas", "a.csv", plain(lambda: b"a,b\n=cmd|'/c calc'!A1,+1\n@SUM(A1),-2\n" * 50), READ),
    Case("json nested 100,000 deep", "a.json", plain(lambda: b"[" * 100_000 + b"]" * 100_000), READ),
    Case("html nested 100,000 deep", "a.html", plain(lambda: b"<div>" * 100_000 + b"Invoice"), READ),
    Case("PDF with a broken font", "a.pdf", plain(m.pdf_with_a_broken_font), READ),
    Case("video of noise", "a.mp4", plain(m.video_of_noise), frozenset({"done"})),
    # Files that refer to a server
    Case("svg that calls out", "a.svg", m.svg_that_calls_out, WORDLESS),
    Case("html that calls out", "a.html", m.html_that_calls_out, READ),
    Case("mail that calls out", "a.eml", m.mail_that_calls_out, READ),
    Case("docx that calls out", "a.docx", m.docx_that_calls_out, READ),
    Case("PDF that calls out", "a.pdf", m.pdf_that_calls_out, READ),
    # Files with a wrong name or two formats at once
    Case("JPEG named .pdf", "a.pdf", plain(lambda: m.picture("JPEG")), READ),
    Case("PDF named .jpg", "a.jpg", plain(lambda: m.pdf_page(m.SAYS)), READ),
    Case("docx named .txt", "a.txt", plain(lambda: m.docx(m.paragraph("Invoice 4711, total 12.50"))), READ),
    Case("text named .docx", "a.docx", plain(lambda: b"Invoice 4711\nTotal: 12.50\n" * 4), READ),
    Case("program named .png", "a.png", plain(m.elf), NOT_TAKEN),
    Case("PDF that is a zip as well", "a.pdf", plain(m.pdf_and_zip), READ),
    Case("GIF that is a script as well", "a.gif", plain(m.gif_and_script), READ),
    Case("JPEG that contains a web page", "a.html", plain(m.html_in_a_picture), READ),
    Case("zero bytes", "a.pdf", plain(lambda: b""), frozenset({"empty_file"})),
    Case("random bytes", "a.pdf", plain(lambda: m.noise(100_000)), NOT_TAKEN),
    Case("program for Linux", "a.exe", plain(m.elf), NOT_TAKEN),
    Case("program for Windows", "a.exe", plain(m.windows_program), NOT_TAKEN),
)

# The zips again, in a batch whose archives are expanded: accepted outcomes, and the number of files that result. A zip
# inside a zip is never expanded.
EXPANDED = {
    "encrypted zip": (LOCKED, 0),
    "zip within zips": (frozenset({"done"}), 2),
    "zip that contains itself": (frozenset({"done"}), 1),
    "zip of zips of zips, 1 TiB in all": (frozenset({"done"}), 16),
    "zip of 40 GB in overlapping members": (BOMB | {"too_large"}, 0),
}

# File names that the API accepts or refuses. Accepted names are stored and returned unchanged.
NAMES = (
    *(
        "../../etc/passwd",
        "..",
        "a/../b.txt",
        "C:\\Windows\\a.txt",
        "a%00.txt",
        "a%2e%2e%2f.txt",
        "a\x00.txt",
        "a\nb.txt",
    ),
    *(
        "a\r\nX-Evil: 1.txt",
        "\u202egpj.exe",
        "\U0001f9fe\U0001f600.txt",
        "<img src=x onerror=alert(1)>.txt",
        '";.txt',
        "=1+1.txt",
    ),
    *("n" * 1020 + ".txt", "\u00e9" * 510 + ".txt", "n" * 1100, " ", ".", "\ud800.txt"),
)
