"""Archives: each member becomes a file of the same batch, with an intake like any other file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layers.attempts.work import Work
from layers.domain.page import Member

UNPACKED_AT_ONCE_BYTES = 64 << 20
UNPACKED_AT_ONCE = 100


def expand(work: Work) -> str:
    """Announce and store each member of the archive; the result as a sentence.

    It can be repeated after a crash: the same files are announced, and those that are missing are stored. The events
    of their objects start their intake. An archive inside an archive stays one file.
    """
    members = work.documents.members(work.original())
    taken = sum(_take(work, some) for some in _slices(members))
    if taken == len(members):
        return f"{taken} files taken from the archive"
    return f"{taken} files taken from the archive; {len(members) - taken} were in the dataset already"


def _take(work: Work, some: Sequence[Member]) -> int:
    folder = work.scratch / "members"
    folder.mkdir(exist_ok=True)
    unpacked = work.documents.unpack(work.original(), [member.index for member in some], folder)
    object_keys = work.add_members(unpacked)
    for member in unpacked:
        path = folder / member.stored_as
        if key := object_keys.get(member.index):
            work.store_original(path, key)
        path.unlink()
    return len(object_keys)


def _slices(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Members in order, in groups that fit on a small disk."""
    some: list[Member] = []
    for member in members:
        size_bytes = sum(other.size_bytes for other in some) + member.size_bytes
        if some and (len(some) >= UNPACKED_AT_ONCE or size_bytes > UNPACKED_AT_ONCE_BYTES):
            yield some
            some = []
        some.append(member)
    if some:
        yield some
