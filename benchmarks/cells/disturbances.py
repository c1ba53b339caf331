"""What happens in each of the nine cells, from its beginning until the context is left; `seconds` is how long it lasts."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psycopg

from benchmarks.cells.world import World

IDLE_CONNECTIONS = 300
KILLED_BACKENDS_EACH_S = 0.5
READERS = 4
READ_EVERY_S = 0.1
DEAD_S = 1.0
OVER = 1.5


@contextmanager
def nothing(world: World, seconds: float) -> Iterator[None]:
    yield


@contextmanager
def postgres_restart(world: World, seconds: float) -> Iterator[None]:
    """A fast shutdown. Half of the time the server is away, then it is started."""
    world.postgres_may_start.clear()
    os.kill(world.postgres_pid, signal.SIGINT)
    with _once(seconds / 2, world.postgres_may_start.set):
        yield


@contextmanager
def backends_terminated(world: World, seconds: float) -> Iterator[None]:
    """Twice a second, each that is at work or in a transaction."""
    found = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        " AND state IN ('active', 'idle in transaction')"
    )
    with (
        psycopg.connect(world.admin_url, autocommit=True) as admin,
        _repeated(KILLED_BACKENDS_EACH_S, lambda: admin.execute(found, [world.database])),
    ):
        yield


@contextmanager
def idle_connections(world: World, seconds: float) -> Iterator[None]:
    with ExitStack() as held:
        for _ in range(IDLE_CONNECTIONS):
            held.enter_context(psycopg.connect(world.worker_url, autocommit=True))
        yield


@contextmanager
def crash(world: World, seconds: float) -> Iterator[None]:
    """One worker of two is killed. Half of the time it is away, then it is started."""
    world.kill(0)
    with _once(seconds / 2, lambda: world.start(0)):
        yield


@contextmanager
def repeated_kills(world: World, seconds: float) -> Iterator[None]:
    """One worker of two is killed again and again, and started anew a second later."""

    def kill_and_start() -> None:
        world.kill(0)
        threading.Event().wait(DEAD_S)
        world.start(0)

    with _repeated(world.killed_each_s, kill_and_start):
        yield


@contextmanager
def idle_transaction(world: World, seconds: float) -> Iterator[None]:
    """A transaction with an id and a snapshot that somebody forgot: nothing dead can be vacuumed away."""
    with psycopg.connect(world.owner_url) as forgotten:
        forgotten.execute("SET idle_in_transaction_session_timeout = 0")
        forgotten.execute("SET transaction_timeout = 0")
        forgotten.commit()
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT pg_current_xact_id()")
        yield


@contextmanager
def over_capacity(world: World, seconds: float) -> Iterator[None]:
    with world.offering(world.rate * OVER):
        yield


@contextmanager
def analytic_readers(world: World, seconds: float) -> Iterator[None]:
    """Four snapshots held for as long as it lasts, each counting the hottest table over and over."""
    with ExitStack() as held:
        for _ in range(READERS):
            reader = held.enter_context(psycopg.connect(world.owner_url))
            reader.execute("SET idle_in_transaction_session_timeout = 0")
            reader.execute("SET transaction_timeout = 0")
            reader.commit()
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            held.enter_context(_repeated(READ_EVERY_S, partial(_count, reader)))
        yield


@contextmanager
def bursts(world: World, seconds: float) -> Iterator[None]:
    """Four times the load for a quarter of the time, and nothing between."""
    with world.offering(world.rate, in_bursts=True):
        yield


def _count(reader: psycopg.Connection) -> None:
    reader.execute("SELECT count(*) FROM steps").fetchall()


@contextmanager
def _once(after_s: float, do: Callable[[], object]) -> Iterator[None]:
    """Do it after so many seconds; it has been done when the context is left."""
    timer = threading.Timer(after_s, do)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def _repeated(seconds: float, do: Callable[[], object]) -> Iterator[None]:
    """Do it again and again, so long after it was done; none is under way when the context is left."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(seconds):
            with suppress(psycopg.Error):
                do()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
