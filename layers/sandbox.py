"""Runs decoders in child processes that are walled in and bounded: a child may die, its caller may not.

A child speaks length-prefixed JSON over its pipes and is believed in nothing else: what it answers is data,
never unpickled, of bounded size. It sees the one file that it is to read, writes into one folder of its own,
and reaches no network (`layers/confinement.py` says how, and where a host allows less). Children are kept warm
and shared by threads; one that dies, hangs, has grown or has served long enough is replaced. Needs neither
/dev/shm nor semaphores, so it runs on Lambda as well.
"""

from __future__ import annotations

import json
import math
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from layers import scratch, turns
from layers.domain.errors import DecoderCrashed, PermanentError, TakesLong, TransientError
from layers.telemetry import log

HEADER = struct.Struct(">I")
MOST_ANSWER_BYTES = 64 * 1024 * 1024
MOST_MADE_BYTES = 256 * 1024 * 1024
CALLS_A_CHILD = 200
IDLE_S = 60.0
START_S = 20.0
END_S = 5.0
LEAST_EXTENSION_S = 0.2
LOADS_S = 0.3  # more of a turn for a new child, which loads its reader first
GIVES_WAY_S = 3.0
LAST_NICE = 15
MOST_WAITS, MOST_WAIT_S = 4, 240.0  # for a processor: so many times what a call may take, and seconds
FOLDERS = ("given", "room", "made")  # of these the child reads the first, and writes in the others
ROOT = Path(__file__).resolve().parent.parent
PASSED_ON = ("LD_LIBRARY_PATH", "TESSDATA_PREFIX", "FAIRWAY_TESSDATA", "FAIRWAY_TESSERACT")


class Sandbox:
    """At most `max_children` decoders at once, each with `memory_bytes` of address space.

    A call that takes longer than `gives_way_s` goes on behind all others. One that was taken for short work ends with
    its turn (`layers/turns.py`), or goes on likewise. A child can't be brought forward again: it is kept for another
    call that takes long, or replaced. `nice`: how far its children stand behind others from the start, where that is
    further than all decoders do.
    """

    def __init__(
        self,
        *,
        max_children: int = 4,
        memory_bytes: int = 1 << 30,
        keep_warm: int = 1,
        gives_way_s: float | None = None,
        nice: int | None = None,
    ) -> None:
        self._nice = nice
        self._memory_bytes = memory_bytes
        self._gives_way_s = gives_way_s
        self._keep_warm = keep_warm
        self._places = threading.BoundedSemaphore(max_children)
        self._idle: list[_Child] = []
        self._lock = threading.Lock()

    def call(self, task: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        """The answer of a task to plain arguments. Waiting for a free child does not count against its time.

        Two arguments are places: `path` is the file that the child is given to read, `into` the folder that
        receives what it makes. Raises PermanentError: what the decoder said of the file, `timeout`, or
        `resource_limit`; TakesLong at the end of a short turn; DecoderCrashed when the child died or its decoder broke.
        """
        with self._places:
            child = self._take()
            try:
                answer = child.ask(task, arguments, timeout_s)
            except TimeoutError:
                child.kill()
                raise _timeout(timeout_s) from None
            except BaseException:
                child.kill()
                raise
            if child.is_fresh and not answer.get("exhausted"):
                self._give_back(child)
            else:
                child.kill()
        return _value(answer)

    def children(self) -> list[int]:
        """The processes of those that wait for a call."""
        with self._lock:
            return [child.pid for child in self._idle]

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.kill()

    def retire_idle(self) -> None:
        """End the children that have had nothing to do for a while, but for the few that are kept warm."""
        with self._lock:
            warm = [child for child in self._idle if not child.gave_way][-self._keep_warm :] if self._keep_warm else []
            old = [child for child in self._idle if child not in warm and child.idle_s() > IDLE_S]
            self._idle = [child for child in self._idle if child not in old]
        for child in old:
            child.kill()

    def _take(self) -> _Child:
        behind = turns.stands_behind()
        child = (behind and self._idle_child(behind=True)) or self._idle_child(behind=False) or self._started()
        if behind:
            child.give_way()
        return child

    def _idle_child(self, *, behind: bool) -> _Child | None:
        """The one that served last, of those that stand behind all others or of the rest."""
        with self._lock:
            while found := [child for child in self._idle if child.gave_way == behind]:
                self._idle.remove(found[-1])
                if found[-1].lives():
                    return found[-1]
                found[-1].kill()
        return None

    def _started(self) -> _Child:
        child = _Child(self._memory_bytes, self._gives_way_s or GIVES_WAY_S)
        if self._nice is not None:
            child.stand_behind(self._nice)
        return child

    def _give_back(self, child: _Child) -> None:
        child.idle_since = time.monotonic()
        with self._lock:
            is_one_too_many = child.gave_way and any(one.gave_way for one in self._idle)
            if not is_one_too_many:
                self._idle.append(child)
        if is_one_too_many:
            child.kill()
        self.retire_idle()


class _Child:
    """A decoder and its warden, with folders of their own."""

    def __init__(self, memory_bytes: int, gives_way_s: float) -> None:
        self._gives_way_s = gives_way_s
        self.folder = scratch.new_folder("decoder")
        self._given, self._room, self._made = (self.folder / name for name in FOLDERS)
        for folder in (self._given, self._room, self._made):
            folder.mkdir()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1", "MALLOC_ARENA_MAX": "2"}
        environment |= {"PYTHONPATH": _import_path(), "TMPDIR": str(self._room)}
        life, self._life = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-B",
                    "-m",
                    "layers.decoder_host",
                    str(memory_bytes),
                    str(self.folder),
                    str(life),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None,
                cwd=self._room,
                env=environment,
                start_new_session=True,
                pass_fds=(life,),
            )
        except OSError as error:
            os.close(self._life)
            shutil.rmtree(self.folder, ignore_errors=True)
            raise TransientError("decoder_start", f"a decoder process could not be started ({error})") from error
        finally:
            os.close(life)
        self._calls = 0
        self.gave_way = False
        self.idle_since = time.monotonic()
        try:
            self._read(START_S)  # its greeting
        except (EOFError, TimeoutError) as error:
            self.kill()
            raise TransientError("decoder_start", "a decoder process could not be started") from error

    @property
    def pid(self) -> int:
        """The warden's process."""
        return self._process.pid

    @property
    def is_fresh(self) -> bool:
        return self._calls < CALLS_A_CHILD

    def lives(self) -> bool:
        return self._process.poll() is None

    def idle_s(self) -> float:
        return time.monotonic() - self.idle_since

    def ask(self, task: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """The child's answer, with what it made where `into` says. Raises TimeoutError, and TakesLong at the end of a
        turn."""
        self._calls += 1
        given = dict(arguments)
        if "path" in arguments:
            given["path"] = str(self._hand_over(Path(arguments["path"])))
        if "into" in arguments:
            given["into"] = str(self._made)
        try:
            answer = self._exchange({"task": task, "arguments": given, "timeout_s": timeout_s}, timeout_s)
            if "into" in arguments and "value" in answer:
                self._take_out(Path(arguments["into"]))
        finally:
            self._tidy(Path(given["path"]) if "path" in given else None)
        return answer

    def kill(self) -> None:
        """End the child and all that it started."""
        if self._life >= 0:
            os.close(self._life)  # the warden's sign
            self._life = -1
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what goes in and comes out ------------------------------------------------------------------

    def _hand_over(self, path: Path) -> Path:
        place = self._given / path.name
        place.unlink(missing_ok=True)
        try:
            os.link(path, place)
        except OSError:
            shutil.copyfile(path, place)  # another file system
        return place

    def _take_out(self, into: Path) -> None:
        """Move what was made to where it is wanted: plain files alone, and not more than can be kept."""
        total_bytes = 0
        for entry in list(os.scandir(self._made)):
            place = into / entry.name
            if entry.is_file(follow_symlinks=False):
                shutil.move(entry.path, place)
                total_bytes += place.lstat().st_size
            if not entry.is_file(follow_symlinks=False) or total_bytes > MOST_MADE_BYTES:
                raise PermanentError("resource_limit", "what the file yields is larger than can be kept")

    def _tidy(self, given: Path | None) -> None:
        if given:
            given.unlink(missing_ok=True)
        for folder in (self._room, self._made):
            for entry in list(os.scandir(folder)):
                _remove(entry)

    # --- the exchange --------------------------------------------------------------------------------

    def _exchange(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        body = json.dumps(request).encode()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(HEADER.pack(len(body)) + body)
            self._process.stdin.flush()
            answer = json.loads(self._read(timeout_s, turns.most_s() + (LOADS_S if self._calls == 1 else 0.0)))
        except TimeoutError:  # an OSError as well
            raise
        except (EOFError, OSError, ValueError, RecursionError):
            end = self._end()
            if end == "SIGXCPU":  # it burnt its time on several processors at once
                raise TimeoutError from None
            raise DecoderCrashed("decoder_crashed", f"the decoder died while it read the file ({end})") from None
        if not isinstance(answer, dict):
            raise DecoderCrashed("decoder_crashed", "the decoder gave no proper answer")
        return answer

    def _end(self) -> str:
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "it answered nonsense"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def give_way(self) -> None:
        """A file that takes long is in no hurry: the others come first. It can't be undone, so the child is replaced."""
        if not self.gave_way:
            self.gave_way = True
            self.stand_behind(LAST_NICE)

    def stand_behind(self, nice: int) -> None:
        try:
            os.setpriority(os.PRIO_PGRP, self._process.pid, nice)
            Path(f"/proc/{self._process.pid}/autogroup").write_text(str(nice))
        except OSError:
            pass  # no such switch in this kernel, or it has just ended

    def _read(self, timeout_s: float, turn_s: float = math.inf) -> bytes:
        self._timeout_s, self._within_s = timeout_s, min(timeout_s, turn_s)
        self._extended_by_s, self._waited_before_s = 0.0, self._waited_s()
        deadline = time.monotonic() + self._within_s
        (length,) = HEADER.unpack(self._read_exactly(HEADER.size, deadline))
        if length > MOST_ANSWER_BYTES:
            raise PermanentError("resource_limit", "the file yields more text than can be kept")
        return self._read_exactly(length, deadline)

    def _read_exactly(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        gives_way_at = time.monotonic() + self._gives_way_s
        while count:
            until = deadline if self.gave_way else min(deadline, gives_way_at)
            readable, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            if not readable and time.monotonic() < deadline:
                self.give_way()
                continue
            if not readable:
                deadline = self._extended(deadline)
                continue
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _extended(self, deadline: float) -> float:
        """A later deadline, where the decoder stood ready and was given no processor: a full machine is not its
        file's fault. Then its time after its turn, where it goes on. Raises TimeoutError where it had its time, or has
        waited for several times as long, and TakesLong where it had its turn."""
        more_s = min(self._waited_s() - self._waited_before_s, self._most_wait_s()) - self._extended_by_s
        if more_s >= LEAST_EXTENSION_S:
            self._extended_by_s += more_s
            return deadline + more_s
        if self._within_s == self._timeout_s:
            raise TimeoutError
        self.give_way()
        if not turns.goes_on():
            raise TakesLong
        more_s, self._within_s = self._timeout_s - self._within_s, self._timeout_s
        return deadline + more_s

    def _most_wait_s(self) -> float:
        return min(MOST_WAITS * self._within_s, MOST_WAIT_S)

    def _waited_s(self) -> float:
        """Seconds that the decoder, and what it has started and runs now, stood ready to run and did not."""
        try:
            (decoder,) = _children(self._process.pid)[:1]
            return (
                sum(
                    int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in (decoder, *_children(decoder))
                )
                / 1e9
            )
        except (OSError, IndexError, ValueError):
            return 0.0  # it has ended, or the kernel does not count this


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _import_path() -> str:
    return os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])


def _timeout(timeout_s: float) -> PermanentError:
    return PermanentError("timeout", f"the file could not be read within {timeout_s:.0f} seconds")


def _value(answer: dict[str, Any]) -> Any:
    refused = answer.get("refused")
    if refused:
        raise PermanentError(str(refused.get("code")), str(refused.get("detail")))
    if "broke" in answer:
        log("decoder_failed", detail=str(answer["broke"])[:2000])
        raise DecoderCrashed("decoder_failed", "the file's decoder failed in a way that it should not")
    return answer.get("value")


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        Path(entry.path).unlink()
