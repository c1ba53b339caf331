"""Servers for the tests: PostgreSQL and Valkey for the whole run, and a new migrated database for each module."""

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
# The time that an example takes depends on how busy the machine is.
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
    """The URLs of a new, migrated database for the tests of one module."""
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
    """The URL of the module's database for its owner."""
    return database_urls.owner


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running Valkey server."""
    home: Path = tmp_path_factory.mktemp("valkey")
    port = choose_ports(home / "ports.json", ("valkey",), 0)["valkey"]
    supervisor = Supervisor(home)
    try:
        supervisor.start([valkey.declare(home, port, PASSWORD)])
        yield valkey.redis_url(port, PASSWORD)
    finally:
        supervisor.stop()
