"""Starts PostgreSQL, Valkey and the embedded object store on free ports, for benchmarks that need no API."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.starting import cpu_s, family
from infra.local import object_store, postgres, valkey
from infra.local.installation import API_ROLE, WORKER_ROLE
from infra.local.ports import ADDRESS, choose_ports
from infra.local.supervisor import Supervisor
from infra.migrate import give_login, migrate
from layers.adapters.postgres.database import Database

KEY_ID = "FWBENCHKEY"
PASSWORD = "for-benchmarks-alone"


@dataclass(frozen=True)
class Servers:
    """A migrated database with the URLs of its owner and workers, Valkey, and their processes."""

    folder: Path
    port: int
    owner_url: str
    worker_url: str
    api_url: str
    redis_url: str
    supervisor: Supervisor

    def postgres_cpu_s(self) -> float:
        """CPU seconds of the server with all its backends, including ended ones."""
        return cpu_s(family(self.supervisor.pids()["postgres"]))

    def valkey_cpu_s(self) -> float:
        return cpu_s(family(self.supervisor.pids()["valkey"]))


@dataclass(frozen=True)
class StoreServer:
    """An object store and its topics, with their addresses."""

    environment: dict[str, str]
    public_url: str
    supervisor: Supervisor

    def cpu_s(self) -> float:
        return cpu_s(family(self.supervisor.pids()["store"]))


@contextmanager
def running_store(servers: Servers, topics: Sequence[str]) -> Iterator[StoreServer]:
    """Run the embedded object store with these topics."""
    folder = servers.folder / "store"
    folder.mkdir()
    ports = choose_ports(folder / "ports.json", ("store", "store_public"), 0)
    supervisor = Supervisor(folder)
    store = object_store.declare(
        folder / "objects",
        private_port=ports["store"],
        public_port=ports["store_public"],
        key_id=KEY_ID,
        secret=PASSWORD,
        redis_url=servers.redis_url,
        visibility_s=dict.fromkeys(topics, 120),
    )
    try:
        supervisor.start([store])
        environment = {
            "AWS_ENDPOINT_URL": f"http://{ADDRESS}:{ports['store']}",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_DEFAULT_REGION": object_store.REGION,
            "NO_PROXY": ADDRESS,
            "no_proxy": ADDRESS,
        }
        yield StoreServer(environment, f"http://{ADDRESS}:{ports['store_public']}", supervisor)
    finally:
        supervisor.stop()


@contextmanager
def running_servers(folder: Path, postgres_settings: Mapping[str, str] | None = None) -> Iterator[Servers]:
    """Run PostgreSQL with Fairway's schema, and Valkey, in a folder. `postgres_settings` are set besides those of the
    embedded start."""
    ports = choose_ports(folder / "ports.json", ("postgres", "valkey"), 0)
    program = postgres.prepare(folder / "postgres", PASSWORD, folder / "initdb.log")
    supervisor = Supervisor(folder)
    try:
        supervisor.start(
            [
                postgres.declare(folder / "postgres", program, ports["postgres"], PASSWORD, postgres_settings or {}),
                valkey.declare(folder, ports["valkey"], PASSWORD),
            ]
        )
        owner = new_database(ports["postgres"])
        migrate(owner)
        for role in (API_ROLE, WORKER_ROLE):
            give_login(owner, role, PASSWORD)
        name = owner.rsplit("/", 1)[1]
        worker, api = (
            postgres.database_url(ports["postgres"], PASSWORD, name, role) for role in (WORKER_ROLE, API_ROLE)
        )
        redis_url = valkey.redis_url(ports["valkey"], PASSWORD)
        yield Servers(folder, ports["postgres"], owner, worker, api, redis_url, supervisor)
    finally:
        supervisor.stop()


def new_database(port: int) -> str:
    """The URL of a new, empty database on the server."""
    name = f"b{uuid.uuid4().hex}"
    with psycopg.connect(postgres.database_url(port, PASSWORD, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.database_url(port, PASSWORD, name)


def value_of(database: Database, query: str, **parameters: Any) -> Any:
    """The only value of a query's only row."""
    row = database.row(query, **parameters)
    assert row is not None
    return next(iter(row.values()))
