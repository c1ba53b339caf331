"""Prints that two requests share.

Workers ask for all pages of a document for its preview, and for the first page for its thumbnail, at about the same time.
Whichever comes first prints all pages; the other waits for them, or finds them here for a minute.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from layers.domain.errors import DecoderCrashed, PermanentError

KEPT_S = 60.0
MOST_KEPT, MOST_KEPT_BYTES = 50, 64 << 20
USES = frozenset({"all", "first"})


@dataclass(eq=False)
class _Print:
    """`path` is None while it is made, and if that failed."""

    path: Path | None = None
    size_bytes: int = 0
    made: threading.Event = field(default_factory=threading.Event)
    made_at: float = 0.0
    uses: set[str] = field(default_factory=set)


class SharedPrints:
    """Keeps recent prints in a folder, until both uses have had them."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._prints: dict[str, _Print] = {}
        self._lock = threading.Lock()

    def get(self, key: str, use: str, make: Callable[[], Path], into: Path, wait_s: float) -> Path | None:
        """The print of all pages in the folder `into`. The first request makes it, and raises what `make` raises. None: the
        request that made it failed, or takes too long."""
        with self._lock:
            self._drop_old()
            found = self._prints.get(key)
            shared = found or self._prints.setdefault(key, _Print())
            shared.uses.add(use)
        if not found:
            return self._make(key, shared, make)
        if not shared.made.wait(wait_s):
            return None
        with self._lock:
            if shared.path is None:
                return None
            target = into / "printed.pdf"
            shutil.copyfile(shared.path, target)
            if shared.uses >= USES:
                self._drop(key)
        return target

    def drop_old(self) -> None:
        """Delete the prints that nobody has asked for within a minute."""
        with self._lock:
            self._drop_old()

    def _make(self, key: str, shared: _Print, make: Callable[[], Path]) -> Path:
        kept = self._folder / f"{uuid.uuid4()}.pdf"
        try:
            printed = make()
            shutil.copyfile(printed, kept)
        except BaseException as error:
            kept.unlink(missing_ok=True)
            # A document that can't be printed is remembered, so that it is not printed in vain again.
            if not isinstance(error, PermanentError | DecoderCrashed):
                with self._lock:
                    self._prints.pop(key, None)
            self._note(shared, None)
            raise
        self._note(shared, kept)
        return printed

    def _note(self, shared: _Print, path: Path | None) -> None:
        with self._lock:
            shared.path, shared.made_at = path, self._clock()
            shared.size_bytes = path.stat().st_size if path else 0
        shared.made.set()

    def _drop_old(self) -> None:
        made = {key: each for key, each in self._prints.items() if each.made.is_set()}
        size_bytes = sum(each.size_bytes for each in made.values())
        for key, each in made.items():  # the oldest first
            is_old = self._clock() - each.made_at > KEPT_S
            if is_old or len(self._prints) > MOST_KEPT or size_bytes > MOST_KEPT_BYTES:
                size_bytes -= each.size_bytes
                self._drop(key)

    def _drop(self, key: str) -> None:
        dropped = self._prints.pop(key, None)
        if dropped and dropped.path:
            dropped.path.unlink(missing_ok=True)
            dropped.path = None
