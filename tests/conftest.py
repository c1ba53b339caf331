"""Real parts for the tests: a PostgreSQL server for the whole run, a fresh migrated database for each module."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest

from infra.local import postgres, valkey
from infra.local.embedded import API_ROLE, WORKER_ROLE
from infra.local.ports import choose_ports
from infra.local.supervisor import Supervisor
from infra.migrate import give_login, migrate
from tests.making import Urls

PASSWORD = "for-tests-alone"
# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("fairway", deadline=None)
hypothesis.settings.load_profile("fairway")


@pytest.fixture(scope="session")
def postgres_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    home: Path = tmp_path_factory.mktemp("postgres")
    logs = home / "logs"
    logs.mkdir()
    port = choose_ports(home / "ports.json", ("postgres",), 0)["postgres"]
    program = postgres.prepare(home / "postgres", PASSWORD, logs / "initdb.log")
    supervisor = Supervisor(logs)
    try:
        supervisor.start([postgres.declare(home / "postgres", program, port, PASSWORD)])
        yield port
    finally:
        supervisor.stop()


@pytest.fixture(scope="module")
def database_urls(postgres_port: int) -> Urls:
    """A database of its own, migrated, for a module's tests."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres.database_url(postgres_port, PASSWORD, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    owner = postgres.database_url(postgres_port, PASSWORD, name)
    migrate(owner)
    for role in (API_ROLE, WORKER_ROLE):
        give_login(owner, role, PASSWORD)
    worker, api = (postgres.database_url(postgres_port, PASSWORD, name, role) for role in (WORKER_ROLE, API_ROLE))
    return Urls(owner, worker, api)


@pytest.fixture(scope="module")
def database_url(database_urls: Urls) -> str:
    """The same, as its owner reaches it."""
    return database_urls.owner


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Valkey."""
    home: Path = tmp_path_factory.mktemp("valkey")
    port = choose_ports(home / "ports.json", ("valkey",), 0)["valkey"]
    supervisor = Supervisor(home)
    try:
        supervisor.start([valkey.declare(home, port, PASSWORD)])
        yield valkey.redis_url(port, PASSWORD)
    finally:
        supervisor.stop()
