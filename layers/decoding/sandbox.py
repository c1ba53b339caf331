"""Runs decoders in confined child processes, so that a hostile file can crash its decoder but not the worker.

A decoder reads one file, writes to its own folders, and has no network (`layers/decoding/confinement.py`). Its answer
is JSON of bounded size, never unpickled. Processes are kept for later calls and shared by threads. The sandbox needs
neither /dev/shm nor semaphores, so it works on Lambda too. docs/sandbox.md explains all of it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from layers.decoding.decoder import Decoder
from layers.decoding.fork_server import ForkServer
from layers.decoding.pausing import LIGHT_S
from layers.domain.errors import DecoderCrashed, PermanentError
from layers.telemetry.log import log

IDLE_S = 60.0  # then an idle decoder is ended


class Sandbox:
    """A pool of at most `max_children` decoders, each with `memory_bytes` of address space for a file.

    `keep_warm`: how many idle decoders are never ended.
    """

    def __init__(
        self,
        *,
        max_children: int = 4,
        memory_bytes: int = 1 << 30,
        keep_warm: int = 1,
        fork_server: ForkServer | None = None,
    ) -> None:
        self._fork_server = fork_server or ForkServer()
        self._memory_bytes = memory_bytes
        self._keep_warm = keep_warm
        self._slots = threading.BoundedSemaphore(max_children)
        self._idle: list[Decoder] = []
        self._lock = threading.Lock()

    def call(self, task: str, arguments: dict[str, Any], *, timeout_s: float, light_s: float = LIGHT_S) -> Any:
        """The result of a task (`decoder_host.TASKS`) for JSON arguments.

        Two arguments are paths: `path` is the file that the decoder may read, `into` the folder that receives its
        output files. `timeout_s` limits its active time (`layers/decoding/active_time.py`); waiting for a free decoder
        does not count. A call that is active for longer than `light_s` may be paused for lighter ones.

        Raises PermanentError: the decoder's verdict on the file, `timeout`, or `resource_limit`; TakesLong after the
        short limit; DecoderCrashed if the process died or its code failed; Snooze if it had to wait for a processor
        for many minutes.
        """
        with self._slots:
            decoder = self._take(task)
            try:
                answer = decoder.call(task, arguments, timeout_s, light_s)
            except TimeoutError:
                decoder.kill()
                raise PermanentError("timeout", f"the file could not be read within {timeout_s:.0f} seconds") from None
            except BaseException:
                decoder.kill()
                raise
            if decoder.is_fresh and not answer.get("exhausted"):
                self._put_back(decoder)
            else:
                decoder.kill()
        return _value(answer)

    def idle_pids(self) -> list[int]:
        """The process ids of idle decoders' reapers."""
        with self._lock:
            return [decoder.pid for decoder in self._idle]

    def retire_idle(self, *, at_once: bool = False) -> None:
        """End the decoders that have been idle for a while, except those that are kept warm. `at_once`: also those that have
        just worked."""
        idle_s = 0.0 if at_once else IDLE_S
        with self._lock:
            warm = self._idle[-self._keep_warm :] if self._keep_warm else []
            old = [decoder for decoder in self._idle if decoder not in warm and decoder.idle_s() > idle_s]
            self._idle = [decoder for decoder in self._idle if decoder not in old]
        for decoder in old:
            decoder.kill()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for decoder in idle:
            decoder.kill()
        self._fork_server.close()

    def _take(self, task: str) -> Decoder:
        """An idle decoder or a new one. A decoder that has run the task before is preferred, because it has loaded what the
        task needs; then the decoder that has run the fewest kinds of tasks, then the one that was used last."""
        while True:
            with self._lock:
                indexes = range(len(self._idle))
                best = min(indexes, key=lambda at: (*self._idle[at].order_for(task), -at), default=None)
                decoder = self._idle.pop(best) if best is not None else None
            if decoder is None:
                return Decoder(self._fork_server, self._memory_bytes, task)
            if decoder.is_alive():
                return decoder
            decoder.kill()

    def _put_back(self, decoder: Decoder) -> None:
        decoder.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(decoder)
        self.retire_idle()


def _value(answer: dict[str, Any]) -> Any:
    if refused := answer.get("refused"):
        raise PermanentError(str(refused.get("code")), str(refused.get("detail")))
    if "crashed" in answer:
        log("decoder_failed", detail=str(answer["crashed"])[:2000])
        raise DecoderCrashed("decoder_failed", "the decoder failed on the file with an unexpected error")
    return answer.get("value")
