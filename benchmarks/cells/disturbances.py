"""The disturbances of the nine cells: context managers that each disturb a run for `seconds`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psycopg

from benchmarks.cells.cell_run import CellRun

IDLE_CONNECTIONS = 300
KILL_BACKENDS_EVERY_S = 0.5
READERS = 4
READ_EVERY_S = 0.1
RESTART_AFTER_S = 1.0
OVERLOAD = 1.5  # relative to the normal load


@contextmanager
def nothing(run: CellRun, seconds: float) -> Iterator[None]:
    yield


@contextmanager
def postgres_restart(run: CellRun, seconds: float) -> Iterator[None]:
    """A fast shutdown of PostgreSQL, which is restarted after half of the time."""
    run.postgres_may_start.clear()
    os.kill(run.postgres_pid, signal.SIGINT)
    with _once(seconds / 2, run.postgres_may_start.set):
        yield


@contextmanager
def backends_terminated(run: CellRun, seconds: float) -> Iterator[None]:
    """Twice a second, terminate each backend that runs a query or has an open transaction."""
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        " AND state IN ('active', 'idle in transaction')"
    )
    with (
        psycopg.connect(run.admin_url, autocommit=True) as admin,
        _repeated(KILL_BACKENDS_EVERY_S, lambda: admin.execute(terminate, [run.database])),
    ):
        yield


@contextmanager
def idle_connections(run: CellRun, seconds: float) -> Iterator[None]:
    with ExitStack() as held:
        for _ in range(IDLE_CONNECTIONS):
            held.enter_context(psycopg.connect(run.worker_url, autocommit=True))
        yield


@contextmanager
def crash(run: CellRun, seconds: float) -> Iterator[None]:
    """One of two workers is killed, and restarted after half of the time."""
    run.kill(0)
    with _once(seconds / 2, lambda: run.start(0)):
        yield


@contextmanager
def repeated_kills(run: CellRun, seconds: float) -> Iterator[None]:
    """One of two workers is killed repeatedly, and restarted a second later each time."""

    def kill_and_restart() -> None:
        run.kill(0)
        threading.Event().wait(RESTART_AFTER_S)
        run.start(0)

    with _repeated(run.kill_every_s, kill_and_restart):
        yield


@contextmanager
def idle_transaction(run: CellRun, seconds: float) -> Iterator[None]:
    """A forgotten transaction with an id and a snapshot: no dead row can be vacuumed."""
    with psycopg.connect(run.owner_url) as forgotten:
        forgotten.execute("SET idle_in_transaction_session_timeout = 0")
        forgotten.execute("SET transaction_timeout = 0")
        forgotten.commit()
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT pg_current_xact_id()")
        yield


@contextmanager
def over_capacity(run: CellRun, seconds: float) -> Iterator[None]:
    with run.load(run.rate * OVERLOAD):
        yield


@contextmanager
def analytic_readers(run: CellRun, seconds: float) -> Iterator[None]:
    """Four transactions that hold a snapshot and repeatedly count the rows of the busiest table."""
    with ExitStack() as held:
        for _ in range(READERS):
            reader = held.enter_context(psycopg.connect(run.owner_url))
            reader.execute("SET idle_in_transaction_session_timeout = 0")
            reader.execute("SET transaction_timeout = 0")
            reader.commit()
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            held.enter_context(_repeated(READ_EVERY_S, partial(_count, reader)))
        yield


@contextmanager
def bursts(run: CellRun, seconds: float) -> Iterator[None]:
    """Four times the load for a quarter of the time, and no load for the rest."""
    with run.load(run.rate, in_bursts=True):
        yield


def _count(reader: psycopg.Connection) -> None:
    reader.execute("SELECT count(*) FROM steps").fetchall()


@contextmanager
def _once(after_s: float, action: Callable[[], object]) -> Iterator[None]:
    """Carry out an action after a delay. The context ends only when that is done."""
    timer = threading.Timer(after_s, action)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def _repeated(pause_s: float, action: Callable[[], object]) -> Iterator[None]:
    """Repeat an action with pauses. The context ends only when the last repetition has ended."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(pause_s):
            with suppress(psycopg.Error):
                action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
