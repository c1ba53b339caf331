"""Runs decoders in child processes with limits of time and memory: a child may die, its caller may not.

A child speaks length-prefixed JSON over its pipes and is believed in nothing else: what it answers is data,
never unpickled, of bounded size. Children are kept warm and shared by threads; one that dies, hangs or has
served long enough is replaced. Needs neither /dev/shm nor semaphores, so it runs on Lambda as well.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from layers.domain.errors import DecoderCrashed, PermanentError, TransientError
from layers.telemetry import log

HEADER = struct.Struct(">I")
MOST_ANSWER_BYTES = 64 * 1024 * 1024
CALLS_A_CHILD = 200
IDLE_S = 60.0
START_S = 20.0
ROOT = Path(__file__).resolve().parent.parent
PASSED_ON = ("FAIRWAY_HOME", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "FAIRWAY_TESSERACT")


class Sandbox:
    """At most `max_children` decoders at once, each with `memory_bytes` of address space."""

    def __init__(self, *, max_children: int = 4, memory_bytes: int = 1 << 30, keep_warm: int = 1) -> None:
        self._memory_bytes = memory_bytes
        self._keep_warm = keep_warm
        self._places = threading.BoundedSemaphore(max_children)
        self._idle: list[_Child] = []
        self._lock = threading.Lock()

    def call(self, task: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        """The answer of a task to plain arguments. Waiting for a free child does not count against its time.

        Raises PermanentError: what the decoder said of the file, `timeout`, or `resource_limit`;
        DecoderCrashed when the child died.
        """
        with self._places:
            child = self._take()
            try:
                answer = child.ask({"task": task, "arguments": arguments}, timeout_s)
            except BaseException:
                child.kill()
                raise
            if child.calls < CALLS_A_CHILD and not answer.get("exhausted"):
                self._give_back(child)
            else:
                child.kill()
        return _value(answer)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.kill()

    def retire_idle(self) -> None:
        """End the children that have had nothing to do for a while, but for the few that are kept warm."""
        with self._lock:
            old = [child for child in self._idle[: -self._keep_warm or None] if child.idle_s() > IDLE_S]
            self._idle = [child for child in self._idle if child not in old]
        for child in old:
            child.kill()

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.lives():
                    return child
                child.kill()
        return _Child(self._memory_bytes)

    def _give_back(self, child: _Child) -> None:
        child.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(child)
        self.retire_idle()


class _Child:
    def __init__(self, memory_bytes: int) -> None:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1", "PYTHONPATH": _import_path()}
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "layers.decoder_host", str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        self.calls = 0
        self.idle_since = time.monotonic()
        try:
            self._read(START_S)  # its greeting
        except (EOFError, TimeoutError) as error:
            self.kill()
            raise TransientError("decoder_start", "a decoder process could not be started") from error

    def lives(self) -> bool:
        return self._process.poll() is None

    def idle_s(self) -> float:
        return time.monotonic() - self.idle_since

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self.calls += 1
        body = json.dumps(request).encode()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(HEADER.pack(len(body)) + body)
            self._process.stdin.flush()
            answer = json.loads(self._read(timeout_s))
        except TimeoutError:
            raise PermanentError("timeout", f"the file could not be read within {timeout_s:.0f} seconds") from None
        except (EOFError, OSError, ValueError):
            raise DecoderCrashed(
                "decoder_crashed", f"the decoder died while it read the file ({self._end()})"
            ) from None
        if not isinstance(answer, dict):
            raise DecoderCrashed("decoder_crashed", "the decoder gave no proper answer")
        return answer

    def kill(self) -> None:
        """End the child and all that it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass

    def _end(self) -> str:
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "it answered nonsense"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _read(self, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        (length,) = HEADER.unpack(self._read_exactly(HEADER.size, deadline))
        if length > MOST_ANSWER_BYTES:
            raise PermanentError("resource_limit", "the file yields more text than can be kept")
        return self._read_exactly(length, deadline)

    def _read_exactly(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        while count:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise TimeoutError
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _import_path() -> str:
    return os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])


def _value(answer: dict[str, Any]) -> Any:
    refused = answer.get("refused")
    if refused:
        raise PermanentError(str(refused.get("code")), str(refused.get("detail")))
    if "broke" in answer:
        log("decoder_failed", detail=str(answer["broke"])[:2000])
        raise TransientError("decoder_failed", "the file's decoder failed in a way that it should not")
    return answer.get("value")
