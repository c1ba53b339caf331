"""Servers for the tests: PostgreSQL and Valkey for the whole run, and a new migrated database for each module."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import psycopg
import pytest

from infra.local import postgres, valkey
from infra.local.installation import API_ROLE, WORKER_ROLE
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
def database_urls(request: pytest.FixtureRequest) -> Urls:
    """The URLs of a new, migrated database for the tests of one module.

    FAIRWAY_TEST_POSTGRES_URL is a superuser's URL, without a database, of another server than the embedded one. With
    FAIRWAY_TEST_POOLER, an address, the roles reach it through a pooler in transaction mode.
    """
    name = f"t{uuid.uuid4().hex}"
    if server := os.environ.get("FAIRWAY_TEST_POSTGRES_URL"):
        maintenance, owner = f"{server}/postgres", f"{server}/{name}"
    else:
        port = request.getfixturevalue("postgres_port")
        maintenance, owner = (postgres.database_url(port, PASSWORD, database) for database in ("postgres", name))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrate(owner)
    for role in (API_ROLE, WORKER_ROLE):
        give_login(owner, role, PASSWORD)
    pooler = os.environ.get("FAIRWAY_TEST_POOLER", "")
    address = pooler or urlsplit(owner).netloc.rpartition("@")[2]
    worker, api = (f"postgresql://{role}:{PASSWORD}@{address}/{name}" for role in (WORKER_ROLE, API_ROLE))
    return Urls(owner, worker, api, is_pooled=bool(pooler))


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
