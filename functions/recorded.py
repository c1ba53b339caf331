"""Recorded objects: check that the object store has the objects of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from layers.ports import Objects, RecordedObject

AT_ONCE = 16

# The names of the findings.
ORIGINALS_MISSING = "originals_missing"
ARTIFACTS_MISSING = "artifacts_not_stored"
WRONG_SIZE = "objects_of_wrong_size"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An object that is not stored as its row records it. `stored_bytes` is None if there is no object."""

    recorded: RecordedObject
    finding: str
    stored_bytes: int | None


def contradictions(
    objects: Objects, recorded: Sequence[RecordedObject], read_again: Callable[[], Sequence[RecordedObject]]
) -> list[Contradiction]:
    """Compare each object's existence and size with its row. Raises DependencyDown if the store is unreachable.

    `read_again` reads the same rows once more, because a file may have been removed, or a step may have replaced its
    artifact, after the rows were read.
    """
    if not recorded:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(recorded))) as pool:
        sizes = pool.map(lambda row: objects.size_of(row.object_key, row.version_id), recorded)
        found = [
            Contradiction(row, finding, size)
            for row, size in zip(recorded, sizes, strict=True)
            if (finding := _finding(row, size))
        ]
    if not found:
        return []
    still = set(read_again())
    return [contradiction for contradiction in found if contradiction.recorded in still]


def counted(found: Sequence[Contradiction]) -> dict[str, int]:
    """The number of contradictions by finding."""
    return dict(Counter(contradiction.finding for contradiction in found))


def _finding(recorded: RecordedObject, size_bytes: int | None) -> str | None:
    if size_bytes is None:
        return ARTIFACTS_MISSING if recorded.kind else ORIGINALS_MISSING
    is_known = recorded.size_bytes is not None
    return WRONG_SIZE if is_known and size_bytes != recorded.size_bytes else None
