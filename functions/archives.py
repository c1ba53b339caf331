"""Archives and mails: make a file of the same batch from each file in them, with an intake like any other file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layers.attempts.work import Work
from layers.domain.formats import Kind, format_of, kind_of
from layers.domain.page import Member

UNPACKED_AT_ONCE_BYTES = 64 << 20
UNPACKED_AT_ONCE = 100


def expand(work: Work, media_type: str) -> str:
    """Announce and store each file in the archive, the mail or the mailbox. Returns the result as a sentence.

    It can be repeated after a crash: it announces the same files and stores those that are missing. The events of
    their objects start their intake. An archive inside an archive stays one file.
    """
    members = work.documents.members(work.original(), media_type)
    taken = 0
    for group in _groups(members):
        folder = work.members_folder()
        indexes = [member.index for member in group]
        taken += work.store_members(work.documents.unpack(work.original(), media_type, indexes, folder), folder)
    kind = "archive" if kind_of(media_type) is Kind.ARCHIVE else format_of(media_type).name
    if taken == len(members):
        return f"{taken} files taken from the {kind}"
    return f"{taken} files taken from the {kind}; {len(members) - taken} were in the dataset already"


def _groups(members: Sequence[Member]) -> Iterator[list[Member]]:
    """The members in order, in groups that fit on a small disk."""
    group: list[Member] = []
    for member in members:
        size_bytes = sum(other.size_bytes for other in group) + member.size_bytes
        if group and (len(group) >= UNPACKED_AT_ONCE or size_bytes > UNPACKED_AT_ONCE_BYTES):
            yield group
            group = []
        group.append(member)
    if group:
        yield group
