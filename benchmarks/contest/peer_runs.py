"""Runs a peer in bulk: two worker processes that take files from one queue; one that dies is started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contest.measuring import Measured
from benchmarks.documents.readers import NotInstalled, Reader, next_line, started, with_tesseract

WORKERS = 2
Answer = dict[str, Any]


@dataclass(slots=True)
class Run:
    """What a system made of the files: an answer for each path, when each came (seconds since the start), and its use."""

    answers: dict[Path, Answer] = field(default_factory=dict)
    answered_s: dict[Path, float] = field(default_factory=dict)
    read_twice: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0


class Bulk:
    """Workers of a peer on a list of paths. `on_progress` is called with the number of files that are done."""

    def __init__(self, reader: Reader, paths: Sequence[Path]) -> None:
        self._command, self._environment = reader.command(), with_tesseract()
        self._waiting = deque(paths)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self.run = Run()

    def work(self, on_progress: Callable[[Bulk, int], None] = lambda bulk, done: None) -> Run:
        """Read all files. Raises NotInstalled if the first process ends before its first answer."""
        self._on_progress = on_progress
        with Measured(self._pids) as measured:
            self.began = time.monotonic()
            threads = [threading.Thread(target=self._work, args=(number,)) for number in range(WORKERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for process in self._processes.values():
            process.kill()
            process.wait()
        if all(answer.get("died") for answer in self.run.answers.values()):
            raise NotInstalled("its program ended before the first document")
        self.run.wall_s, self.run.cpu_s, self.run.peak_mib = measured.wall_s, measured.cpu_s, measured.peak_mib
        return self.run

    def add(self, path: Path) -> None:
        """Add a file at the end of the queue."""
        self._waiting.append(path)

    def kill_a_worker(self) -> None:
        with self._lock:
            pid = next(iter(self._processes.values())).pid
        os.kill(pid, signal.SIGKILL)

    def _pids(self) -> set[int]:
        with self._lock:
            return {process.pid for process in self._processes.values() if process.poll() is None}

    def _work(self, number: int) -> None:
        process: subprocess.Popen[bytes] | None = None
        while True:
            try:
                path = self._waiting.popleft()
            except IndexError:
                break
            if process is None or process.poll() is not None:
                process = started(self._command, self._environment)
                with self._lock:
                    self._processes[number] = process
            answer = _answer(process, path)
            if answer.get("died"):
                process.kill()
                process.wait()
            with self._lock:
                self.run.read_twice += path in self.run.answers
                self.run.answers[path] = answer
                self.run.answered_s[path] = time.monotonic() - self.began
            self._on_progress(self, len(self.run.answers))


def _answer(process: subprocess.Popen[bytes], path: Path) -> Answer:
    assert process.stdin and process.stdout
    try:
        process.stdin.write(f"{path}\n".encode())
        process.stdin.flush()
    except BrokenPipeError:
        return {"died": True}
    line = next_line(process, process.stdout)
    return {"died": True} if line is None else json.loads(line)
