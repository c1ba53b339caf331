"""The embedded start: runs all of Fairway on this machine, under one supervisor."""

from __future__ import annotations

import secrets as random_secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from infra.local import object_store, postgres, valkey
from infra.local.api_and_workers import own_programs
from infra.local.environments import whole_number
from infra.local.home import Home, HomeUnusable, explain, write_json
from infra.local.installation import API_ROLE, WORKER_ROLE, Installation
from infra.local.leftovers import MARK, end_leftovers, note_run
from infra.local.ports import choose_ports
from infra.local.process import Process, Running
from infra.local.store_setup import BUCKET
from infra.local.supervisor import StartFailed, Supervisor
from infra.setup.queues import visibility_s
from layers.adapters.postgres.migration import ensure_database

SERVERS = ("postgres", "valkey", "store", "store_public", "preview")
SERVERS_START_S = 60.0
PROGRAMS_START_S = 60.0


class Embedded:
    """A running Fairway."""

    def __init__(self, installation: Installation, *, adopts: bool) -> None:
        self.installation = installation
        self.run_id = random_secrets.token_hex(16)
        self._is_ready = False
        self.supervisor = Supervisor(installation.home.logs, adopts=adopts, on_change=self._on_change)

    @property
    def endpoint(self) -> dict[str, Any]:
        """The content of endpoint.json.

        `aws_endpoint_url` is for SQS and S3 requests that are signed with the keys in this file. Presigned URLs use
        another listener, which accepts nothing else and is safe for browsers.
        """
        installation = self.installation
        return {
            "api_url": installation.url("api"),
            "api_key": installation.secrets.api_key,
            "aws_endpoint_url": installation.url("store"),
            "store_public_url": installation.url("store_public"),
            "aws_access_key_id": installation.secrets.store_key_id,
            "aws_secret_access_key": installation.secrets.store_secret,
            "bucket": BUCKET,
            "database_url": installation.database_url,
            "redis_url": installation.redis_url,
            "processes": self.supervisor.pids(),
        }

    def announce(self) -> None:
        """Write endpoint.json, now that everything is ready. It is rewritten whenever a process restarts."""
        self._is_ready = True
        write_json(self.installation.home.endpoint, self.endpoint)

    def stop(self) -> None:
        """End all processes and unlock the home."""
        self._is_ready = False
        with suppress(OSError):  # a disk that has become read-only
            self.installation.home.endpoint.unlink(missing_ok=True)
        self.supervisor.stop()
        with suppress(OSError):
            self.installation.home.run_record.unlink(missing_ok=True)
        self.installation.home.release_lock()

    def _on_change(self, running: Sequence[Running]) -> None:
        note_run(self.installation.home.run_record, self.run_id, running)
        if self._is_ready:
            write_json(self.installation.home.endpoint, self.endpoint)


# Version 0.1 kept objects in a folder named after the bucket.
OLDER_OBJECTS = (
    "{home} contains files of Fairway 0.1, which this version can't read. Nothing was changed. Start with another home"
    " (FAIRWAY_HOME), and upload to it what you export from this one with Fairway 0.1."
)


def start(
    home_path: Path,
    port: int,
    *,
    bootstrap: Callable[[Installation], None] | None = None,
    programs: Callable[[Installation, str], Sequence[Process]] | None = None,
    adopts: bool = False,
) -> Embedded:
    """Start everything on this home, the API at `port` (0 picks a free one), and write endpoint.json.

    It returns when everything is ready. `bootstrap` prepares the database once it accepts connections, and `programs`
    returns the processes that use the servers; both default to Fairway's own. Raises AlreadyRuns, PortTaken,
    HomeUnusable, PostgresUnusable and StartFailed. Then nothing is left running.
    """
    home = Home(home_path)
    with starting(home, lambda: _installation(home, port), adopts=adopts) as (embedded, program):
        installation, run_id = embedded.installation, embedded.run_id
        embedded.supervisor.start(servers(installation, program, run_id), SERVERS_START_S)
        ensure_database(installation.database_url)
        (bootstrap or bring_up_to_date)(installation)
        embedded.supervisor.start((programs or own_programs)(installation, run_id), PROGRAMS_START_S)
    return embedded


def _installation(home: Home, port: int) -> Installation:
    if (home.objects / BUCKET).is_dir():
        raise StartFailed(OLDER_OBJECTS.format(home=home.path))
    return Installation(home, home.secrets(), choose_ports(home.path / "ports.json", SERVERS, port))


@contextmanager
def starting(
    home: Home, make_installation: Callable[[], Installation], *, adopts: bool
) -> Iterator[tuple[Embedded, postgres.Program]]:
    """Lock and prepare the home. The block starts the processes; then endpoint.json is written.

    If anything fails, all processes are ended and the home is unlocked. Raises the same errors as `start`.
    """
    with explained(home):
        home.open_lock()
        try:
            home.endpoint.unlink(missing_ok=True)
            end_leftovers(home.run_record)
            installation = make_installation()
            program = postgres.prepare(home.postgres, installation.secrets.database_password, home.logs / "initdb.log")
            embedded = Embedded(installation, adopts=adopts)
        except BaseException:
            home.release_lock()
            raise
        try:
            yield embedded, program
            embedded.announce()
        except BaseException:
            embedded.stop()
            raise


@contextmanager
def explained(home: Home) -> Iterator[None]:
    """Turn errors of the home's disk during a start into HomeUnusable, and errors of the database into StartFailed."""
    try:
        yield
    except OSError as error:
        raise HomeUnusable(explain(error, home.path)) from error
    except (postgres.PostgresUnusable, StartFailed, psycopg.OperationalError) as error:
        # On a full disk servers fail in many ways, without room to log the reason.
        if problem := home.problem():
            raise HomeUnusable(f"{explain(problem, home.path)}\n{error}") from error
        if isinstance(error, psycopg.OperationalError):
            raise StartFailed(f"The database could not be prepared: {error}") from error
        raise


def servers(installation: Installation, program: postgres.Program, run_id: str) -> list[Process]:
    """PostgreSQL, Valkey and the object store, which start independently of each other."""
    home, secrets, ports = installation.home, installation.secrets, installation.ports
    return [
        postgres.declare(home.postgres, program, ports["postgres"], secrets.database_password),
        valkey.declare(home.path, ports["valkey"], secrets.redis_password),
        object_store.declare(
            home.objects,
            private_port=ports["store"],
            public_port=ports["store_public"],
            key_id=secrets.store_key_id,
            secret=secrets.store_secret,
            redis_url=installation.redis_url,
            visibility_s=visibility_s(),
            free_bytes=whole_number("FAIRWAY_STORE_FREE_BYTES", object_store.FREE_BYTES),
            max_upload_bytes=whole_number("FAIRWAY_MAX_FILE_BYTES", object_store.MAX_UPLOAD_BYTES),
            marks={MARK: run_id},
        ),
    ]


def bring_up_to_date(installation: Installation) -> None:
    """Migrate the database, enable the roles' logins, and create the tenant `local` with its API key."""
    from layers.adapters.postgres import migration

    secrets = installation.secrets
    logins = {API_ROLE: secrets.api_role_password, WORKER_ROLE: secrets.worker_role_password}
    admin = migration.Admin(secrets.api_key, secrets.key_pepper, tenant="local")
    migration.prepare(installation.database_url, logins, admin)
