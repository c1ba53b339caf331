"""What happens in each of the nine cells, from its beginning until the context is left."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psycopg

from benchmarks.cells.world import World

IDLE_CONNECTIONS = 300
KILLED_BACKENDS_A_S = 2.0
READERS = 4
READ_EVERY_S = 0.1
REPEATED_KILL_S = 4.0


@contextmanager
def nothing(world: World) -> Iterator[None]:
    yield


@contextmanager
def postgres_restart(world: World) -> Iterator[None]:
    """A fast shutdown, and the start that follows it."""
    os.kill(world.postgres_pid, signal.SIGINT)
    yield


@contextmanager
def backends_terminated(world: World) -> Iterator[None]:
    """Two a second, whichever it hits."""
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        found = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"

        def terminate() -> None:
            pids = [row[0] for row in admin.execute(found, [world.database])]
            if pids:
                admin.execute("SELECT pg_terminate_backend(%s)", [random.choice(pids)])

        with _repeated(1 / KILLED_BACKENDS_A_S, terminate):
            yield


@contextmanager
def idle_connections(world: World) -> Iterator[None]:
    with ExitStack() as held:
        for _ in range(IDLE_CONNECTIONS):
            held.enter_context(psycopg.connect(world.worker_url, autocommit=True))
        yield


@contextmanager
def crash(world: World) -> Iterator[None]:
    """One worker of two is killed; it is started again in the end."""
    world.kill(0)
    yield
    world.start(0)


@contextmanager
def repeated_kills(world: World) -> Iterator[None]:
    def kill_and_start() -> None:
        world.kill(0)
        world.start(0)

    with _repeated(REPEATED_KILL_S, kill_and_start):
        yield


@contextmanager
def idle_transaction(world: World) -> Iterator[None]:
    """A transaction with an id and a snapshot that somebody forgot: nothing dead can be vacuumed away."""
    with psycopg.connect(world.owner_url) as forgotten:
        forgotten.execute("SET idle_in_transaction_session_timeout = 0")
        forgotten.execute("SET transaction_timeout = 0")
        forgotten.commit()
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT pg_current_xact_id()")
        yield


@contextmanager
def over_capacity(world: World) -> Iterator[None]:
    with world.offering(world.rate * 1.5):
        yield


@contextmanager
def analytic_readers(world: World) -> Iterator[None]:
    """Four snapshots held for as long as it lasts, each counting the hottest table ten times a second."""
    with ExitStack() as held:
        for _ in range(READERS):
            reader = held.enter_context(psycopg.connect(world.owner_url))
            reader.execute("SET idle_in_transaction_session_timeout = 0")
            reader.commit()
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            held.enter_context(_repeated(READ_EVERY_S, partial(reader.execute, "SELECT count(*) FROM steps")))
        yield


@contextmanager
def bursts(world: World) -> Iterator[None]:
    """Four times the load for a quarter of the time, and nothing between."""
    with world.offering(world.rate, in_bursts=True):
        yield


@contextmanager
def _repeated(seconds: float, do: Callable[[], object]) -> Iterator[None]:
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
