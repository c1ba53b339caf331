"""Messages that Outlook saved are read as mails: headers, texts, attachments, and messages within messages."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import compressed_rtf
import pytest

from layers.decoders import mail_pages, outlook
from layers.decoders.mail import Mail, read_message
from layers.decoders.messages import parsed
from layers.domain.errors import PermanentError
from layers.domain.formats import OUTLOOK

SAMPLE = Path(__file__).parent.parent / "samples" / "attachment.msg"
Streams = dict[str, bytes]


class Container:
    """An OLE container: its streams by path."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    def exists(self, path: list[str]) -> bool:
        name = "/".join(path)
        return any(stream == name or stream.startswith(f"{name}/") for stream in self.streams)

    def get_type(self, path: list[str]) -> int:
        return 2 if "/".join(path) in self.streams else 1

    def openstream(self, path: list[str]) -> io.BytesIO:
        return io.BytesIO(self.streams["/".join(path)])


def numbers(head: int, **values: int) -> bytes:
    """A stream of properties that are numbers, by their tags as `t0039`."""
    packed = (struct.pack("<IIq", int(tag[1:], 16) << 16 | 3, 0, value) for tag, value in values.items())
    return bytes(head) + b"".join(packed)


def message(streams: Streams, head: int = 32, **values: int) -> Streams:
    return {"__properties_version1.0": numbers(head, **values), **streams}


def wide(tag: str, text: str) -> Streams:
    return {f"__substg1.0_{tag}001F": text.encode("utf-16-le")}


def narrow(tag: str, content: bytes) -> Streams:
    return {f"__substg1.0_{tag}001E": content}


def binary(tag: str, content: bytes) -> Streams:
    return {f"__substg1.0_{tag}0102": content}


def below(folder: str, streams: Streams) -> Streams:
    return {f"{folder}/{name}": content for name, content in streams.items()}


def read(streams: Streams) -> Mail:
    made = outlook._mail(outlook._Storage(Container(streams), [], 32), 0)
    return read_message(parsed(made.as_bytes())[0])


def test_a_message_has_its_people_its_subject_and_its_time() -> None:
    ticks = int((datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC) - outlook.EPOCH).total_seconds()) * 10**7
    people: list[tuple[int, Streams]] = [
        (1, wide("3001", "Größe & Söhne") | wide("39FE", "g@example.com")),
        (2, wide("3001", "/o=Exchange/cn=Ann") | wide("3003", "/o=Exchange/cn=Ann")),
        (3, wide("3001", "b@example.com") | wide("3003", "b@example.com")),
    ]
    recipients: Streams = {}
    for index, (kind, streams) in enumerate(people):
        recipients |= below(f"__recip_version1.0_#{index:08X}", message(streams, 8, t0C15=kind))
    sender = wide("0C1A", "Müller, Eva") | wide("5D01", "eva@example.com")
    found = read(message(wide("0037", "Rechnung\r\n Nr. 7") | sender | recipients | wide("1000", "Hallo"), t0039=ticks))
    assert found.headers == [
        ("Subject", "Rechnung Nr. 7"),
        ("From", '"Müller, Eva" <eva@example.com>'),
        ("To", "Größe & Söhne <g@example.com>"),
        ("Cc", "/o=Exchange/cn=Ann"),
        ("Bcc", "b@example.com"),
        ("Date", "Wed, 04 Mar 2026 05:06:07 +0000"),
    ]
    assert found.text.strip() == "Hallo"


def test_a_text_is_decoded_by_the_code_page_of_the_message() -> None:
    found = read(
        message(narrow("0037", "Счёт".encode("cp1251")) | narrow("1000", "Итого 9".encode("cp1251")), t3FFD=1251)
    )
    assert found.headers == [("Subject", "Счёт")] and found.text.strip() == "Итого 9"


def test_the_text_may_be_html_or_packed_rich_text() -> None:
    assert read(message(binary("1013", "<p>Summe: 9\u20ac</p>".encode()), t3FDE=65001)).text == "Summe: 9\u20ac"
    packed = compressed_rtf.compress(rb"{\rtf1\ansi Total: \b 9\b0\par}", compressed=True)
    assert read(message(binary("1009", packed))).text.strip() == "Total: 9"


def test_attachments_keep_their_names_types_and_contents() -> None:
    picture = wide("3707", "logo.png") | wide("370E", "image/png") | wide("3712", "logo@1") | binary("3701", b"\x89PNG")
    table = wide("3704", "table.csv") | wide("370E", "multipart/mixed") | binary("3701", b"a,b")
    streams = (
        binary("1013", b"<p>See <img src='cid:logo@1'></p>")
        | below("__attach_version1.0_#00000000", message(picture, 8))
        | below("__attach_version1.0_#00000001", message(table, 8))
    )
    found = read(message(streams))
    assert [(part.name, part.kind, part.is_inline, part.content()) for part in found.parts] == [
        ("logo.png", "image/png", True, b"\x89PNG"),
        ("table.csv", "application/octet-stream", False, b"a,b"),
    ]


def test_a_message_within_a_message_is_read_up_to_a_depth() -> None:
    streams: Streams = wide("1000", "innermost")
    for depth in range(outlook.MAX_NESTED + 2):
        inner = below("__substg1.0_3701000D", message(streams, 24))
        attached = below("__attach_version1.0_#00000000", message(inner | wide("3707", f"level {depth}.msg"), 8))
        streams = wide("1000", f"level {depth}") | attached
    depth, found = 0, read(message(streams))
    while (inner_message := found.parts[0].message) is not None:
        depth, found = depth + 1, read_message(inner_message)
    assert depth == outlook.MAX_NESTED and found.parts[0].content() == b""


def test_the_pages_of_a_message_include_those_of_its_attachments() -> None:
    own, attached = mail_pages.read_text(str(SAMPLE), OUTLOOK)
    assert "Subject: Fake email with attachment" in own["text"] and "Here's the attachments!" in own["text"]
    assert attached["text"].strip() == "Hey this is a fake attachment!"
    assert not own.get("notes")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_message_that_is_cut_short_is_damaged_or_read_in_part(share: float) -> None:
    content = SAMPLE.read_bytes()
    try:
        found: Any = outlook.as_mail(content[: int(len(content) * share)])
    except PermanentError as error:
        assert error.code == "corrupt"
    else:
        assert isinstance(found, bytes)
