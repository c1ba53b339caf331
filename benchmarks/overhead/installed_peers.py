"""The peers of the overhead benchmark: installing them, running their programs, and counting the jobs that are left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from benchmarks.overhead.measuring import WorkerProcess
from benchmarks.servers import Servers, new_database
from benchmarks.starting import ROOT

HERE = Path(__file__).parent
VENV = ROOT / ".venv-bench"
REQUIREMENTS = HERE / "requirements-peers.txt"
RAN = "CREATE TABLE ran (step text, number integer, at double precision)"


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer. `left` returns how many of its jobs have not ended, from the URLs of its database and its Redis."""

    name: str
    script: str
    left: Callable[[str, str], int]
    needs_database: bool = True


def celery_left(_database_url: str, redis_url: str) -> int:
    with redis.Redis.from_url(redis_url) as client:
        return int(client.llen("celery")) + int(client.hlen("unacked"))


def procrastinate_left(database_url: str, _redis_url: str) -> int:
    return count(database_url, "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")


def pgqueuer_left(database_url: str, _redis_url: str) -> int:
    return count(database_url, "SELECT count(*) FROM pgqueuer")


def count(database_url: str, query: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        assert row
        return int(row[0])


PEERS = (
    Peer("Celery on Redis", "celery_chain.py", celery_left, needs_database=False),
    Peer("procrastinate", "procrastinate_chain.py", procrastinate_left),
    Peer("PgQueuer", "pgqueuer_chain.py", pgqueuer_left),
)


def install() -> None:
    """Create the virtual environment of the peers if it is missing or out of date."""
    mark = VENV / ".ready"
    if mark.exists() and mark.read_text() == REQUIREMENTS.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
    mark.write_text(REQUIREMENTS.read_text())


class InstalledPeer:
    """A peer with its own database, and a Valkey with persistence."""

    def __init__(self, peer: Peer, servers: Servers, records_runs: bool = False) -> None:
        self.peer = peer
        self.redis_url = servers.redis_url
        self.database_url = new_database(servers.port)
        self.environment = {
            **os.environ,
            "PEER_REDIS_URL": self.redis_url,
            "PEER_DATABASE_URL": self.database_url,
            "PEER_RECORDS_RUNS": "1" if records_runs else "0",
        }
        if peer.needs_database:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                connection.execute(RAN)
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()
            # A broker needs durability: data is on disk within a second, and nothing is evicted.
            for name, value in (("maxmemory", "0"), ("appendonly", "yes"), ("appendfsync", "everysec")):
                client.config_set(name, value)
        self.run("install")

    def run(self, *command: str) -> str:
        argv = self._argv(*command)
        return subprocess.run(
            argv, env=self.environment, cwd=HERE / "peers", check=True, capture_output=True
        ).stdout.decode()

    def work(self, name: str) -> WorkerProcess:
        return WorkerProcess(self._argv("work", name), self.environment, prints_ready=False, cwd=HERE / "peers")

    def send(self, count: int) -> None:
        self.run("send", "0", str(count))

    def latencies_ms(self, count: int) -> list[float]:
        return list(json.loads(self.run("latencies", str(count))))

    def left(self) -> int:
        return self.peer.left(self.database_url, self.redis_url)

    def ran(self) -> list[tuple[str, int]]:
        """Every run of a step that a worker recorded, as step and number of the file."""
        if self.peer.needs_database:
            with psycopg.connect(self.database_url) as connection:
                return [(step, number) for step, number in connection.execute("SELECT step, number FROM ran")]
        with redis.Redis.from_url(self.redis_url) as client:
            return [(step, number) for step, number, _ in map(json.loads, client.lrange("ran", 0, -1))]

    def _argv(self, *command: str) -> list[str]:
        return [str(VENV / "bin" / "python"), self.peer.script, *command]
