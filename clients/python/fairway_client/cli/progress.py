"""Shows the progress of an upload, with the time that it still takes."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fairway_client.uploading import Failure

# What one more request costs, as bytes: many small files take longer than their size says.
REQUEST_BYTES = 60_000


class UploadProgress:
    """A watcher of an upload that draws bars on a console."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._hashing = self._progress.add_task("reading", total=None, count="", visible=False)
        self._sending = self._progress.add_task("sending", total=0, count="", visible=False)
        self._planned = self._ended = 0

    def __enter__(self) -> UploadProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def hashing(self, done: int, total: int) -> None:
        self._progress.update(
            self._hashing, completed=done, total=total, count=f"{done:,} of {total:,} files", visible=total > 0
        )

    def planned(self, files: int, size_bytes: int) -> None:
        self._planned += files
        work = (self._progress.tasks[self._sending].total or 0) + size_bytes + files * REQUEST_BYTES
        self._progress.update(self._sending, total=work, count=self._count(), visible=self._planned > 0)

    def sent(self, size_bytes: int) -> None:
        self._end(size_bytes)

    def failed(self, failure: Failure, size_bytes: int) -> None:
        self._progress.console.print(f"{failure.name}: {failure.reason}", style="red", markup=False)
        if size_bytes:
            self._end(size_bytes)

    def waiting(self, reason: str) -> None:
        self._progress.console.print(reason, markup=False)

    def _end(self, size_bytes: int) -> None:
        self._ended += 1
        self._progress.update(
            self._sending, advance=size_bytes + REQUEST_BYTES, description="sending", count=self._count()
        )

    def _count(self) -> str:
        return f"{self._ended:,} of {self._planned:,} files"
