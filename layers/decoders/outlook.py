"""Converts a message as Outlook saves it (.msg, an OLE container of MAPI properties) to a mail as it is sent."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Any

from layers.decoders.charsets import decode
from layers.domain.errors import PermanentError

MAX_NESTED = 3
MAX_ATTACHED = 500
MAX_RECIPIENTS = 500
MAX_HEADER = 10_000  # characters
PROPERTIES = "__properties_version1.0"
# The bytes before the properties, in a message, a message within one, and a recipient or an attachment.
HEAD, NESTED_HEAD, OTHER_HEAD = 32, 24, 8
PROPERTY = struct.Struct("<IIq")
TEXT_WIDE, TEXT, BINARY, OBJECT = "001F", "001E", "0102", "000D"
# Properties, by the first half of their tags.
SUBJECT, BODY, HTML, PACKED_RTF = "0037", "1000", "1013", "1009"
SENT_AT, ARRIVED_AT, CODE_PAGE, HTML_CODE_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE
SENDER = (("0C1A", ("5D01", "0C1F")), ("0042", ("5D02", "0065")))
RECIPIENT = ("3001", ("39FE", "3003"))
RECIPIENT_KIND = 0x0C15
KINDS = {1: ("To", "0E04"), 2: ("Cc", "0E03"), 3: ("Bcc", "0E02")}
LONG_NAME, SHORT_NAME, SHOWN_NAME, CONTENT, MEDIA_TYPE, CONTENT_ID = "3707", "3704", "3001", "3701", "370E", "3712"
PLAIN_TYPE = re.compile(r"(?!message/|multipart/)([\w.+-]+)/([\w.+-]+)")
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
UTF_8 = 65001


def as_mail(content: bytes) -> bytes:
    """The message as RFC 5322 has it, with its attachments. Raises PermanentError `corrupt`."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(content)) as container:
            return _mail(_Storage(container, [], HEAD), 0).as_bytes()
    except (OSError, ValueError, IndexError, KeyError, LookupError, OverflowError, struct.error):
        raise PermanentError("corrupt", "the message is damaged and can't be opened") from None


class _Storage:
    """A folder of the container, and its properties."""

    def __init__(self, container: Any, path: list[str], head_bytes: int, code_page: int = 0) -> None:
        self._container, self._path = container, path
        stream = self.read(PROPERTIES)[head_bytes:]
        whole = len(stream) - len(stream) % PROPERTY.size
        self._numbers = {tag >> 16: value for tag, _, value in PROPERTY.iter_unpack(stream[:whole])}
        self.code_page = (self.number(CODE_PAGE) or code_page) & 0xFFFF

    def number(self, tag: int) -> int:
        return int(self._numbers.get(tag, 0))

    def read(self, name: str) -> bytes:
        """The stream with this name; empty if there is none."""
        path = [*self._path, name]
        if not self._container.exists(path) or self._container.get_type(path) != 2:
            return b""
        with self._container.openstream(path) as stream:
            return bytes(stream.read())

    def text(self, tag: str) -> str:
        wide = self.read(f"__substg1.0_{tag}{TEXT_WIDE}")
        narrow = b"" if wide else self.read(f"__substg1.0_{tag}{TEXT}")
        text = wide.decode("utf-16-le", "replace") if wide else decode(narrow, _label(self.code_page))
        return text.replace("\x00", "").encode("utf-8", "replace").decode()

    def binary(self, tag: str) -> bytes:
        return self.read(f"__substg1.0_{tag}{BINARY}")

    def inner(self, name: str, head_bytes: int) -> _Storage | None:
        path = [*self._path, name]
        if not self._container.exists(path):
            return None
        return _Storage(self._container, path, head_bytes, self.code_page)

    def numbered(self, name: str, most: int) -> Iterator[_Storage]:
        """The inner folders with this name and a number."""
        for index in range(most):
            if (found := self.inner(f"{name}_#{index:08X}", OTHER_HEAD)) is not None:
                yield found


def _mail(message: _Storage, depth: int) -> EmailMessage:
    mail = EmailMessage()
    for name, value in _headers(message):
        if value := " ".join(value.split())[:MAX_HEADER]:
            mail[name] = value
    _add_text(mail, message)
    for attachment in message.numbered("__attach_version1.0", MAX_ATTACHED):
        _attach(mail, attachment, depth)
    return mail


def _headers(message: _Storage) -> Iterator[tuple[str, str]]:
    yield "Subject", message.text(SUBJECT)
    yield "From", next(filter(None, (_person(message, *tags) for tags in SENDER)), "")
    people: dict[int, list[str]] = {kind: [] for kind in KINDS}
    for recipient in message.numbered("__recip_version1.0", MAX_RECIPIENTS):
        people.get(recipient.number(RECIPIENT_KIND) & 0xF, []).append(_person(recipient, *RECIPIENT))
    for kind, (name, names) in KINDS.items():
        yield name, ", ".join(filter(None, people[kind])) or message.text(names)
    ticks = message.number(SENT_AT) or message.number(ARRIVED_AT)  # of 100 ns
    if ticks > 0:
        yield "Date", format_datetime(EPOCH + timedelta(microseconds=ticks // 10))


def _person(storage: _Storage, name_tag: str, address_tags: tuple[str, ...]) -> str:
    """A name and an address. An address of Exchange, which is none of the internet's, is left out."""
    name = " ".join(storage.text(name_tag).split())
    addresses = (storage.text(tag).strip() for tag in address_tags)
    address = next((each for each in addresses if "@" in each and each.isascii() and each.isprintable()), "")
    return formataddr(("" if name == address else name, address)) if address else name


def _add_text(mail: EmailMessage, message: _Storage) -> None:
    text, markup = message.text(BODY), message.text(HTML)
    if packed := b"" if markup else message.binary(HTML):
        markup = decode(packed, _label(message.number(HTML_CODE_PAGE) or message.code_page)).replace("\x00", "")
    if not text and not markup:
        text = _text_of_rtf(message.binary(PACKED_RTF))
    mail.set_content(text)
    if markup:
        mail.add_alternative(markup.encode("utf-8", "replace").decode(), subtype="html")


def _text_of_rtf(packed: bytes) -> str:
    import compressed_rtf

    from layers.decoders.rich_text import text_of_markup

    return text_of_markup(compressed_rtf.decompress(packed)) if packed else ""


def _attach(mail: EmailMessage, attachment: _Storage, depth: int) -> None:
    name = next(filter(None, map(attachment.text, (LONG_NAME, SHORT_NAME, SHOWN_NAME))), "")
    name = " ".join(name.split()).replace("/", "_")[:MAX_HEADER]
    nested = attachment.inner(f"__substg1.0_{CONTENT}{OBJECT}", NESTED_HEAD)
    if nested is not None and depth < MAX_NESTED:
        mail.add_attachment(_mail(nested, depth + 1), filename=name or None)
        return
    plain_type = PLAIN_TYPE.fullmatch(attachment.text(MEDIA_TYPE))
    kind, subtype = plain_type.groups() if plain_type else ("application", "octet-stream")
    content_id = attachment.text(CONTENT_ID).strip("<> \r\n")
    cid = f"<{content_id}>" if content_id.isascii() and content_id.isprintable() and content_id else None
    mail.add_attachment(attachment.binary(CONTENT), kind, subtype, filename=name or "attachment", cid=cid)


def _label(code_page: int) -> str | None:
    """The name of an encoding by its number on Windows."""
    return "utf-8" if code_page == UTF_8 else f"cp{code_page}" if code_page else None
