"""Real workers that die: forked from one process that has everything imported, killed at random, and born again.

    python -m tests.chaos.fork_server LOG_PATH WORKERS

What it is told beside stands in the environment, as the workers' own settings do. Ended by SIGTERM, it says how many
were killed, and how many died by an injected crash.
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

import redis  # noqa: F401  (so that whoever is born has it, as all else that a worker imports at its first use)

import app  # noqa: F401
import layers.adapters.rapid_reader  # noqa: F401
from benchmarks.starting import cpu_s
from functions import handlers, upkeep
from infra import worker
from layers import bootstrap
from layers.adapters.aws.sqs_topics import MOST_A_REQUEST, SqsTopics
from layers.attempts import attempt
from layers.ports import Ports
from tests.chaos import steps

LATE_S = 3
LIVED_S = 0.2  # of CPU, before a worker is killed: on a machine that is busy otherwise a second is nothing
UPKEEP_S = 1.0
PULSE_S = 1.5
# Of each step, by all workers together: those whose wake-ups name one part each have more places.
AT_ONCE = dict.fromkeys(steps.PARTS, 4) | {"ocr": 24, "textract": 12, "arrivals": 4, "dispatch": 4}
BY_CHANCE = 77  # what ends who dies by an injected crash is not SIGKILL alone: its number tells the two apart
PR_SET_PDEATHSIG = 1


class TwiceAndShuffled(SqsTopics):
    """Delivers each message twice, in any order, some of them late."""

    def _send(self, topic: str, bodies: list[str], delay_s: int = 0) -> bool:
        doubled = [*bodies, *bodies]
        random.shuffle(doubled)
        late = [doubled.pop() for _ in range(len(doubled) // 4)]
        sent = [
            super(TwiceAndShuffled, self)._send(topic, chunk[start : start + MOST_A_REQUEST], wait_s)
            for chunk, wait_s in ((doubled, delay_s), (late, delay_s + random.randint(1, LATE_S)))
            for start in range(0, len(chunk), MOST_A_REQUEST)
        ]
        return all(sent)


# Looked up object by object while a worker starts: with a death at each, none would ever get to work.
SPARED = ("version_of", "size_of", "keys_after")


class Mortal:
    """A port whose caller may die just before or just after each call."""

    def __init__(self, port: Any, chance: float) -> None:
        self._port = port
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found) or name in SPARED:
            return found

        def call(*given: Any, **named: Any) -> Any:
            self._perhaps_die()
            answer = found(*given, **named)
            self._perhaps_die()
            return answer

        return call

    def _perhaps_die(self) -> None:
        if random.random() < self._chance:
            os._exit(BY_CHANCE)  # nothing is tidied up, and the kernel closes what was open, as with SIGKILL


def put_in_place() -> None:
    """Cheap steps, short leases and frequent upkeep, in the real worker."""
    handlers.INTAKE, handlers.PIPELINES = steps.INTAKE, steps.PIPELINES
    attempt.LEASE_GRACE_S = steps.GRACE_S
    upkeep.UPKEEP_S, upkeep.PULSE_S, worker.POLL_S = UPKEEP_S, PULSE_S, 3.0
    upkeep.AWAITED_S, upkeep.SURELY_LOST_S = 1.0, 8.0
    upkeep.repeat_unheard.__defaults__ = (2.0,)
    upkeep.sweep.__defaults__ = (2.0,)
    clients = {service: bootstrap.aws_client(service) for service in ("sqs", "s3")}
    bootstrap.aws_client = clients.__getitem__  # type: ignore[assignment]
    bootstrap.topics = bootstrap.once(_topics)  # type: ignore[assignment]
    real_ports, chance = bootstrap.ports, float(os.environ["CHAOS_DEATH"])

    def mortal_ports() -> Ports:
        ports = real_ports()
        mortals = {name: Mortal(getattr(ports, name), chance) for name in ("store", "objects", "topics")}
        return replace(ports, **mortals)

    bootstrap.ports = bootstrap.once(mortal_ports)  # type: ignore[assignment]
    real_settings = bootstrap.settings
    bootstrap.settings = bootstrap.once(lambda: replace(real_settings(), concurrency=AT_ONCE))


def _topics() -> SqsTopics:
    bell = bootstrap.work_signal()
    return TwiceAndShuffled(lambda: bootstrap.aws_client("sqs"), bell.send if bell else None)


class Nursery:
    def __init__(self, log_path: Path) -> None:
        self._log_path = log_path
        self._children: dict[int, int] = {}
        self._at_work_since: dict[int, float] = {}
        self._frozen_until: dict[int, float] = {}
        self._told, self._tells = os.pipe()
        os.set_blocking(self._told, False)
        self.counts = {"killed": 0, "died": 0, "frozen": 0, "born": 0}

    def bear(self, place: int) -> None:
        pid = os.fork()
        if pid:
            self._children[pid] = place
            self.counts["born"] += 1
            return
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        random.seed()
        os.dup2(os.open(self._log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), 2)
        os.environ |= {"FAIRWAY_WORKER": f"chaos-{place}", "FAIRWAY_WORKER_PLACE": str(place + 1)}
        bootstrap.forget()
        tells = self._tells

        class Told(worker.Worker):
            def start(self) -> None:
                super().start()
                os.write(tells, f"{os.getpid()}\n".encode())

        worker.Worker = Told  # type: ignore[misc]
        try:
            worker.main()
        finally:
            os._exit(1)

    def look(self) -> None:
        """Whoever has ended is born again, under its name."""
        while self._children and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            place = self._children.pop(ended[0])
            self._at_work_since.pop(ended[0], None)
            self.counts["died"] += os.waitstatus_to_exitcode(ended[1]) == BY_CHANCE
            self.bear(place)

        try:
            for pid in map(int, os.read(self._told, 4096).split()):
                if pid in self._children:  # and not dead already
                    self._at_work_since[pid] = time.monotonic()
        except BlockingIOError:
            return

    def kill_one(self, at_work_s: float) -> bool:
        """Kill one of those who have been at work for so long; whether there was one."""
        now = time.monotonic()
        old = [
            pid for pid, since in self._at_work_since.items() if now - since >= at_work_s and cpu_s({pid}) >= LIVED_S
        ]
        old = [pid for pid in old if pid not in self._frozen_until]
        if not old:
            return False
        os.kill(random.choice(old), signal.SIGKILL)
        self.counts["killed"] += 1
        return True

    def freeze_one(self, seconds: float) -> None:
        """Stop one for longer than its leases last; it wakes, and writes what it was about to write."""
        pid = random.choice(list(self._children))
        os.kill(pid, signal.SIGSTOP)
        self._frozen_until[pid] = time.monotonic() + seconds
        self.counts["frozen"] += 1

    def thaw(self) -> None:
        for pid in [pid for pid, until in self._frozen_until.items() if time.monotonic() >= until]:
            del self._frozen_until[pid]
            if pid in self._children:
                os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)


def main() -> None:
    log_path, count = Path(sys.argv[1]), int(sys.argv[2])
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    signal.signal(signal.SIGTERM, stop)
    os.environ["FAIRWAY_WORKERS"] = str(count)
    put_in_place()
    nursery = Nursery(log_path)
    for place in range(count):
        nursery.bear(place)
    print("ready", flush=True)
    kill_every_s = float(os.environ["CHAOS_KILL_EVERY_S"])
    freeze_every_s = float(os.environ["CHAOS_FREEZE_EVERY_S"])
    next_kill = time.monotonic() + kill_every_s
    next_freeze = time.monotonic() + freeze_every_s
    while not stopping:
        nursery.look()
        nursery.thaw()
        if time.monotonic() >= next_freeze:
            next_freeze = time.monotonic() + freeze_every_s
            nursery.freeze_one(steps.SLOW_S)
        if time.monotonic() >= next_kill and nursery.kill_one(kill_every_s):
            next_kill = time.monotonic() + kill_every_s
        time.sleep(0.02)
    nursery.end()
    print(json.dumps(nursery.counts))


if __name__ == "__main__":
    main()
