"""What is attached to a mail, whatever its sender calls it."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from fairway_client.mails import read_mail


def mail(subject: str = "Invoices of May") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content("See the attachments.")
    return message


def attached(message: EmailMessage) -> dict[str, bytes]:
    return {each.name: each.content for each in read_mail(bytes(message)).attachments}


def test_each_attachment_is_a_file_with_its_bytes() -> None:
    message = mail("Rechnungen für Mai")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Rechnung Ü.pdf")
    message.add_attachment("text, with ümlauts", filename="note.txt")
    assert read_mail(bytes(message)).subject == "Rechnungen für Mai"
    assert attached(message) == {"Rechnung Ü.pdf": b"%PDF", "note.txt": "text, with ümlauts\n".encode()}


def test_a_mail_without_attachments_has_none() -> None:
    assert attached(mail()) == {}


def test_names_that_are_equal_absent_or_paths_become_different_names() -> None:
    message = mail()
    for name in ("scan.pdf", "scan.pdf", None, "../../etc/passwd", "a\\b.pdf", "..."):
        message.add_attachment(b"x", maintype="application", subtype="pdf", filename=name)
    names = list(attached(message))
    assert names == ["scan.pdf", "scan (2).pdf", "attachment", "_.._etc_passwd", "a_b.pdf", "attachment (2)"]
    assert not any("/" in name for name in names)


def test_pictures_of_the_text_are_no_attachments_but_named_pictures_are() -> None:
    message = mail()
    message.add_alternative("<img src='cid:logo'>", subtype="html")
    message.get_payload()[1].add_related(b"logo", "image", "png", cid="<logo>", filename="logo.png")
    message.add_attachment(b"photo", maintype="image", subtype="jpeg", filename="photo.jpg", disposition="inline")
    assert attached(message) == {"photo.jpg": b"photo"}


def test_a_forwarded_mail_is_one_file_with_all_that_is_attached_to_it() -> None:
    inner = mail("The original")
    inner.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="inner.pdf")
    outer = mail("Fwd")
    outer.add_attachment(inner)
    (name,) = attached(outer)
    assert name == "The original.eml"
    assert attached(outer)[name].count(b"inner.pdf") >= 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?b?broken?=\r\n\r\ntext",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Subject: a\x00b\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
    ],
)
def test_a_damaged_mail_is_read_without_an_error(content: bytes) -> None:
    assert read_mail(content).subject


def test_a_mail_is_named_although_it_has_no_subject() -> None:
    assert read_mail(b"\r\ntext").subject == "mail without a subject"
    assert read_mail(b"Subject: a\r\n b\tc\r\n\r\ntext").subject == "a b c"
