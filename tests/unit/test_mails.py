"""What is attached to a mail, whatever its sender calls it."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from pathlib import Path

import pytest
from fairway_client import mails
from fairway_client.mails import Mail, UnreadableMail

LEAST = 1000


def mail(subject: str = "Invoices of May") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Ann <ann@example.org>"
    message.set_content("See the attachments.")
    return message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "parts"
    made.mkdir()
    return made


def read(message: EmailMessage | bytes, folder: Path, least: int = LEAST) -> Mail:
    source = folder.parent / "mail"
    source.write_bytes(message if isinstance(message, bytes) else bytes(message))
    return mails.read_mail(source, folder, least_picture_bytes=least)


def attached(message: EmailMessage | bytes, folder: Path) -> dict[str, bytes]:
    return {each.name: each.path.read_bytes() for each in read(message, folder).attachments}


def with_name(header: str) -> bytes:
    """A mail with one attachment, whose name this header tells."""
    return (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b"--b\r\n" + header.encode("utf-8", "surrogateescape") + b"\r\n\r\n%PDF\r\n--b--\r\n"
    )


def test_each_attachment_is_a_file_with_its_bytes(folder: Path) -> None:
    message = mail("Rechnungen für Mai")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Rechnung Ü.pdf")
    message.add_attachment("text, with ümlauts", filename="note.txt")
    found = read(message, folder)
    assert (found.subject, found.sender) == ("Rechnungen für Mai", "ann@example.org")
    assert found.name == "Rechnungen für Mai (ann@example.org)"
    assert attached(message, folder) == {"Rechnung Ü.pdf": b"%PDF", "note.txt": "text, with ümlauts\n".encode()}


def test_a_mail_without_attachments_has_none(folder: Path) -> None:
    message = mail()
    message.add_alternative("<p>See the attachments.</p>", subtype="html")
    assert read(message, folder) == Mail("Invoices of May", "ann@example.org", (), ())
    assert attached(b"Subject: plain\r\n\r\ntext", folder) == {}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('Content-Disposition: attachment; filename="a.pdf"', "a.pdf"),
        ("Content-Disposition: attachment; filename*=utf-8''Rechnung%20%C3%9C.pdf", "Rechnung Ü.pdf"),
        (
            "Content-Disposition: attachment; filename*0*=utf-8''Rech;\r\n filename*1*=nung%20;\r\n filename*2=1.pdf",
            "Rechnung 1.pdf",
        ),
        ('Content-Disposition: attachment; filename="=?utf-8?Q?=C3=9C_1=2Epdf?="', "Ü 1.pdf"),
        ('Content-Disposition: attachment; filename="=?utf-8?B?w5wx?=\r\n =?utf-8?B?LnBkZg==?="', "Ü1.pdf"),
        ('Content-Type: application/pdf; name="by type.pdf"', "by type.pdf"),
        ('Content-Disposition: attachment; filename="Übersicht.pdf"', "Übersicht.pdf"),
        ('Content-Disposition: attachment; filename="\udcdcbersicht.pdf"', "Übersicht.pdf"),
        ("Content-Disposition: attachment; filename*=no-such-charset''a%FF.pdf", "a�.pdf"),
        ('Content-Disposition: attachment; filename="../../etc/passwd"', "_.._etc_passwd"),
        ('Content-Disposition: attachment; filename="C:\\\\scans\\\\b.pdf"', "C:_scans_b.pdf"),
        ('Content-Disposition: attachment; filename="fdp.\u202eexe"', "fdp._exe"),
        ('Content-Disposition: attachment; filename="..."', "attachment"),
        ("Content-Disposition: attachment; filename", "attachment.pdf"),
        ('Content-Disposition: attachment; filename="' + "é" * 2000 + '.pdf"', "é" * 196 + ".pdf"),
    ],
)
def test_a_name_is_read_in_the_encodings_of_mail_programs_and_leads_to_no_folder(
    folder: Path, header: str, name: str
) -> None:
    content = with_name(header if "Content-Type" in header else f"Content-Type: application/pdf\r\n{header}")
    assert attached(content, folder) == {name: b"%PDF"}
    assert [path.name for path in folder.iterdir()] == ["attachment-0"]


def test_names_that_are_equal_or_absent_become_different_names(folder: Path) -> None:
    message = mail()
    for name in ("scan.pdf", "scan.pdf", None, None):
        message.add_attachment(b"x", maintype="application", subtype="pdf", filename=name)
    assert list(attached(message, folder)) == ["scan.pdf", "scan (2).pdf", "attachment.pdf", "attachment (2).pdf"]


def test_small_pictures_of_the_text_are_left_out_and_large_ones_are_files(folder: Path) -> None:
    message = mail()
    message.add_alternative("<img src='cid:logo'><img src='cid:photo'>", subtype="html")
    html = message.get_payload()[1]
    html.add_related(b"x" * 10, "image", "png", cid="<logo>", filename="logo.png")
    html.add_related(b"x" * LEAST, "image", "jpeg", cid="<photo>", filename="photo.jpg", disposition="inline")
    html.add_related(b"x", "image", "png", cid="<icon>", filename="icon.png", disposition="attachment")
    message.add_attachment(b"small", maintype="image", subtype="jpeg", filename="small.jpg", disposition="inline")
    message.add_attachment(b"tiny", maintype="image", subtype="jpeg", filename="attached.jpg")
    found = read(message, folder)
    assert [each.name for each in found.attachments] == ["photo.jpg", "attached.jpg"]
    assert [each.name for each in found.left_out] == ["logo.png", "icon.png", "small.jpg"]
    assert found.left_out[0].reason == "is a small picture of the text, 10 bytes"
    assert len(read(message, folder, least=0).attachments) == 5


def test_signatures_empty_parts_and_references_are_left_out_with_the_reason(folder: Path) -> None:
    message = mail()
    message.add_attachment(b"sig", maintype="application", subtype="pgp-signature", filename="signature.asc")
    message.add_attachment(b"", maintype="application", subtype="pdf", filename="empty.pdf")
    found = read(message, folder)
    assert [(each.name, each.reason) for each in found.left_out] == [
        ("signature.asc", "is a signature of the mail"),
        ("empty.pdf", "is empty"),
    ]
    reference = with_name('Content-Type: message/external-body; name="far.pdf"; access-type=URL')
    (left_out,) = read(reference, folder).left_out
    assert "no content of its own" in left_out.reason


def test_a_forwarded_mail_is_one_file_with_all_that_is_attached_to_it(folder: Path) -> None:
    inner = mail("The / original")
    inner.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="inner.pdf")
    outer = mail("Fwd")
    outer.add_attachment(inner)
    ((name, content),) = attached(outer, folder).items()
    assert name == "The original.eml"
    again = attached(content, folder)
    assert again == {"inner.pdf": b"%PDF"}


def test_a_forwarded_mail_keeps_its_headers_as_they_are(folder: Path) -> None:
    inner = (
        b"From: a@example.org\r\nSubject: =?utf-8?q?=C3=9Cbersicht?=\r\nX-Long: "
        + b"word " * 60
        + b"end\r\n\r\ntext\r\n"
    )
    content = with_name("Content-Type: message/rfc822").replace(b"%PDF\r\n", inner)
    assert attached(content, folder) == {"Übersicht.eml": inner.removesuffix(b"\r\n")}


def test_a_forwarded_mail_in_base64_is_decoded(folder: Path) -> None:
    inner = base64.encodebytes(b"Subject: packed\r\n\r\ntext").replace(b"\n", b"\r\n")
    content = with_name("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64")
    (found,) = attached(content.replace(b"%PDF\r\n", inner), folder).values()
    assert found == b"Subject: packed\r\n\r\ntext"


def nested(depth: int, kind: bytes) -> bytes:
    """A mail whose parts are nested so deeply."""
    if kind == b"message":
        return b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: innermost\r\n\r\ntext"
    start = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at) for at in range(depth))
    return start + b"Content-Type: application/pdf\r\n\r\n%PDF\r\n"


@pytest.mark.parametrize("kind", [b"message", b"multipart"])
@pytest.mark.parametrize("depth", [20, 100, 400, 5000])
def test_deep_nesting_is_read_or_refused_with_the_reason(folder: Path, kind: bytes, depth: int) -> None:
    try:
        assert len(attached(nested(depth, kind), folder)) == 1
        assert depth < 1000
    except UnreadableMail as error:
        assert depth > 20, error


def test_a_mail_of_very_many_parts_is_refused(folder: Path) -> None:
    parts = b"--b\r\nContent-Type: application/pdf\r\n\r\nx\r\n" * (mails.MOST_PARTS + 1)
    with pytest.raises(UnreadableMail, match="more than 500 parts"):
        attached(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts, folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?b?broken?=\r\n\r\ntext",
        b"Subject: =?no-such?b?eA==?=\r\nFrom: <<>>;:,@\r\n\r\ntext",
        b"From: " + b"(" * 9000 + b"\r\n\r\ntext",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: ;;;=\r\nContent-Disposition: =;\r\n\r\ntext",
        b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n",
        b"Subject: a\x00b\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
    ],
)
def test_a_damaged_mail_is_read_without_an_error(folder: Path, content: bytes) -> None:
    assert read(content, folder).subject


def test_a_mail_is_named_although_it_has_no_subject(folder: Path) -> None:
    assert read(b"\r\ntext", folder).name == "mail without a subject"
    assert read(b"Subject: a\r\n b\tc\r\n\r\ntext", folder).name == "a b c"
    long = read(b"From: ann@example.org\r\nSubject: " + b"word " * 100 + b"\r\n\r\ntext", folder).name
    assert len(long) == 200
    assert long.endswith("(ann@example.org)")
