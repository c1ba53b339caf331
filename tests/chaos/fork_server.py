"""The fork server of the chaos tests: forks real workers, kills and freezes them at random, and restarts them.

    python -m tests.chaos.fork_server LOG_PATH WORKERS

It has imported everything that workers need, so that a fork starts quickly. Its own settings and those of the workers
are in the environment. After SIGTERM it prints as JSON how many workers were killed, crashed, were frozen and started.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import redis  # noqa: F401  (workers import it at its first use; imported here, each fork has it already)

import app  # noqa: F401
from benchmarks.starting import cpu_s
from functions import handlers, upkeep
from infra import consumer, worker
from infra.local.api_and_workers import share
from layers import bootstrap
from layers.adapters.aws.sqs_topics import MOST_A_REQUEST, SqsTopics
from layers.attempts import attempt
from layers.ports import Ports
from tests.chaos import steps

LATE_S = 3
LEAST_CPU_S = 0.2  # used by a worker before it may be killed: on a busy machine it may do no work at all in a second
UPKEEP_S = 1.0
PULSE_S = 1.5
# The concurrency of each step over all workers: steps with one part per message have more slots.
CONCURRENCY = dict.fromkeys(steps.PARTS, 4) | {"ocr": 24, "textract": 12}
CRASHED = 77  # the exit code of an injected crash, which distinguishes it from SIGKILL
PR_SET_PDEATHSIG = 1


class DuplicatingTopics(SqsTopics):
    """Delivers each message twice and in random order, some messages late."""

    def _send(self, topic: str, bodies: list[str], delay_s: int = 0) -> bool:
        prompt = [*bodies, *bodies]
        random.shuffle(prompt)
        late = [prompt.pop() for _ in range(len(prompt) // 4)]
        sent = [
            super(DuplicatingTopics, self)._send(topic, chunk[start : start + MOST_A_REQUEST], wait_s)
            for chunk, wait_s in ((prompt, delay_s), (late, delay_s + random.randint(1, LATE_S)))
            for start in range(0, len(chunk), MOST_A_REQUEST)
        ]
        return all(sent)


# A starting worker calls these for each object: if they could crash, no worker would finish starting.
NEVER_CRASHING = ("look_up", "size_of", "keys_after")


class CrashingPort:
    """A port whose process may crash just before or just after each call."""

    def __init__(self, port: Any, chance: float) -> None:
        self._port = port
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found) or name in NEVER_CRASHING:
            return found

        def call(*positional: Any, **named: Any) -> Any:
            self._maybe_crash()
            answer = found(*positional, **named)
            self._maybe_crash()
            return answer

        return call

    def _maybe_crash(self) -> None:
        if random.random() < self._chance:
            os._exit(CRASHED)  # no cleanup, as with SIGKILL: the kernel closes what was open


def patch_worker() -> None:
    """Give the real worker cheap steps, short leases, frequent upkeep, duplicating topics and crashing ports."""
    handlers.INTAKE, handlers.PIPELINES = steps.INTAKE, steps.PIPELINES
    attempt.LEASE_GRACE_S = steps.GRACE_S
    upkeep.UPKEEP_S, upkeep.PULSE_S, consumer.POLL_S = UPKEEP_S, PULSE_S, 3.0
    upkeep.AWAITED_S, upkeep.SURELY_LOST_S = 1.0, 8.0
    upkeep.repeat_unclaimed.__defaults__ = (2.0,)
    upkeep.sweep.__defaults__ = (2.0,)
    clients = {service: bootstrap.aws_client(service) for service in ("sqs", "s3")}
    bootstrap.aws_client = clients.__getitem__  # type: ignore[assignment]
    bootstrap.topics = bootstrap.once(_topics)  # type: ignore[assignment]
    real_ports, chance = bootstrap.ports, float(os.environ["CHAOS_CRASH_CHANCE"])

    def crashing_ports() -> Ports:
        ports = real_ports()
        crashing = {name: CrashingPort(getattr(ports, name), chance) for name in ("store", "objects", "topics")}
        return replace(ports, **crashing)

    bootstrap.ports = bootstrap.once(crashing_ports)  # type: ignore[assignment]
    real_settings = bootstrap.settings
    bootstrap.settings = bootstrap.once(lambda: replace(real_settings(), concurrency=CONCURRENCY))


def _topics() -> SqsTopics:
    work_signal = bootstrap.work_signal()
    return DuplicatingTopics(lambda: bootstrap.aws_client("sqs"), work_signal.send if work_signal else None)


class ForkServer:
    """Forks workers and tracks which of them exist, process work and are frozen."""

    def __init__(self, log_path: Path, count: int) -> None:
        self._log_path = log_path
        self._count = count
        self._slots: dict[int, int] = {}  # the slot of each running worker, by its process id
        self._at_work_since: dict[int, float] = {}
        self._frozen_until: dict[int, float] = {}
        self._started_reader, self._started_writer = os.pipe()
        os.set_blocking(self._started_reader, False)
        self.counts = {"killed": 0, "crashed": 0, "frozen": 0, "started": 0}

    def start_worker(self, slot: int) -> None:
        pid = os.fork()
        if pid:
            self._slots[pid] = slot
            self.counts["started"] += 1
            return
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        random.seed()
        os.dup2(os.open(self._log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), 2)
        shares = {step: share(CONCURRENCY[step], self._count, slot) for step in steps.PARTS}
        named = ",".join(f"{step}={count}" for step, count in shares.items() if count)
        os.environ |= {"FAIRWAY_WORKER": f"chaos-{slot}", "FAIRWAY_STEPS": named}
        bootstrap.forget()
        started_writer = self._started_writer

        class ReportingConsumer(consumer.Consumer):
            def start(self) -> None:
                super().start()
                os.write(started_writer, f"{os.getpid()}\n".encode())

        worker.Consumer = ReportingConsumer  # type: ignore[misc]
        try:
            worker.main()
        finally:
            os._exit(1)

    def restart_ended(self) -> None:
        """Restart each worker that has ended, under the same name."""
        while self._slots and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            slot = self._slots.pop(pid)
            self._at_work_since.pop(pid, None)
            self.counts["crashed"] += os.waitstatus_to_exitcode(status) == CRASHED
            self.start_worker(slot)

    def note_started(self) -> None:
        """Record since when each worker processes work, for those that have started since the last call."""
        try:
            for pid in map(int, os.read(self._started_reader, 4096).split()):
                if pid in self._slots:  # it may have ended already
                    self._at_work_since[pid] = time.monotonic()
        except BlockingIOError:
            return

    def kill_one(self, at_work_s: float) -> bool:
        """Kill a worker that has processed work for this long and is not frozen. Returns whether there was one."""
        now = time.monotonic()
        candidates = [
            pid
            for pid, since in self._at_work_since.items()
            if now - since >= at_work_s and cpu_s({pid}) >= LEAST_CPU_S
        ]
        candidates = [pid for pid in candidates if pid not in self._frozen_until]
        if not candidates:
            return False
        os.kill(random.choice(candidates), signal.SIGKILL)
        self.counts["killed"] += 1
        return True

    def freeze_one(self, seconds: float) -> None:
        """Stop a worker for longer than its leases last. When it resumes, it writes what it was about to write."""
        pid = random.choice(list(self._slots))
        os.kill(pid, signal.SIGSTOP)
        self._frozen_until[pid] = time.monotonic() + seconds
        self.counts["frozen"] += 1

    def resume_frozen(self) -> None:
        for pid in [pid for pid, until in self._frozen_until.items() if time.monotonic() >= until]:
            del self._frozen_until[pid]
            if pid in self._slots:
                os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        for pid in self._slots:
            os.kill(pid, signal.SIGKILL)
        for pid in self._slots:
            os.waitpid(pid, 0)


def main() -> None:
    log_path, count = Path(sys.argv[1]), int(sys.argv[2])
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    signal.signal(signal.SIGTERM, stop)
    patch_worker()
    server = ForkServer(log_path, count)
    for slot in range(count):
        server.start_worker(slot)
    print("ready", flush=True)
    kill_every_s = float(os.environ["CHAOS_KILL_EVERY_S"])
    freeze_every_s = float(os.environ["CHAOS_FREEZE_EVERY_S"])
    next_kill = time.monotonic() + kill_every_s
    next_freeze = time.monotonic() + freeze_every_s
    while not stopping:
        server.restart_ended()
        server.note_started()
        server.resume_frozen()
        if time.monotonic() >= next_freeze:
            next_freeze = time.monotonic() + freeze_every_s
            server.freeze_one(steps.SLOW_S)
        if time.monotonic() >= next_kill and server.kill_one(kill_every_s):
            next_kill = time.monotonic() + kill_every_s
        time.sleep(0.02)
    server.end()
    print(json.dumps(server.counts))


if __name__ == "__main__":
    main()
