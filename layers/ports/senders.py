"""The memory of senders: what people have corrected or approved in records of a dataset."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from layers.domain.file import File
from layers.domain.learning.memory import Example


class Senders(Protocol):
    """The memory of every dataset. Raises StoreUnreachable."""

    def examples(self, file: File, keys: Collection[str]) -> Sequence[Example]:
        """The examples of the file's dataset that share most of these keys, best first. The file's own record is left out."""


class NoSenders:
    """Remembers nothing."""

    def examples(self, file: File, keys: Collection[str]) -> Sequence[Example]:
        return ()
