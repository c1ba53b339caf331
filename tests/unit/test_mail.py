"""What a person reads in a mail is read: its richer text, its attachments, and the content of its envelopes."""

from __future__ import annotations

import base64
import io
import sys
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from layers.decoders import archives, embedded, identify, web_pages
from layers.domain.errors import PermanentError
from layers.domain.extraction.segments import documents_of
from layers.domain.formats import MAILBOX
from layers.domain.page import Page as Read
from tests.hostile import hostile_files
from tests.hostile.hostile_files import docx, paragraph, pdf_page, xlsx

TYPE = "message/rfc822"
INVOICE = b"BT /F 24 Tf 72 700 Td (Invoice number: NW-77) Tj 0 -40 Td (Total due: GBP 1,190.00) Tj ET"


def message(text: str = "Please find the invoice attached.", subject: str = "Your invoice") -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "billing@example.com", "customer@example.org"
    made["Date"] = "Thu, 14 Mar 2024 10:41:00 +0000"
    made.set_content(text)
    return made


def attach(made: EmailMessage, content: bytes, kind: str, name: str | None) -> EmailMessage:
    maintype, subtype = kind.split("/")
    made.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return made


def read(tmp_path: Path, content: EmailMessage | bytes) -> list[dict[str, Any]]:
    path = tmp_path / "a.eml"
    path.write_bytes(content if isinstance(content, bytes) else content.as_bytes())
    assert identify.identify(str(path), "a.eml")["media_type"] == TYPE
    return embedded.read_text(str(path), TYPE)


def preview(tmp_path: Path, content: EmailMessage) -> str:
    path = tmp_path / "shown.eml"
    path.write_bytes(content.as_bytes())
    return web_pages.body_of(str(path), TYPE)


def notes(pages: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [(text, lost) for page in pages for text, lost in page.get("notes") or ()]


def picture(width: int = 700, height: int = 500) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (width, height), 200).save(stream, "PNG")
    return stream.getvalue()


# --- which of several texts ----------------------------------------------------------------------------

STUB = "This is an HTML email. Please view it in a client that supports HTML."
LAID_OUT = "<html><body><p>Invoice number: NW-77</p><p>Total due: GBP 1,190.00</p></body></html>"


@pytest.mark.parametrize(
    ("plain", "laid_out", "read_as", "not_read"),
    [
        (STUB, LAID_OUT, "Total due: GBP 1,190.00", "HTML email"),
        ("Invoice number: NW-77\n\n  Total due:   GBP 1,190.00\n", LAID_OUT, "Total due:   GBP 1,190.00", "<p>"),
        ("Total due: GBP 1,190.00", "<img src='https://a.example/b.png'>", "Total due: GBP 1,190.00", "img"),
        ("Order 4711 costs 99.00 EUR in all.", "<p>See the text.</p>", "99.00 EUR", "See the text"),
        ("", LAID_OUT, "GBP 1,190.00", "<p>"),
        ("Total due: GBP 1,190.00", "<p>Total due: GBP 1,290.00</p>", "1,290.00", "1,190.00"),
        ("Total <https://a.example/77> due: GBP 90.00", "<a>Total</a> due: GBP 90.00", "<https://a.example", "<a>"),
    ],
)
def test_the_text_that_says_more_is_read(
    tmp_path: Path, plain: str, laid_out: str, read_as: str, not_read: str
) -> None:
    made = message(plain)
    made.add_alternative(laid_out, subtype="html")
    (page,) = read(tmp_path, made)
    assert read_as in page["text"] and not_read not in page["text"]


def test_hidden_text_of_the_html_is_not_read_and_a_note_says_so(tmp_path: Path) -> None:
    made = message(STUB)
    made.add_alternative(f'<div style="display:none">Total 9,999.99</div>{LAID_OUT}', subtype="html")
    (page,) = read(tmp_path, made)
    assert "9,999.99" not in page["text"]
    assert [lost for text, lost in notes([page]) if "does not show" in text] == [False]


def test_the_same_text_for_programs_is_not_read_again(tmp_path: Path) -> None:
    made = message(STUB)
    made.add_alternative(LAID_OUT, subtype="html")
    made.add_alternative("<html amp4email>Total due: 5.00</html>", subtype="x-amp-html")
    (page,) = read(tmp_path, made)
    assert "5.00" not in page["text"] and "1,190.00" in page["text"]


def test_text_around_an_attachment_is_read_in_order(tmp_path: Path) -> None:
    made = message("First part.")
    made.make_mixed()
    second = EmailMessage()
    second.set_content("<p>Second part.</p>", subtype="html")
    made.attach(second)
    (page,) = read(tmp_path, made)
    assert page["text"].index("First part.") < page["text"].index("Second part.")


# --- attached documents --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kind", "name"),
    [
        (lambda: pdf_page(INVOICE), "application/pdf", "NW-77.pdf"),
        (lambda: pdf_page(INVOICE), "application/octet-stream", "scan"),
        (lambda: pdf_page(INVOICE), "application/pdf", None),
        (
            lambda: docx(paragraph("Invoice number: NW-77") + paragraph("Total due: GBP 1,190.00")),
            "application/x-any",
            "a.docx",
        ),
        (lambda: xlsx([["Invoice number", "NW-77"], ["Total due", "GBP 1,190.00"]]), "application/x-any", "a.xlsx"),
        (lambda: b"Invoice number: NW-77\nTotal due: GBP 1,190.00\n", "text/plain", "invoice.txt"),
        (lambda: b"number;total\nNW-77;1,190.00\n", "text/csv", "invoice.csv"),
        (lambda: LAID_OUT.encode(), "text/html", "invoice.html"),
        (lambda: message("Invoice NW-77, 1,190.00").as_bytes(), "application/octet-stream", "invoice.eml"),
    ],
)
def test_an_attached_document_is_read_as_pages_of_the_mail(
    tmp_path: Path, make: Callable[[], bytes], kind: str, name: str | None
) -> None:
    first, second = read(tmp_path, attach(message(), make(), kind, name))
    assert "Please find the invoice attached." in first["text"]
    assert second["number"] == 2 and second["source"] == "native"
    assert "NW-77" in second["text"] and "1,190.00" in second["text"]
    assert not notes([first, second])


def test_without_the_reader_of_an_attached_document_the_mail_is_refused_so_that_page_numbers_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "office_oxide", None)  # as for OCR on Lambda
    made = attach(message(), docx(paragraph("Invoice number: NW-77")), "application/x-any", "a.docx")
    with pytest.raises(PermanentError, match="can't be read by OCR here"):
        read(tmp_path, attach(made, picture(), "image/png", "IMG_1.png"))


def test_a_forwarded_message_is_read_with_its_own_attachments(tmp_path: Path) -> None:
    inner = attach(message("The original.", "Original invoice"), pdf_page(INVOICE), "application/pdf", "NW-77.pdf")
    made = message("See below.", "FW: Original invoice")
    made.add_attachment(inner)
    outer, forwarded, invoice = read(tmp_path, made)
    assert "See below." in outer["text"] and "The original." in forwarded["text"] and "NW-77" in invoice["text"]
    assert "Attachments: Original invoice" in outer["text"]


@pytest.mark.parametrize("text", ["photo", "The committee met in the old town hall and heard about roads. " * 9])
def test_an_attached_picture_is_a_page_for_ocr_whatever_the_mail_says(tmp_path: Path, text: str) -> None:
    _, scan = read(tmp_path, attach(message(text), picture(), "image/png", "IMG_1.png"))
    assert scan["source"] is None and scan["number"] == 2


def test_each_page_of_an_attached_fax_is_a_page(tmp_path: Path) -> None:
    stream = io.BytesIO()
    pages = [Image.new("L", (800, 600), 255 - 9 * number) for number in range(3)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    assert len(read(tmp_path, attach(message(), stream.getvalue(), "image/tiff", "fax.tif"))) == 4


def test_a_logo_in_the_text_is_no_page_and_a_small_attached_picture_is_noted(tmp_path: Path) -> None:
    made = message()
    made.add_alternative('<p>Please find the invoice attached.</p><img src="cid:logo">', subtype="html")
    part = made.get_payload()[1]  # type: ignore[index]
    part.add_related(picture(), "image", "png", cid="<logo>", filename="logo.png")  # type: ignore[union-attr]
    made.make_mixed()
    pages = read(tmp_path, attach(made, picture(60, 40), "image/png", "tiny.png"))
    assert [page["number"] for page in pages] == [1, 2]  # a mail of few words: its picture is looked at
    assert [lost for text, lost in notes(pages) if "tiny.png is small" in text] == [False]


def test_a_scanned_pdf_in_a_mail_is_drawn_for_ocr(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((900, 1200)).save(stream, "PDF")
    _, page = read(tmp_path, attach(message(), stream.getvalue(), "application/pdf", "scan.pdf"))
    assert page["source"] is None
    drawn = embedded.gray_page(str(tmp_path / "a.eml"), TYPE, 2)
    assert min(drawn.size) > 500 and drawn.mode == "L"
    as_read = {"number": 2, "text": "x", "words": [["x", 0, 0, 1, 1, 80]], "source": "ocr", "confidence": 80.0}
    assert embedded.add_own_text(str(tmp_path / "a.eml"), TYPE, as_read)["number"] == 2


def test_an_attached_photograph_without_words_counts_as_read(tmp_path: Path) -> None:
    read(tmp_path, attach(message(), picture(), "image/png", "photo.png"))
    blank = {"number": 2, "text": "", "words": [], "source": None, "confidence": 0.0}
    assert embedded.add_own_text(str(tmp_path / "a.eml"), TYPE, blank)["source"] == "native"


# --- what can't be read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name", "lost", "says"),
    [
        (lambda: hostile_files.LOCKED_PDF.read_bytes(), "a.pdf", True, "password"),
        (lambda: pdf_page(INVOICE)[:200], "a.pdf", True, "damaged"),
        (lambda: hostile_files.docx_bomb(70), "a.docx", True, "unpacks"),
        (lambda: hostile_files.zip_of_zips(1, 2), "a.zip", True, "archive"),
        (hostile_files.elf, "a.bin", True, "can't be read"),
        (lambda: hostile_files.picture("JPEG")[:200], "a.jpg", True, "damaged"),
        (lambda: b"", "a.pdf", True, "empty"),
        (hostile_files.video_of_noise, "a.mp4", False, "video"),
    ],
)
def test_a_note_says_which_attached_file_was_not_read_and_why(
    tmp_path: Path, make: Callable[[], bytes], name: str, lost: bool, says: str
) -> None:
    made = attach(message(), make(), "application/octet-stream", name)
    first, last = read(tmp_path, attach(made, pdf_page(INVOICE), "application/pdf", "good.pdf"))
    assert "NW-77" in last["text"]
    ((text, is_lost),) = notes([first, last])
    assert name in text and says in text and is_lost is lost


def test_notes_on_pages_of_an_attached_document_name_it(tmp_path: Path) -> None:
    hidden = b"BT /F 24 Tf 72 700 Td (Invoice number: NW-77 of March) Tj 3 Tr 0 -40 Td (Total 9,999.99 hidden) Tj ET"
    pages = read(tmp_path, attach(message(), pdf_page(hidden), "application/pdf", "NW-77.pdf"))
    assert [text.startswith("NW-77.pdf: page 1 holds text") for text, _ in notes(pages)] == [True]


def test_signatures_are_not_attached_documents(tmp_path: Path) -> None:
    made = attach(message(), b"\x30\x03\x02\x01\x01", "application/pkcs7-signature", "smime.p7s")
    (page,) = read(tmp_path, made)
    assert "smime.p7s" not in page["text"] and not notes([page])


def test_no_more_than_the_limit_of_attached_files_is_read(tmp_path: Path) -> None:
    made = message()
    for number in range(3):
        attach(made, f"number {number}".encode(), "text/plain", f"{number}.txt")
    limit = pytest.MonkeyPatch()
    limit.setattr("layers.decoders.mail_pages.MAX_ATTACHED", 2)
    try:
        pages = read(tmp_path, made)
    finally:
        limit.undo()
    assert len(pages) == 3
    assert notes(pages) == [("1 further attached files of this mail were not read", True)]


def test_multiparts_without_end_are_cut_and_a_note_says_so(tmp_path: Path) -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(200)
    )
    pages = read(tmp_path, b"From: a@example.com\r\nTo: b@c.example\r\nSubject: deep\r\n" + deep + b"\r\nTotal 5.00")
    assert [lost for text, lost in notes(pages) if "too many parts" in text] == [True]


# --- envelopes -----------------------------------------------------------------------------------------


def der(tag: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    size = len(body).to_bytes(4, "big")
    return bytes([tag, 0x84]) + size + body


def without_length(tag: int, *contents: bytes) -> bytes:
    """As programs write that sign what they send while they send it."""
    return bytes([tag, 0x80]) + b"".join(contents) + b"\0\0"


def oid(*last: int) -> bytes:
    return der(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01" + bytes(last))


def signed(content: bytes, write: Callable[..., bytes] = der) -> bytes:
    octets = write(0x24, der(0x04, content[:40]), der(0x04, content[40:]))
    inner = write(0x30, oid(7, 1), write(0xA0, octets))
    return write(0x30, oid(7, 2), write(0xA0, write(0x30, b"\x02\x01\x01", der(0x31), inner, der(0x31))))


def compressed(content: bytes) -> bytes:
    algorithm = der(0x30, oid(9, 16, 3, 8))
    inner = der(0x30, oid(7, 1), der(0xA0, der(0x04, zlib.compress(content))))
    return der(0x30, oid(9, 16, 1, 9), der(0xA0, der(0x30, b"\x02\x01\x00", algorithm, inner)))


def enveloped() -> bytes:
    return der(0x30, oid(7, 3), der(0xA0, der(0x30, b"\x02\x01\x00", der(0x31), der(0x30, oid(7, 1)))))


def envelope(content: bytes, name: str = "smime.p7m", kind: str = "pkcs7-mime") -> EmailMessage:
    made = message()
    made.clear_content()
    made.set_content(content, "application", kind, filename=name)
    return made


INNER = b"Content-Type: text/plain\r\n\r\nInvoice number: NW-77\r\nTotal due: GBP 1,190.00\r\n"


@pytest.mark.parametrize(
    "wrapped",
    [
        signed(INNER),
        signed(INNER, without_length),
        compressed(INNER),
        base64.b64encode(signed(INNER)),
        signed(b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"
               + base64.encodebytes(signed(INNER))),
    ],
    ids=["DER", "BER", "compressed", "base64 twice", "signed twice"],
)  # fmt: skip
def test_a_message_inside_its_signature_is_read(tmp_path: Path, wrapped: bytes) -> None:
    (page,) = read(tmp_path, envelope(wrapped))
    assert "Subject: Your invoice" in page["text"] and "Total due: GBP 1,190.00" in page["text"]
    assert not notes([page]) and "Attachments" not in page["text"]


def test_attached_documents_inside_a_signature_are_read(tmp_path: Path) -> None:
    inner = attach(message(), pdf_page(INVOICE), "application/pdf", "NW-77.pdf").as_bytes()
    assert "NW-77" in read(tmp_path, envelope(signed(inner)))[1]["text"]


def test_a_signed_document_is_read_by_its_own_name(tmp_path: Path) -> None:
    made = attach(message(), signed(pdf_page(INVOICE)), "application/pkcs7-mime", "invoice.pdf.p7m")
    first, second = read(tmp_path, made)
    assert "Attachments: invoice.pdf" in first["text"] and "NW-77" in second["text"]


@pytest.mark.parametrize("kind", ["S/MIME", "PGP"])
def test_a_mail_that_is_encrypted_as_a_whole_is_refused_with_a_code_of_its_own(tmp_path: Path, kind: str) -> None:
    made = envelope(enveloped())
    if kind == "PGP":
        made = message()
        made.clear_content()
        made["Content-Type"] = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"'
        made.set_payload("--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--b--\n")
    with pytest.raises(PermanentError) as refused:
        read(tmp_path, made)
    assert refused.value.code == "encrypted"


def test_a_mail_of_which_a_part_is_encrypted_is_partial(tmp_path: Path) -> None:
    pages = read(tmp_path, attach(message(), enveloped(), "application/pkcs7-mime", "smime.p7m"))
    assert [lost for text, lost in notes(pages) if "encrypted" in text] == [True]


@pytest.mark.parametrize("content", [b"\x30\x80\x06", b"not an envelope", signed(INNER)[:90], b"\x30" * 5000])
def test_a_damaged_envelope_is_noted(tmp_path: Path, content: bytes) -> None:
    pages = read(tmp_path, attach(message(), content, "application/pkcs7-mime", "smime.p7m"))
    assert [lost for text, lost in notes(pages) if "smime.p7m was not read" in text] == [True]


def test_an_envelope_that_unpacks_without_end_is_noted(tmp_path: Path) -> None:
    pages = read(tmp_path, envelope(compressed(bytes(80 << 20))))
    assert [lost for text, lost in notes(pages) if "smime.p7m was not read" in text] == [True]


# --- winmail.dat ---------------------------------------------------------------------------------------


def winmail(*files: tuple[str, bytes], body: bytes = b"", codepage: int = 1252) -> bytes:
    """Outlook's container with a text and attached files."""

    def item(level: int, name: int, kind: int, content: bytes) -> bytes:
        head = bytes([level]) + name.to_bytes(2, "little") + kind.to_bytes(2, "little")
        return head + len(content).to_bytes(4, "little") + content + (sum(content) & 0xFFFF).to_bytes(2, "little")

    made = (0x223E9F78).to_bytes(4, "little") + b"\x01\x00"
    made += item(1, 0x9006, 8, (0x10000).to_bytes(4, "little"))
    made += item(1, 0x9007, 6, codepage.to_bytes(8, "little"))
    made += item(1, 0x800C, 2, body + b"\0") if body else b""
    for name, content in files:
        made += item(2, 0x9002, 6, bytes(14)) + item(2, 0x8010, 1, name.encode() + b"\0") + item(2, 0x800F, 6, content)
    return made


def test_documents_in_winmail_dat_are_read(tmp_path: Path) -> None:
    content = winmail(("NW-77.pdf", pdf_page(INVOICE)), ("note.txt", b"Delivered on Monday"), body=b"Please find")
    pages = read(tmp_path, attach(message(), content, "application/ms-tnef", "winmail.dat"))
    assert [name in pages[0]["text"] for name in ("NW-77.pdf", "note.txt", "winmail.dat")] == [True, True, False]
    assert "NW-77" in pages[1]["text"] and "Monday" in pages[2]["text"] and not notes(pages)


def test_the_text_in_winmail_dat_is_read_if_the_mail_has_no_other(tmp_path: Path) -> None:
    content = winmail(body=b"Total due: GBP 1,190.00")
    for text, is_read in (("", True), ("Please find the total attached.", False)):
        (page,) = read(tmp_path, attach(message(text), content, "application/octet-stream", "winmail.dat"))
        assert ("1,190.00" in page["text"]) is is_read


@pytest.mark.parametrize(
    "content",
    [b"\x78\x9f\x3e\x22", b"no container", winmail(("a.pdf", b"x" * 500))[:-400], winmail(("a", b"")) + b"\2" * 90_000],
    ids=["signature alone", "no signature", "cut", "endless"],
)
def test_a_damaged_winmail_dat_never_fails_the_mail(tmp_path: Path, content: bytes) -> None:
    pages = read(tmp_path, attach(message(), content, "application/ms-tnef", "winmail.dat"))
    assert "Please find" in pages[0]["text"]
    assert len(pages) > 1 or [lost for _, lost in notes(pages)] == [True]


# --- calendars and reports -----------------------------------------------------------------------------

EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Delivery\\, hinges\r\nDTSTART;TZID=Europe/Berlin:"
    "20240320T090000\r\nDTEND:20240320T100000Z\r\nORGANIZER;CN=\"Smith: Ann\":mailto:ann@example.com\r\n"
    "DESCRIPTION:Total due on delivery\r\n  GBP 1\\,190.00\\nThank you\r\nBEGIN:VALARM\r\nDESCRIPTION:Reminder\r\n"
    "END:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)  # fmt: skip


@pytest.mark.parametrize("name", [None, "invite.ics"])
def test_an_invitation_is_shown_as_text_once(tmp_path: Path, name: str | None) -> None:
    made = message("You are invited.")
    made.add_alternative(EVENT, subtype="calendar")
    if name:
        attach(made, EVENT.encode(), "application/octet-stream", name)
    (page,) = read(tmp_path, made)
    assert page["text"].count("Event: Delivery, hinges") == 1 and "BEGIN:" not in page["text"]
    for line in (
        "Start: 2024-03-20 09:00 Europe/Berlin",
        "End: 2024-03-20 10:00 UTC",
        "Organizer: Smith: Ann <ann@example.com>",
        "Description: Total due on delivery GBP 1,190.00\nThank you",
    ):
        assert line in page["text"]
    assert "Reminder" not in page["text"] and "You are invited." in page["text"]


def test_a_delivery_report_is_read(tmp_path: Path) -> None:
    content = (
        b'From: a@b.example\nTo: c@d.example\nSubject: failed\nContent-Type: multipart/report; boundary="b"\n\n--b\n\n'
        b"Not delivered.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        b"Final-Recipient: rfc822; c@d.example\n\n--b\nContent-Type: text/rfc822-headers\n\nSubject: Order\n--b--\n"
    )
    (page,) = read(tmp_path, content)
    assert "Not delivered." in page["text"] and "Final-Recipient: rfc822; c@d.example" in page["text"]
    assert not notes([page])


# --- preview -------------------------------------------------------------------------------------------


def test_the_preview_shows_the_text_and_the_attached_documents(tmp_path: Path) -> None:
    made = attach(message("See below."), pdf_page(INVOICE), "application/pdf", "NW-77.pdf")
    made = attach(made, docx(paragraph("Terms of delivery")), "application/x-any", "terms.docx")
    forwarded = message("The original.", "Original")
    made.add_attachment(forwarded)
    shown = preview(tmp_path, made)
    assert shown.count("data:image/webp;base64,") == 1
    for text in ("See below.", "<h3>NW-77.pdf</h3>", "Terms of delivery", "<h3>Original</h3>", "The original."):
        assert text in shown


def test_the_preview_of_attached_markup_is_sanitised(tmp_path: Path) -> None:
    page = b"<script>evil()</script><img src='https://a.example/x.png' onerror=evil()><p>Invoice"
    shown = preview(tmp_path, attach(message(), page, "text/html", "<b>a.html"))
    assert "evil" not in shown and "https://" not in shown and "&lt;b&gt;a.html" in shown and "Invoice" in shown


# --- mailboxes -----------------------------------------------------------------------------------------


def mailbox(*made: EmailMessage, end: bytes = b"\n") -> bytes:
    return b"".join(
        b"From billing@example.com Thu Mar 14 10:41:00 2024" + end + member.as_bytes().replace(b"\n", end) + end
        for member in made
    )


def stored_mailbox(tmp_path: Path, content: bytes, name: str = "a.mbox") -> tuple[str, str]:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path), identify.identify(str(path), name)["media_type"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", ["a.mbox", "a.eml", "Inbox"])
def test_each_message_of_a_mailbox_begins_a_document(tmp_path: Path, name: str, end: bytes) -> None:
    two = attach(message("Second", "Two"), pdf_page(INVOICE), "application/pdf", "NW-77.pdf")
    path, media_type = stored_mailbox(tmp_path, mailbox(message("First", "One"), two, message("Third"), end=end), name)
    assert media_type == MAILBOX
    pages = embedded.read_text(path, media_type)
    assert [page.get("begins_document", False) for page in pages] == [True, True, False, True]
    assert [word in page["text"] for word, page in zip(["First", "Second", "NW-77", "Third"], pages, strict=True)]
    assert not notes(pages)


def test_a_line_of_text_that_begins_with_from_starts_no_message(tmp_path: Path) -> None:
    text = "We looked.\n\nFrom the harbour on: three hinges.\n\nFrom here on\nall is well"
    path, media_type = stored_mailbox(tmp_path, mailbox(message(text), message("Second")))
    pages = embedded.read_text(path, media_type)
    assert len(pages) == 2 and "From here on\nall is well" in pages[0]["text"]


def test_quoted_lines_of_a_mailbox_are_read_as_they_were_sent(tmp_path: Path) -> None:
    content = mailbox(message("One"), message("Two")).replace(b"One", b">From Bristol\n>>From Bath")
    path, media_type = stored_mailbox(tmp_path, content)
    assert "\nFrom Bristol\n>From Bath" in embedded.read_text(path, media_type)[0]["text"]


def test_a_mailbox_of_one_message_is_a_mail(tmp_path: Path) -> None:
    assert stored_mailbox(tmp_path, mailbox(message("Only")))[1] == TYPE


def test_an_encrypted_message_among_others_leaves_the_mailbox_partial(tmp_path: Path) -> None:
    path, media_type = stored_mailbox(tmp_path, mailbox(message("First"), envelope(enveloped()), message("Third")))
    pages = embedded.read_text(path, media_type)
    assert len(pages) == 3 and [lost for text, lost in notes(pages) if "encrypted" in text] == [True]


def test_messages_beyond_the_limit_are_counted_in_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layers.decoders.mail_pages.MAX_PAGES", 2)
    path, media_type = stored_mailbox(tmp_path, mailbox(*(message(f"Message {number}") for number in range(5))))
    pages = embedded.read_text(path, media_type)
    assert len(pages) == 2 and notes(pages) == [("3 further messages of this mailbox were not read", True)]


def test_the_preview_of_a_mailbox_shows_all_messages(tmp_path: Path) -> None:
    path, media_type = stored_mailbox(tmp_path, mailbox(message("First"), message("Second")))
    shown = web_pages.body_of(path, media_type)
    assert "First" in shown and "Second" in shown


def test_a_message_and_its_attachment_are_one_document() -> None:
    letter = "Subject: Your invoice\nFrom: billing@example.com\nDate: Thu, 14 Mar 2024\n\nPlease find it attached."
    first = "Page 1 of 2\nInvoice number: NW-1\nInvoice date: 11 March 2024\ncarried forward"
    last = "Page 2 of 2\nInvoice number: NW-1\nTotal due GBP 90.00"
    other = "Page 1 of 1\nInvoice number: NW-2\nInvoice date: 12 March 2024\nTotal due GBP 20.00"
    for head in (letter, letter.replace("Your invoice", "Invoice number: NW-1")):
        texts = (head, first, last, other)
        pages = [Read(number, text, source="native", confidence=100.0) for number, text in enumerate(texts, 1)]
        assert [[page.number for page in document] for document in documents_of(pages)] == [[1, 2, 3], [4]]


def test_the_file_says_where_documents_begin_even_if_their_texts_do_not() -> None:
    pages = [Read(number, "Hello", source="native", begins_document=number != 2) for number in range(1, 401)]
    for some in (pages[:3], pages):
        groups = documents_of(some)
        assert len(groups) == len(some) - 1 and [page.number for page in groups[0]] == [1, 2]


# --- as files of their own -----------------------------------------------------------------------------


def test_the_attachments_of_a_mail_can_be_extracted_as_files(tmp_path: Path) -> None:
    made = attach(message(), pdf_page(INVOICE), "application/pdf", "NW-77.pdf")
    made.add_attachment(message("The original.", "Original"))
    attach(made, b"a;b\n", "text/csv", None)
    path = tmp_path / "a.eml"
    path.write_bytes(made.as_bytes())
    listed = archives.members(str(path), TYPE)
    assert [member["name"] for member in listed] == ["NW-77.pdf", "Original.eml", "attachment 3.csv"]
    unpacked = archives.unpack(str(path), TYPE, [member["index"] for member in listed], str(tmp_path))
    assert [member["size_bytes"] for member in unpacked] == [member["size_bytes"] for member in listed]
    assert (tmp_path / unpacked[0]["stored_as"]).read_bytes() == pdf_page(INVOICE)
    assert b"The original." in (tmp_path / unpacked[1]["stored_as"]).read_bytes()


def test_a_mail_whose_attachments_are_separate_files_has_only_its_own_pages(tmp_path: Path) -> None:
    made = attach(message(), hostile_files.elf(), "application/octet-stream", "a.bin")
    path = tmp_path / "a.eml"
    path.write_bytes(attach(made, pdf_page(INVOICE), "application/pdf", "NW-77.pdf").as_bytes())
    (page,) = embedded.read_text(str(path), TYPE, without_members=True)
    assert "Please find" in page["text"] and not notes([page])
    assert len(embedded.read_text(str(path), TYPE)) == 2


def test_the_messages_of_a_mailbox_can_be_extracted_as_files(tmp_path: Path) -> None:
    path, media_type = stored_mailbox(tmp_path, mailbox(message("First", "One/Two"), message("Second", "")))
    listed = archives.members(path, media_type)
    assert [member["name"] for member in listed] == ["1 One/Two.eml", "2 message.eml"]
    archives.unpack(path, media_type, [1], str(tmp_path))
    assert b"Second" in (tmp_path / "member-1").read_bytes()


def test_a_mailbox_of_very_many_messages_is_not_split(tmp_path: Path) -> None:
    path, media_type = stored_mailbox(tmp_path, b"From a\nSubject: b\n\n\n" * 1001)
    with pytest.raises(PermanentError) as refused:
        archives.members(path, media_type)
    assert refused.value.code == "too_large"
