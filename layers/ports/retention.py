"""Retention in the status store, for workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Purged:
    """What was erased of the next files of a dataset.

    `file_ids` are the files of which something was erased, `object_keys` the artifacts that no row refers to any more.
    `seen` files were examined; the `unsettled` of them still have work to do and come up again. `reached` is the last.
    """

    tenant_id: str
    file_ids: Sequence[str]
    object_keys: Sequence[str]
    seen: int
    unsettled: int
    reached: str


class Retention(Protocol):
    """Erases what datasets no longer keep. Raises StoreUnreachable."""

    def next_retention(self, after: str | None) -> tuple[str, Mapping[str, int]] | None:
        """The id and the retention of the next dataset that has one; None after the last."""

    def retention_of(self, dataset_id: str) -> Mapping[str, int]:
        """The retention of a dataset now."""

    def purge_mark(self, dataset_id: str, kind: str) -> str:
        """The file after which a purge of a dataset begins."""

    def purge_files(self, job_id: str, dataset_id: str, kind: str, after: str, before: str, limit: int) -> Purged:
        """Erase a kind of content of the next files after one id and before another, and update the receipt."""

    def count_purged(self, job_id: str, dataset_id: str, kind: str, objects: int) -> None:
        """Add deleted objects to the receipt."""

    def purged(self, job_id: str) -> dict[str, dict[str, int]]:
        """How many files and objects a purge has erased so far, by kind."""


class NoRetention:
    """No dataset has a retention."""

    def next_retention(self, after: str | None) -> tuple[str, Mapping[str, int]] | None:
        return None

    def retention_of(self, dataset_id: str) -> Mapping[str, int]:
        return {}

    def purge_mark(self, dataset_id: str, kind: str) -> str:
        raise NotImplementedError

    def purge_files(self, job_id: str, dataset_id: str, kind: str, after: str, before: str, limit: int) -> Purged:
        raise NotImplementedError

    def count_purged(self, job_id: str, dataset_id: str, kind: str, objects: int) -> None:
        raise NotImplementedError

    def purged(self, job_id: str) -> dict[str, dict[str, int]]:
        return {}
