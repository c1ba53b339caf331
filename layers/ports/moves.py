"""Moves of files between datasets at a person's request, and what they teach."""

from __future__ import annotations

from typing import NamedTuple, Protocol
from uuid import UUID

from layers.domain.kinds.learnt import Example


class MoveRow(NamedTuple):
    """A move of one file by a request. `is_last`: the file has not been moved since."""

    move_id: UUID
    file_id: UUID
    from_dataset_id: UUID
    to_dataset_id: UUID
    is_last: bool
    undone: bool


class MoveCatalog(Protocol):
    """The part of the catalog for routing and moves."""

    def datasets_named(self, name: str) -> list[UUID]:
        """The tenant's datasets with this name, at most two."""

    def has_routing(self, file_id: str) -> bool:
        """Whether the dataset of a file has rules for kinds."""

    def move_file(
        self,
        file_id: str,
        target: str,
        home: str,
        kind: str | None,
        request_id: str,
        key_id: str,
        person: str | None,
    ) -> bool:
        """Move a file, and teach the dataset `home` its kind if that is known. Returns False if the target was removed."""

    def moves_of(self, request_id: str) -> list[MoveRow]:
        """The moves of one request, by file."""

    def undo_move(self, move_id: UUID, key_id: str, person: str | None) -> bool:
        """Move a file back and forget what the move taught. Returns False if that is not possible."""

    def lessons_version(self, dataset_id: str) -> str:
        """Names what a dataset has been taught about kinds; empty without lessons."""

    def kind_examples(self, dataset_id: str) -> list[Example]:
        """The files from which the kinds of a dataset are learnt."""
