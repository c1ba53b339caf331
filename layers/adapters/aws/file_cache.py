"""A cache of originals on a worker's disk, so that the steps of one file download it once."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import OrderedDict
from pathlib import Path

from layers.decoding import scratch

KEPT_S = 30.0  # a removed file may stay here this much longer
MOST_FILE_BYTES = 8 * 1024 * 1024


class FileCache:
    """At most `most_bytes` of files by key, each for half a minute. Safe for threads.

    Callers get a hard link to the same bytes, so they must not write to the file; decoders can't.
    """

    def __init__(self, most_bytes: int, kept_s: float = KEPT_S) -> None:
        self._most_bytes = most_bytes
        self._kept_s = kept_s
        self._folder: Path | None = None
        self._files: OrderedDict[tuple[str, str], tuple[Path, int, float]] = OrderedDict()
        self._total_bytes = 0
        self._count = 0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def give(self, key: tuple[str, str], path: Path) -> bool:
        """Link the cached file to `path`. Returns False if the cache does not have it."""
        with self._lock:
            found = self._files.get(key)
            if found is None:
                return False
            try:
                os.link(found[0], path)
            except OSError:
                return False
            return True

    def keep(self, key: tuple[str, str], path: Path) -> None:
        """Cache the file at `path`, if it is small enough and on the same file system."""
        size_bytes = path.stat().st_size
        if size_bytes > min(MOST_FILE_BYTES, self._most_bytes):
            return
        with self._lock:
            if key in self._files:
                return
            if self._folder is None:
                self._folder = scratch.new_folder("kept")
            self._count += 1
            link = self._folder / str(self._count)
            try:
                os.link(path, link)
            except OSError:
                return
            self._files[key] = (link, size_bytes, time.monotonic() + self._kept_s)
            self._total_bytes += size_bytes
            while self._total_bytes > self._most_bytes:
                self._drop_oldest()
            self._schedule_drop()

    def close(self) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()
            while self._files:
                self._drop_oldest()
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _drop_expired(self) -> None:
        with self._lock:
            self._timer = None
            while self._files and next(iter(self._files.values()))[2] <= time.monotonic():
                self._drop_oldest()
            self._schedule_drop()

    def _schedule_drop(self) -> None:
        if self._files and self._timer is None:
            due = next(iter(self._files.values()))[2]
            self._timer = threading.Timer(max(0.0, due - time.monotonic()) + 0.05, self._drop_expired)
            self._timer.daemon = True
            self._timer.start()

    def _drop_oldest(self) -> None:
        _, (link, size_bytes, _) = self._files.popitem(last=False)
        link.unlink(missing_ok=True)
        self._total_bytes -= size_bytes
