"""Runs decoders in child processes that are walled in and bounded: a child may die, its caller may not.

A child speaks length-prefixed JSON over its pipes and is believed in nothing else: what it answers is data,
never unpickled, of bounded size. It sees the one file that it is to read, writes into one folder of its own,
and reaches no network (`layers/decoding/confinement.py` says how, and where a host allows less). Children are kept warm
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
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layers.decoding import confinement, cpu_priority, scratch, turns
from layers.decoding.fork_server import Nursery
from layers.domain.errors import DecoderCrashed, PermanentError, TakesLong, TransientError
from layers.telemetry.log import log

HEADER = struct.Struct(">I")
MOST_ANSWER_BYTES = 64 * 1024 * 1024
MOST_MADE_BYTES = 256 * 1024 * 1024
CALLS_A_CHILD = 500
IDLE_S = 60.0
START_S = 20.0
END_S = 5.0
LEAST_EXTENSION_S = 0.2
LOADS_S = 0.1  # more of a turn for a new child, which loads its reader first
LIGHT_CPU_S = 0.05  # that a call may use, until it stands behind those that have used less
GOES_ON_CPU_S = 0.2  # until it asks to go on behind all others
GIVES_WAY_S = 3.0  # until it does unasked, where its child can't be brought forward again
HEAVIER_NICE, LAST_NICE = 15, 19
PATIENCE_S, PATIENCE_TIMES = 0.4, 4  # or that it has waited behind them: seconds, or times its estimate if that is more
COMES_FORWARD_AFTER = 0.5  # of what it may wait for a processor
LEAST_LOOK_S, LOOKS_AGAIN_S = 0.03, 1.0  # between looks at what a call has used
TICKS_A_S = os.sysconf("SC_CLK_TCK")
MOST_WAITS, MOST_WAIT_S = 4, 240.0  # for a processor: so many times what a call may take, and seconds
FOLDERS = ("given", "room", "made")  # of these the child reads the first, and writes in the others


class Sandbox:
    """At most `max_children` decoders at once, each with `memory_bytes` of address space for a file.

    Who has used little of the processors comes first: a call that has used more than `light_s` stands behind those
    that have not, and one that has used `GOES_ON_CPU_S`, or what it was estimated to take, or that has waited there for
    too long, behind all others, until it has waited for half of the time that it may wait. One that was taken for short
    work goes on where a place of the long is free, and ends otherwise, so that nobody waits for its place: at once, or
    at the end of its turn (`layers/decoding/turns.py`). Where a child can't be brought forward again (`layers/decoding/cpu_priority.py`), only
    a call that takes longer than `gives_way_s` goes behind, and its child is kept for another call that takes long, or
    replaced. `nice`: how far its children stand behind others from the start, where that is further than all decoders do.
    """

    def __init__(
        self,
        *,
        max_children: int = 4,
        memory_bytes: int = 1 << 30,
        keep_warm: int = 1,
        gives_way_s: float | None = None,
        nice: int | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        self._nice = nice
        self._nursery = nursery or Nursery()
        self._memory_bytes = memory_bytes
        self._gives_way_s = gives_way_s
        self._keep_warm = keep_warm
        self._places = threading.BoundedSemaphore(max_children)
        self._idle: list[_Child] = []
        self._lock = threading.Lock()

    def call(self, task: str, arguments: dict[str, Any], *, timeout_s: float, light_s: float = LIGHT_CPU_S) -> Any:
        """The answer of a task to plain arguments. Waiting for a free child does not count against its time.

        Two arguments are places: `path` is the file that the child is given to read, `into` the folder that
        receives what it makes. Raises PermanentError: what the decoder said of the file, `timeout`, or
        `resource_limit`; TakesLong where it takes longer than a short turn; DecoderCrashed when the child died or its
        decoder broke.
        """
        with self._places:
            child = self._take()
            try:
                answer = child.ask(task, arguments, timeout_s, light_s)
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
        self._nursery.close()

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
        else:
            child.take_its_place()
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
        return _Child(self._nursery, self._memory_bytes, self._gives_way_s or GIVES_WAY_S, self._nice)

    def _give_back(self, child: _Child) -> None:
        child.come_forward()
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

    def __init__(self, nursery: Nursery, memory_bytes: int, gives_way_s: float, nice: int | None) -> None:
        self._gives_way_s = gives_way_s
        self._nice = confinement.NICE if nice is None else nice
        self.folder = scratch.new_folder("decoder")
        self._given, self._room, self._made = (self.folder / name for name in FOLDERS)
        for folder in (self._given, self._room, self._made):
            folder.mkdir()
        try:
            self._process = nursery.begin(memory_bytes, self.folder)
        except TransientError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._calls = 0
        self.gave_way = False
        self.idle_since = time.monotonic()
        try:
            self._read(START_S)  # its greeting
        except (EOFError, TimeoutError) as error:
            self.kill()
            raise TransientError("decoder_start", "a decoder process could not be started") from error
        self._stands_where_it_should = False
        self.take_its_place()

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

    def ask(self, task: str, arguments: dict[str, Any], timeout_s: float, light_s: float) -> dict[str, Any]:
        """The child's answer, with what it made where `into` says. Raises TimeoutError, and TakesLong where it takes
        longer than a turn."""
        self._calls += 1
        self._light_s = light_s
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
        self._process.let_go()
        if self._process.wait(END_S) is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(END_S)
        self._process.close()
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
        try:
            self._process.stdin.write(HEADER.pack(len(body)) + body)
            self._process.stdin.flush()
            answer = json.loads(self._read(timeout_s, turns.most_s() + self._loads_s()))
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
        code = self._process.wait(1.0)
        if code is None:
            return "it answered nonsense"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def take_its_place(self) -> None:
        """Stand where decoders do. It tries that itself, but of those that begin together only one may."""
        if not self._stands_where_it_should:
            self._stands_where_it_should = cpu_priority.move(self.pid, self._nice)

    def step_back(self) -> None:
        """Stand behind those that have used less, where it can come forward again."""
        if self._stands_where_it_should and self._nice < HEAVIER_NICE:
            self._stands_where_it_should = not cpu_priority.move(self.pid, HEAVIER_NICE)

    def give_way(self) -> None:
        """A file that takes long is in no hurry: the others come first."""
        if not self.gave_way:
            self.gave_way = cpu_priority.move(self.pid, LAST_NICE) or not cpu_priority.goes_both_ways()

    def come_forward(self) -> None:
        """Stand with the others again, where a host lets it."""
        if self.gave_way and cpu_priority.goes_both_ways():
            self.gave_way = not cpu_priority.move(self.pid, self._nice)
            self._stands_where_it_should = not self.gave_way
        elif not self.gave_way:
            self.take_its_place()

    def _read(self, timeout_s: float, turn_s: float = math.inf) -> bytes:
        self._timeout_s, self._within_s = timeout_s, min(timeout_s, turn_s)
        self._extended_by_s, self._before = 0.0, self._time()
        self._came_forward = False
        self._deadline = time.monotonic() + self._within_s
        (length,) = HEADER.unpack(self._read_exactly(HEADER.size))
        if length > MOST_ANSWER_BYTES:
            raise PermanentError("resource_limit", "the file yields more text than can be kept")
        return self._read_exactly(length)

    def _read_exactly(self, count: int) -> bytes:
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        look_at = time.monotonic() + (LIGHT_CPU_S if cpu_priority.goes_both_ways() else self._gives_way_s)
        while count:
            until = min(self._deadline, look_at)
            readable, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            if not readable and time.monotonic() < self._deadline:
                later_s, more_s = self._finds_its_standing()
                look_at, self._deadline = time.monotonic() + later_s, self._deadline + more_s
                continue
            if not readable:
                self._deadline += self._extension()
                continue
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _finds_its_standing(self) -> tuple[float, float]:
        """Give way or come forward where it is time to; seconds until that may be so again, and more for the call.
        Raises TakesLong where it is to leave a place of the short."""
        if not cpu_priority.goes_both_ways():
            self.give_way()
            return math.inf, 0.0
        if self._calls == 0:
            return LOOKS_AGAIN_S, 0.0  # it begins, and no file is its cause
        spent = self._spent()
        if self._came_forward or spent.waited_s > COMES_FORWARD_AFTER * _most_wait_s(self._timeout_s):
            self._came_forward = True  # others go first, but not for ever
            self.come_forward()
            return LOOKS_AGAIN_S, 0.0
        if self.gave_way:
            return LOOKS_AGAIN_S, 0.0
        left_s = self._light_s + self._loads_s() - spent.used_s
        if left_s <= 0:
            self.step_back()
            left_s = self._may_use_s() - spent.used_s if spent.waited_s < self._patience_s() else 0.0
        if left_s > 0:
            return max(LEAST_LOOK_S, left_s), 0.0
        if self._within_s < self._timeout_s and not turns.goes_on():
            raise TakesLong
        self.give_way()
        return LOOKS_AGAIN_S, self._has_all_its_time()

    def _may_use_s(self) -> float:
        """Of processors, before all others."""
        return max(self._light_s, GOES_ON_CPU_S, turns.expected_s()) + self._loads_s()

    def _patience_s(self) -> float:
        """How long one that stands behind others may wait for a processor in a place of the short."""
        return max(PATIENCE_S, PATIENCE_TIMES * turns.expected_s()) if self._within_s < self._timeout_s else math.inf

    def _loads_s(self) -> float:
        return LOADS_S if self._calls == 1 else 0.0

    def _has_all_its_time(self) -> float:
        """From now on; how much that is more."""
        more_s, self._within_s = self._timeout_s - self._within_s, self._timeout_s
        return more_s

    def _extension(self) -> float:
        """More seconds at the deadline, where the decoder stood ready and was given no processor: a full machine is not
        its file's fault. Then its time after its turn, where it goes on. Raises TimeoutError where it had its time, or
        has waited for several times as long, and TakesLong where it had its turn: one that has used more than it was
        expected to waits for no longer than that, as it holds a place of the short."""
        spent = self._spent()
        has_had_its_turn = self._within_s < self._timeout_s and spent.used_s > self._may_use_s()
        most_s = self._within_s if has_had_its_turn else _most_wait_s(self._within_s)
        more_s = min(spent.waited_s, most_s) - self._extended_by_s
        if more_s >= LEAST_EXTENSION_S:
            self._extended_by_s += more_s
            return more_s
        if self._within_s == self._timeout_s:
            raise TimeoutError
        self.give_way()
        if not turns.goes_on():
            raise TakesLong
        return self._has_all_its_time()

    def _spent(self) -> _Time:
        """In this call."""
        now = self._time()
        return _Time(now.used_s - self._before.used_s, now.waited_s - self._before.waited_s)

    def _time(self) -> _Time:
        """What the decoder, and what it has started and runs now, had of processors, and stood ready to run without."""
        try:
            (decoder,) = _children(self._process.pid)[:1]
            times = [_time_of(pid) for pid in (decoder, *_children(decoder))]
            return _Time(sum(one.used_s for one in times), sum(one.waited_s for one in times))
        except (OSError, IndexError, ValueError):
            return _Time(0.0, 0.0)  # it has ended, or the kernel does not count this


@dataclass(frozen=True, slots=True)
class _Time:
    """Seconds of processors that were used, and for which something stood ready and waited."""

    used_s: float
    waited_s: float


def _time_of(pid: int) -> _Time:
    """A process's, and what those of its children used that have ended."""
    used, waited = Path(f"/proc/{pid}/schedstat").read_text().split()[:2]
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ended_s = (int(fields[13]) + int(fields[14])) / TICKS_A_S
    return _Time(int(used) / 1e9 + ended_s, int(waited) / 1e9)


def _most_wait_s(timeout_s: float) -> float:
    """For a processor, on a full machine."""
    return min(MOST_WAITS * timeout_s, MOST_WAIT_S)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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
