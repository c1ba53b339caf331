"""Worker processes on a real broker: how their rate grows with their number, follows changes of it, and recovers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.cluster.hosts import READER
from benchmarks.cluster.kafka_host import Settings
from benchmarks.cluster.workload import BY_OUTCOME, DONE_SINCE, LEFT, REGISTERED, WAIT, QuietTenant, prepare
from benchmarks.servers import Servers, value_of
from benchmarks.starting import ROOT
from infra.cluster import kafka
from infra.local.ports import ADDRESS, choose_ports
from infra.local.process import Running
from layers.adapters.kafka import administration
from layers.adapters.kafka.access import Access
from layers.adapters.postgres.database import Database
from layers.domain.message import DISPATCH

PARTITIONS = 16
SLOTS = 20
PAGE_S = 2.0
STARTS_S = 60.0
SETTLES_S = 8.0  # until all have registered, share the partitions, and work
MEASURED_S = 20.0
AWAY_S = 60.0
OUTAGE_HOSTS, OUTAGE_PARTS, OUTAGE_AFTER_S = 4, 3600, 5.0
PREFIX = "fairway-"


class Broker:
    """A Kafka broker that the benchmark kills and starts again."""

    def __init__(self, servers: Servers) -> None:
        folder = servers.folder / "kafka"
        folder.mkdir(exist_ok=True)
        ports = choose_ports(folder / "ports.json", ("kafka", "controller"), 0)
        self.brokers = f"{ADDRESS}:{ports['kafka']}"
        self._process = kafka.declare(folder / "broker", ports["kafka"], ports["controller"], {})
        self._log = folder / "kafka.log"
        self._running = Running(self._process, generation=1)

    def start(self) -> None:
        """Start the broker. Returns once it answers."""
        self._process.before_start()
        self._running.spawn(self._log)
        until = time.monotonic() + STARTS_S
        while True:
            try:
                administration.brokers_answer(Access(self.brokers))
                return
            except Exception:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def kill(self) -> None:
        child = self._running.child
        if child is not None:
            child.kill()
            child.wait()


class Fleet:
    """The worker processes of a benchmark, and the owner's database."""

    def __init__(self, servers: Servers, broker: Broker, slots: int, backlog: int) -> None:
        self.owner = Database(servers.owner_url)
        self._servers, self._broker, self._slots = servers, broker, slots
        self._running: list[subprocess.Popen[bytes]] = []
        self._started = 0
        prepare(self.owner, backlog, PAGE_S)

    def grow(self, count: int) -> None:
        """Start processes until there are `count`."""
        while len(self._running) < count:
            self._started += 1
            name, url = f"host-{self._started}", self._servers.worker_url
            settings = Settings(name, url, self._broker.brokers, PREFIX, self._slots, PAGE_S)
            argv = [sys.executable, "-m", "benchmarks.cluster.kafka_host", settings.as_argument()]
            log = (self._servers.folder / f"{name}.log").open("ab")
            self._running.append(subprocess.Popen(argv, cwd=ROOT, stdout=log, stderr=log))

    def await_all(self) -> None:
        """Wait until all processes have registered; their start takes long on a busy machine."""
        until = time.monotonic() + STARTS_S
        while int(value_of(self.owner, REGISTERED)) < len(self._running):
            if time.monotonic() > until:
                raise SystemExit("not all processes have started")
            time.sleep(0.1)

    def shrink(self, count: int) -> None:
        """Ask all but `count` processes to finish their work and leave. Returns at once."""
        for process in self._running[count:]:
            process.send_signal(signal.SIGTERM)
        del self._running[count:]

    def stop(self) -> None:
        leaving = list(self._running)
        self.shrink(0)
        for process in leaving:
            process.wait(30)
        self.owner.close()

    def left(self) -> int:
        return int(value_of(self.owner, LEFT))

    def rate(self, within_s: float) -> float:
        return float(value_of(self.owner, DONE_SINCE, s=within_s)) / within_s

    def outcomes(self) -> dict[str, int]:
        return {row["outcome"]: row["attempts"] for row in self.owner.rows(BY_OUTCOME)}

    def finish(self, within_s: float) -> float:
        """Wait until everything is done. Returns the seconds that it took."""
        began = time.monotonic()
        while self.left():
            if time.monotonic() - began > within_s:
                raise SystemExit(f"{self.left()} parts are not done after {within_s:.0f} s: {self.outcomes()}")
            time.sleep(0.1)
        return time.monotonic() - began


@contextmanager
def broker(servers: Servers) -> Iterator[Broker]:
    running = Broker(servers)
    running.start()
    topics = {f"{PREFIX}{topic}": PARTITIONS for topic in (READER, DISPATCH)}
    administration.ensure_topics(Access(running.brokers), topics, kafka.REPLICAS)
    try:
        yield running
    finally:
        running.kill()


@contextmanager
def fleet(servers: Servers, running: Broker, hosts: int, backlog: int, slots: int = SLOTS) -> Iterator[Fleet]:
    made = Fleet(servers, running, slots, backlog)
    try:
        made.grow(hosts)
        made.await_all()
        yield made
    finally:
        made.stop()


def linear(servers: Servers, running: Broker, hosts: int, slots: int = SLOTS) -> dict[str, Any]:
    """The rate of `hosts` processes, and the wait of a quiet tenant beside a full backlog."""
    offered = hosts * slots / PAGE_S
    with fleet(servers, running, hosts, int(offered * (SETTLES_S + MEASURED_S) * 1.5) + 500, slots) as made:
        time.sleep(SETTLES_S + PAGE_S)
        quiet, began = QuietTenant(made.owner, PAGE_S, offered), time.monotonic()
        server_s = servers.postgres_cpu_s()
        while time.monotonic() - began < MEASURED_S:
            quiet.upload()
        took_s = time.monotonic() - began
        server_s, rate = servers.postgres_cpu_s() - server_s, made.rate(took_s)
        waited_s = value_of(made.owner, WAIT) or 0.0
    return {
        "processes": hosts,
        "slots": hosts * slots,
        "offered/s": offered,
        "done/s": round(rate, 1),
        "reached": f"{rate / offered:.1%}",
        "PostgreSQL cores": round(server_s / took_s, 2),
        "quiet p95 s": round(waited_s, 2),
    }


def elastic(servers: Servers, running: Broker, sizes: tuple[int, ...] = (8, 2, 8)) -> list[dict[str, Any]]:
    """Processes leave and join under load: after how long the rate follows, and how the parts ended."""
    backlog, phases = 4500, []
    with fleet(servers, running, sizes[0], backlog) as made:
        time.sleep(SETTLES_S)
        for count in sizes:
            made.shrink(count)
            made.grow(count)
            made.await_all()
            changed, expected, follows_s = time.monotonic(), count * SLOTS / PAGE_S, None
            while time.monotonic() - changed < 16:
                time.sleep(0.5)
                if follows_s is None and abs(made.rate(2.0) / expected - 1) < 0.1:
                    follows_s = round(time.monotonic() - changed, 1)
            phases.append({
                "processes": count, "expected/s": expected, "done/s": round(made.rate(6.0), 1),
                "rate follows after s": follows_s,
            })  # fmt: skip
        made.finish(120)
        return [*phases, {"outcomes": made.outcomes(), "parts": backlog}]


def outage(servers: Servers, running: Broker) -> dict[str, Any]:
    """The broker is killed under load and comes back after a minute: after how long everything is done."""
    rate = OUTAGE_HOSTS * SLOTS / PAGE_S
    with fleet(servers, running, OUTAGE_HOSTS, OUTAGE_PARTS) as made:
        time.sleep(SETTLES_S + OUTAGE_AFTER_S)
        running.kill()
        before = made.left()
        time.sleep(AWAY_S)
        left = made.left()
        running.start()
        took_s = made.finish(300)
        return {
            "parts": OUTAGE_PARTS,
            "offered/s": rate,
            "done/s while it is away": round((before - left) / AWAY_S, 1),
            "left at its return": left,
            "needed at full rate s": round(left / rate, 1),
            "done after its return s": round(took_s, 1),
            "lost s": round(took_s - left / rate, 1),
            "outcomes": made.outcomes(),
        }
