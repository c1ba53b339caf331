"""Rows of tables as texts, kept for a minute while what they show is unchanged.

Most pages have rows that were shown a moment before, to the same person or to another one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

MOST_KEPT = 10_000
FORGOTTEN_AT_ONCE = 1000
KEPT_S = 60  # then the URL in a row is signed anew


class KeptText(NamedTuple):
    """A row's text. `version` names everything that the row shows, as it was before the text was made or at the same time."""

    version: str
    minute: int
    text: str


class RowTexts:
    """The texts of rows by file. Threads share it."""

    def __init__(self, most: int = MOST_KEPT, now: Callable[[], float] = time.time) -> None:
        self._most, self._now = most, now
        self._kept: dict[str, KeptText] = {}
        self._lock = threading.Lock()

    def candidates(self, file_ids: Sequence[str]) -> list[str]:
        """Those of the files of which a text of this minute is kept. It may be outdated."""
        minute = self._minute()
        return [file_id for file_id in file_ids if (kept := self._kept.get(file_id)) and kept.minute == minute]

    def current(self, versions: Mapping[str, str]) -> dict[str, str]:
        """The texts of the files whose version is still this one."""
        minute = self._minute()
        return {
            file_id: kept.text
            for file_id, version in versions.items()
            if (kept := self._kept.get(file_id)) and kept.version == version and kept.minute == minute
        }

    def keep(self, texts: Iterable[tuple[str, str, str]]) -> None:
        """Keep texts: the file's id, the version and the text of each."""
        minute = self._minute()
        with self._lock:
            for file_id, version, text in texts:
                self._kept[file_id] = KeptText(version, minute, text)
            while len(self._kept) > self._most:
                for file_id in list(self._kept)[:FORGOTTEN_AT_ONCE]:
                    del self._kept[file_id]

    def _minute(self) -> int:
        return int(self._now() // KEPT_S)
