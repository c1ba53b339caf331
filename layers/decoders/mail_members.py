"""Extracts the attachments of a mail, or the messages of a mailbox, as separate files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

from layers.decoders import mail, mailboxes, messages
from layers.decoders.mail import Part
from layers.domain.errors import PermanentError
from layers.domain.formats import BY_MEDIA_TYPE, MAILBOX

MAX_MEMBERS = 1000
MAX_NAME_LENGTH = 200


class _Member(NamedTuple):
    name: str
    content: Callable[[], bytes]


def members(path: str, media_type: str) -> list[dict[str, Any]]:
    """`[{"index", "name", "size_bytes"}]`, as `archives.members` lists those of a zip, without pictures that a mail shows
    in its text."""
    found = [*_members(path, media_type)]
    if len(found) > MAX_MEMBERS:
        raise PermanentError("too_large", f"the mail holds {len(found)} files; at most {MAX_MEMBERS} are accepted")
    listed = ((index, member, len(member.content())) for index, member in enumerate(found))
    return [{"index": index, "name": member.name, "size_bytes": size} for index, member, size in listed if size]


def unpack(path: str, media_type: str, indexes: Sequence[int], into: str) -> list[dict[str, Any]]:
    """Write the members at these indexes. As `members`, with `sha256` and, as `stored_as`, the file's name in `into`."""
    found = [*_members(path, media_type)]
    return [_write(found[index], index, Path(into)) for index in indexes]


def _write(member: _Member, index: int, into: Path) -> dict[str, Any]:
    content, stored_as = member.content(), f"member-{index}"
    (into / stored_as).write_bytes(content)
    return {
        "index": index,
        "name": member.name,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "stored_as": stored_as,
    }


def _members(path: str, media_type: str) -> Iterator[_Member]:
    if media_type == MAILBOX:
        for number, (content, _) in enumerate(mailboxes.messages_of(path), 1):
            yield _Member(_message_name(content, number), lambda content=content: content)  # type: ignore[misc]
        return
    for number, part in enumerate(mail.read_mail(path, media_type).parts, 1):
        if not part.is_inline:
            yield _Member(_part_name(part, number), lambda part=part: _content(part))  # type: ignore[misc]


def _message_name(content: bytes, number: int) -> str:
    head, _, _ = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    message, _ = messages.parsed(head + b"\n\n")
    return _clean(f"{number} {mail.subject_of(message)}.eml")


def _part_name(part: Part, number: int) -> str:
    if part.message is not None:
        return _clean(part.name if part.name.lower().endswith(".eml") else f"{part.name}.eml")
    known = BY_MEDIA_TYPE.get(part.kind)
    return _clean(part.name or f"attachment {number}{known.suffix if known else ''}")


def _clean(name: str) -> str:
    name = name.replace("\x00", "").encode("utf-8", "replace").decode()
    stem, dot, suffix = name.rpartition(".")
    return name if len(name) <= MAX_NAME_LENGTH else f"{stem[: MAX_NAME_LENGTH - 10]}{dot}{suffix[:9]}"


def _content(part: Part) -> bytes:
    return part.content() if part.message is None else _as_bytes(part.message)


def _as_bytes(message: EmailMessage) -> bytes:
    try:
        return message.as_bytes()
    except messages.BROKEN:
        return message.as_bytes(policy=policy.compat32)
