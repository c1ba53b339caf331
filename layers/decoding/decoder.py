"""One decoder process with its own folders: sends it requests, reads its answers, and limits its time."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import struct
import time
from pathlib import Path
from typing import Any

from layers.decoding import scratch
from layers.decoding.active_time import ActiveTime, decoder_pids
from layers.decoding.fork_server import ForkServer, is_readable
from layers.decoding.pausing import PausableCall
from layers.decoding.short_limit import current_limit_s
from layers.domain.errors import DecoderCrashed, DecoderKilled, PermanentError, Snooze, TakesLong, TransientError

HEADER = struct.Struct(">I")
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_OUTPUT_BYTES = 256 * 1024 * 1024
MAX_CALLS = 500  # then the process is replaced
START_S = 20.0
END_S = 5.0
LOADING_S = 0.1  # extra for the first call of a process, which imports its reader
CHECK_EACH_S, MIN_CHECK_S = 0.1, 0.02  # between readings of the active time during a call
MAX_WAITING_S = 600.0  # for a processor during one call; then the attempt starts again later
BUSY_DELAY_S = 30.0
PATIENCE = 2  # a call in a slot for short parts may be paused for this many times its short limit
FOLDERS = ("input", "scratch", "output")  # the process reads the first and writes to the others


class Decoder:
    """A decoder process and its reaper. Used by one thread at a time."""

    def __init__(self, fork_server: ForkServer, memory_bytes: int, first_task: str) -> None:
        self.folder = scratch.new_folder("decoder")
        self._input, self._scratch, self._output = (self.folder / name for name in FOLDERS)
        for folder in (self._input, self._scratch, self._output):
            folder.mkdir()
        try:
            self._process = fork_server.start_decoder(memory_bytes, self.folder, first_task)
        except TransientError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._calls = 0
        self._tasks: set[str] = set()
        self.idle_since = time.monotonic()
        deadline = _Deadline(self.pid, START_S)
        try:
            self._read_answer(deadline)  # it reports that it is ready
        except (EOFError, TimeoutError) as error:
            self.kill()
            raise TransientError("decoder_start", "a decoder process could not be started") from error
        finally:
            deadline.end()

    @property
    def pid(self) -> int:
        """The reaper's process id."""
        return self._process.pid

    @property
    def is_fresh(self) -> bool:
        """Whether it may process another call."""
        return self._calls < MAX_CALLS

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def order_for(self, task: str) -> tuple[bool, int]:
        """The smaller, the better is this decoder for a task: whether it has not run it yet, and how many kinds of tasks it
        has run."""
        return task not in self._tasks, len(self._tasks)

    def idle_s(self) -> float:
        return time.monotonic() - self.idle_since

    def call(self, task: str, arguments: dict[str, Any], timeout_s: float, light_s: float) -> dict[str, Any]:
        """The decoder's answer; its output files are moved to the folder `into` of the arguments.

        Raises TimeoutError, TakesLong, Snooze, DecoderCrashed, and PermanentError for an answer that is too large. The
        process must be killed after any of them.
        """
        self._calls += 1
        self._tasks.add(task)
        request = dict(arguments)
        if "path" in arguments:
            request["path"] = str(self._link_input(Path(arguments["path"])))
        if "into" in arguments:
            request["into"] = str(self._output)
        try:
            answer = self._exchange({"task": task, "arguments": request, "timeout_s": timeout_s}, timeout_s, light_s)
            if "into" in arguments and "value" in answer:
                self._move_output(Path(arguments["into"]))
        finally:
            self._clear_folders()
        return answer

    def kill(self) -> None:
        """End the process and everything that it started."""
        self._process.release()
        if self._process.wait(END_S) is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(END_S)
        self._process.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- files -------------------------------------------------------------------------------------------

    def _link_input(self, path: Path) -> Path:
        target = self._input / path.name
        try:
            target.hardlink_to(path)
        except OSError:
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)  # another file system
        return target

    def _move_output(self, into: Path) -> None:
        """Move the output to the caller's folder. Accepts plain files only, and a bounded number of bytes."""
        total_bytes = 0
        for entry in list(os.scandir(self._output)):
            target = into / entry.name
            if entry.is_file(follow_symlinks=False):
                total_bytes += entry.stat(follow_symlinks=False).st_size
                _move(Path(entry.path), target)
            if not entry.is_file(follow_symlinks=False) or total_bytes > MAX_OUTPUT_BYTES:
                raise PermanentError("resource_limit", "the file's contents are larger than the limit")

    def _clear_folders(self) -> None:
        for folder in (self._input, self._scratch, self._output):
            for entry in list(os.scandir(folder)):
                _remove(entry)

    # --- the exchange ------------------------------------------------------------------------------------

    def _exchange(self, request: dict[str, Any], timeout_s: float, light_s: float) -> dict[str, Any]:
        body = json.dumps(request).encode()
        loading_s = LOADING_S if self._calls == 1 else 0.0
        deadline = _Deadline(self.pid, timeout_s, current_limit_s() + loading_s, light_s + loading_s)
        try:
            self._process.stdin.write(HEADER.pack(len(body)) + body)
            self._process.stdin.flush()
            answer = json.loads(self._read_answer(deadline))
        except TimeoutError:  # which is an OSError as well
            raise
        except (EOFError, OSError, ValueError, RecursionError):
            end = self._describe_end()
            if end == "SIGXCPU":  # several threads used up its processor time before the deadline
                raise TimeoutError from None
            # The sandbox's own limits end a decoder in other ways.
            kind = DecoderKilled if end == "SIGKILL" else DecoderCrashed
            raise kind("decoder_crashed", f"the decoder ended unexpectedly while it read the file ({end})") from None
        finally:
            deadline.end()
        if not isinstance(answer, dict):
            raise DecoderCrashed("decoder_crashed", "the decoder's answer is not an object")
        return answer

    def _describe_end(self) -> str:
        code = self._process.wait(1.0)
        if code is None:
            return "its answer is not JSON"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _read_answer(self, deadline: _Deadline) -> bytes:
        (length,) = HEADER.unpack(self._read_exactly(HEADER.size, deadline))
        if length > MAX_ANSWER_BYTES:
            raise PermanentError("resource_limit", "the file's text is larger than the limit")
        return self._read_exactly(length, deadline)

    def _read_exactly(self, count: int, deadline: _Deadline) -> bytes:
        descriptor = self._process.stdout.fileno()
        chunks: list[bytes] = []
        while count:
            if not is_readable(descriptor, deadline.check_in_s()):
                deadline.check()
                continue
            chunk = os.read(descriptor, min(count, 1 << 20))
            if not chunk:
                raise EOFError
            chunks.append(chunk)
            count -= len(chunk)
        return b"".join(chunks)


class _Deadline:
    """Limits the active time of a call, and pauses it in favour of lighter calls. Waiting never makes a file fail."""

    def __init__(
        self, reaper_pid: int, timeout_s: float, short_limit_s: float = math.inf, light_s: float = math.inf
    ) -> None:
        self._time = ActiveTime(reaper_pid)
        self._timeout_s, self._short_limit_s, self._light_s = timeout_s, short_limit_s, light_s
        is_long = short_limit_s == math.inf and light_s < math.inf  # the start of a process is light
        self._call = PausableCall(lambda: decoder_pids(reaper_pid), is_long=is_long, light_s=light_s)

    def check_in_s(self) -> float:
        """Seconds until the next check is due."""
        if self._call.is_paused:
            return CHECK_EACH_S
        left_s = [limit_s - self._time.active_s for limit_s in (self._timeout_s, self._short_limit_s, self._light_s)]
        return max(MIN_CHECK_S, min(CHECK_EACH_S, *(seconds for seconds in left_s if seconds > 0)))

    def check(self) -> None:
        """Raises TimeoutError, TakesLong, and Snooze."""
        self._time.update(was_paused=self._call.is_paused)
        if self._time.active_s >= self._timeout_s:
            raise TimeoutError
        if self._time.active_s >= self._short_limit_s or self._time.paused_s >= PATIENCE * self._short_limit_s:
            raise TakesLong
        if self._time.waiting_s >= MAX_WAITING_S:
            raise Snooze(BUSY_DELAY_S, "the machine is too busy to read the file")
        self._call.update(self._time.active_s, self._time.paused_s)

    def end(self) -> None:
        self._call.end()


def _move(path: Path, target: Path) -> None:
    try:
        path.rename(target)  # `shutil.move` looks at both first
    except OSError:
        shutil.move(path, target)  # another file system


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        Path(entry.path).unlink()
