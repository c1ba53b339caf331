"""Watches a folder: which files have become quiet, and which were uploaded before."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from fairway_client.folder import Found, find
from fairway_client.memory import Memory

FIRST_RETRY_S, LONGEST_RETRY_S = 30.0, 3600.0


class Watched:
    """A folder. A file is quiet once its size and the time of its last change have stayed the same for `quiet_s` seconds.

    `leaves_out` is a folder inside it whose files are not looked at.
    """

    def __init__(
        self,
        folder: Path,
        memory: Memory,
        *,
        quiet_s: float,
        leaves_out: Path | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._memory, self._quiet_s, self._now = folder, memory, quiet_s, now
        self._leaves_out = leaves_out.resolve() if leaves_out else None
        self._seen: dict[str, tuple[int, int, float]] = {}
        self._retries: dict[str, tuple[int, float]] = {}
        self.is_waiting = False

    def quiet_files(self) -> list[Found]:
        """Files that are quiet and were not uploaded in this version. `is_waiting` tells whether others are not quiet yet."""
        done, now, quiet, seen = self._memory.done(), self._now(), [], {}
        self.is_waiting = False
        for found in self._files():
            version = (found.size_bytes, found.modified_ns)
            if done.get(found.name) == version:
                continue
            known = self._seen.get(found.name)
            since = known[2] if known and known[:2] == version else now
            seen[found.name] = (*version, since)
            if now - since < self._quiet_s or now < self._retries.get(found.name, (0, 0.0))[1]:
                self.is_waiting = True
                continue
            quiet.append(found)
        self._seen = seen
        return quiet

    def keep_done(self, found: Found) -> None:
        """Remember that the dataset has this version of a file, before it is moved."""
        self._memory.keep_done(found)
        self._retries.pop(found.name, None)

    def keep_failed(self, name: str) -> None:
        """Try a file again later: first after half a minute, then ever more rarely."""
        count = self._retries.get(name, (0, 0.0))[0]
        pause_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**count)
        self._retries[name] = (count + 1, self._now() + pause_s)

    def move_rest(self, done_folder: Path) -> None:
        """Move files that were uploaded before the watch was interrupted."""
        done = self._memory.done()
        for found in self._files():
            if done.get(found.name) == (found.size_bytes, found.modified_ns):
                move(found, done_folder)

    def _files(self) -> list[Found]:
        return [found for found in find(self._folder) if not self._is_left_out(found.path)]

    def _is_left_out(self, path: Path) -> bool:
        return self._leaves_out is not None and path.resolve().is_relative_to(self._leaves_out)


def move(found: Found, folder: Path) -> Path:
    """Move a file into a folder, with the folders of its name; beside a file of this name it gets a number. Returns its
    new path."""
    target = folder / found.name
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while target.exists():
        number += 1
        target = (folder / found.name).with_stem(f"{Path(found.name).stem} ({number})")
    shutil.move(found.path, target)
    return target
