"""The operations of the store in memory for which the API is used: announce, remove, undo, cancel, redrive; and erasure."""

from __future__ import annotations

import time
import uuid
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace

from layers.domain.file import File
from layers.domain.lifecycle import FilePlan
from layers.domain.step import ENDED, PlannedStep, State
from tests.fakes.rows import FileRow, Key, MemoryRows, StepRow

IN_PROGRESS = frozenset({State.READY, State.QUEUED, State.RUNNING})


class MemoryRemovals(MemoryRows):
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self.removals: dict[str, int] = {}
        self._undo_until: dict[str, float] = {}
        self.sweeps: dict[str, list[tuple[str, str]]] = {}

    @abstractmethod
    def _apply(self, of: FileRow, plan: FilePlan) -> frozenset[str]: ...

    def promise(self, file: File, *, upload_s: float = 3600, weight: float = 1.0) -> None:
        """Announce a file, so that its object may arrive."""
        self.files[file.file_id] = FileRow(file, self._now() + upload_s, self._now(), weight)

    def remove(self, file_ids: Sequence[str], undo_s: float = 0.0) -> str:
        """Remove files. Returns the removal's id. They are erased when the time for an undo is over."""
        with self._lock:
            removal_id = str(uuid.uuid4())
            self.removals[removal_id] = 0
            self._undo_until[removal_id] = self._now() + undo_s
            for file_id in file_ids:
                self._stop(file_id, may_come_back=True)
                self.files[file_id].removal_id = removal_id
            return removal_id

    def undo(self, removal_id: str) -> int | None:
        """Undo a removal and run the steps that it cancelled. Returns the number of files, or None if it is too late."""
        with self._lock:
            if removal_id not in self._undo_until or self._now() >= self._undo_until[removal_id]:
                return None
            del self.removals[removal_id], self._undo_until[removal_id]
            back = [file_id for file_id, row in self.files.items() if row.removal_id == removal_id]
            for key, row in [(key, row) for key, row in self.steps.items() if key[0] in back and row.stopped_from]:
                row.restart(row.stopped_from or State.WAITING)
                if row.state == State.READY:
                    self._ready(key, row)
                row.stopped_from = None
            for file_id in back:
                self.files[file_id].removal_id = None
            return len(back)

    def cancel(self, batch_id: str) -> int:
        """Cancel the unsettled files of a batch and their steps that are not running. Returns the number of files."""
        with self._lock:
            chosen = [
                (file_id, row)
                for file_id, row in self.files.items()
                if row.file.batch_id == batch_id and not row.removal_id
                if row.state in ("uploading", "upload_missing", "processing")
            ]
            for file_id, row in chosen:
                self._stop(file_id, may_come_back=False)
                row.state = "cancelled"
            return len(chosen)

    def _stop(self, file_id: str, *, may_come_back: bool) -> None:
        for key, row in self.steps.items():
            if key[0] == file_id and row.state not in ENDED | {State.RUNNING}:
                before = State.WAITING if row.state == State.WAITING else State.READY
                row.state, row.stopped_from = State.CANCELLED, before if may_come_back else None

    def redrive(
        self,
        file_id: str,
        steps: Sequence[str],
        earlier: Sequence[str],
        is_main: bool,
        sources: Sequence[str],
        planner: Callable[[File], Sequence[PlannedStep]],
    ) -> bool:
        """Run steps of a file again. Returns False if one is in progress or one of the `earlier` steps has not ended.

        `sources`: the sources of the pages of these steps, which are read again.
        """
        with self._lock:
            of = self.files.get(file_id)
            if of is None or of.removal_id or of.state in ("uploading", "upload_missing") or not of.has_arrived:
                return False
            rows = {key: row for key, row in self.steps.items() if key[0] == file_id}
            if any(key[1] in steps and row.state in IN_PROGRESS for key, row in rows.items()):
                return False
            planned = {key[1] for key in rows}
            if steps[0] not in planned and not planned.issuperset(earlier):  # a step that does not apply has no row
                return False
            if any(key[1] in earlier and row.state not in ENDED for key, row in rows.items()):
                return False
            self._reset(of, [key for key in rows if key[1] in steps], steps, sources)
            if is_main:
                of.state, of.error = "processing", None
            self._apply(of, FilePlan(planner(self._facts(of))))
            return True

    def _reset(self, of: FileRow, keys: Sequence[Key], steps: Sequence[str], sources: Sequence[str]) -> None:
        file_id, redrives = of.file.file_id, {key[1]: self.steps[key].redrives + 1 for key in keys}
        for key in keys:
            del self.steps[key]
        for step in steps:
            self.steps[file_id, step, 0] = StepRow(State.WAITING, redrives=redrives.get(step, 0))
        of.windows = {key: found for key, found in of.windows.items() if key[0] not in steps}
        if "native" in sources:
            of.pages.clear()
        else:
            of.pages |= {
                number: replace(page, source=None, confidence=0.0)
                for number, page in of.pages.items()
                if page.source in sources
            }

    def add_row_values(self, limit: int) -> int:
        return 0  # it has no records of earlier releases

    def remove_rest(self, limit: int) -> int:
        return 0  # only the API removes datasets, and it has no store of this kind

    def removals_due(self, limit: int) -> list[tuple[str, list[tuple[str, str]]]]:
        with self._lock:
            due = [removal_id for removal_id in self.removals if self._undo_until.get(removal_id, 0.0) <= self._now()]
            self._undo_until = {
                removal_id: until for removal_id, until in self._undo_until.items() if removal_id not in due
            }
            return [
                (
                    removal_id,
                    [(r.file.tenant_id, f) for f, r in self.files.items() if r.removal_id == removal_id][:limit],
                )
                for removal_id in due
            ]

    def erase(self, removal_id: str, file_ids: Sequence[str], objects_erased: int) -> None:
        with self._lock:
            for file_id in file_ids:
                tenant_id = self.files[file_id].file.tenant_id
                self.sweeps.setdefault(removal_id, []).append((tenant_id, file_id))
                del self.files[file_id]
                self.tombstones[file_id] = removal_id
                self.steps = {key: row for key, row in self.steps.items() if key[0] != file_id}
            self.removals[removal_id] += objects_erased
            if not any(row.removal_id == removal_id for row in self.files.values()):
                del self.removals[removal_id]

    def sweeps_due(self) -> list[tuple[str, list[tuple[str, str]]]]:
        return [(removal_id, files) for removal_id, files in self.sweeps.items() if removal_id not in self.removals]

    def swept(self, removal_id: str, objects_erased: int) -> None:
        del self.sweeps[removal_id]
