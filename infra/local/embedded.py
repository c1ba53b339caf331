"""The embedded start: all of Fairway on this machine, under one supervisor."""

from __future__ import annotations

import http.client
import os
import secrets as random_secrets
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from infra.local import object_store, postgres, valkey
from infra.local.home import Home, HomeUnusable, Secrets, explain, write_json
from infra.local.leftovers import MARK, end_leftovers, note_run
from infra.local.ports import ADDRESS, choose_ports
from infra.local.process import Process, Running
from infra.local.store_setup import BUCKET
from infra.local.supervisor import StartFailed, Supervisor
from infra.setup.queues import visibility_s
from layers.adapters.postgres.migration import ensure_database
from layers.adapters.printing.libreoffice_printer import installed
from layers.settings import reserved_concurrency

ROOT = Path(__file__).resolve().parent.parent.parent
SERVERS = ("postgres", "valkey", "store", "store_public", "preview")
DEFAULT_WORKERS = 2
STAGE = "local"
# The AWS SDK's variables that are passed on, because they concern Textract and Bedrock; all others are removed.
PASSED_AWS_VARIABLES = {
    *("AWS_ENDPOINT_URL_TEXTRACT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE"),
}
# Secrets that only one kind of process needs: row-level security does not restrict the workers' role, and the pepper is
# needed to check keys. Migrations run in the process that starts the others.
OF_WORKERS = {"FAIRWAY_DATABASE_URL"}
OF_API = {"FAIRWAY_API_DATABASE_URL", "FAIRWAY_KEY_PEPPER"}
OF_MIGRATIONS = {"FAIRWAY_OWNER_DATABASE_URL", "FAIRWAY_OWNER_SECRET", "FAIRWAY_ADMIN_KEY"}
API_ROLE, WORKER_ROLE = "fairway_api", "fairway_worker"
SERVERS_START_S = 60.0
PROGRAMS_START_S = 60.0
DRAIN_S = "7"
WORKER_STOP_S = 8.3
API_STOP_S = 4.0
PREVIEW_STOP_S = 6.0


@dataclass(frozen=True, slots=True)
class Installation:
    """The home, secrets and ports of one start, and the addresses that follow from them."""

    home: Home
    secrets: Secrets
    ports: Mapping[str, int]

    @property
    def database_url(self) -> str:
        return postgres.database_url(self.ports["postgres"], self.secrets.database_password)

    def database_url_of(self, role: str, password: str) -> str:
        """The database URL for another role than the owner."""
        return postgres.database_url(self.ports["postgres"], password, role=role)

    @property
    def redis_url(self) -> str:
        return valkey.redis_url(self.ports["valkey"], self.secrets.redis_password)

    def url(self, name: str) -> str:
        return f"http://{ADDRESS}:{self.ports[name]}"


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
    " (FAIRWAY_HOME), and upload there what you export from this one with Fairway 0.1."
)


def start(
    home_path: Path,
    port: int,
    *,
    bootstrap: Callable[[Installation], None] | None = None,
    programs: Callable[[Installation, str], Sequence[Process]] | None = None,
    adopts: bool = False,
) -> Embedded:
    """Start everything on this home, the API at `port` (0 picks one), and write endpoint.json.

    It returns when everything is ready. `bootstrap` prepares the database once it accepts connections, and `programs`
    gives the processes that use the servers; both default to Fairway's own. Raises AlreadyRuns, PortTaken,
    HomeUnusable, PostgresUnusable and StartFailed; then nothing is left running.
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
    """Lock the home and prepare it; the block starts the processes, after which endpoint.json is written. Where anything
    fails, nothing is left running and the home is unlocked. Raises what `start` raises."""
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
    """Turn errors of a start that come from the home's disk into HomeUnusable, and those of the database into
    StartFailed."""
    try:
        yield
    except OSError as error:
        raise HomeUnusable(explain(error, home.path)) from error
    except (postgres.PostgresUnusable, StartFailed, psycopg.OperationalError) as error:
        # On a full disk servers fail in many ways, and their logs can't say why.
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
    """Migrate the database, let the roles log in, and create the tenant `local` with its API key."""
    from layers.adapters.postgres import migration

    secrets = installation.secrets
    logins = {API_ROLE: secrets.api_role_password, WORKER_ROLE: secrets.worker_role_password}
    admin = migration.Admin(secrets.api_key, secrets.key_pepper, tenant="local")
    migration.prepare(installation.database_url, logins, admin)


def own_programs(installation: Installation, run_id: str) -> list[Process]:
    """The API and the workers."""
    workers = min(whole_number("FAIRWAY_WORKERS", DEFAULT_WORKERS), most_workers())
    environment = {**program_environment(installation), MARK: run_id}
    previews = [preview_service(installation, run_id)] if serves_previews(environment) else []
    if previews:
        environment["FAIRWAY_PREVIEW_URL"] = installation.url("preview")
    api = Process(
        name="api",
        argv=[sys.executable, "-m", "infra.http"],
        env={**without(environment, OF_WORKERS), "FAIRWAY_WORKER": "api"},
        cwd=ROOT,
        reports_ready=True,
        is_ready=lambda: is_healthy(installation.ports["api"]),
        stop_s=API_STOP_S,
        death_signal=signal.SIGTERM,
    )
    return [
        api,
        *previews,
        *(
            _worker(installation, number, environment | own_steps(workers, number - 1))
            for number in range(1, workers + 1)
        ),
    ]


def most_workers() -> int:
    """With more workers, one would have nothing to run."""
    return max(_at_once().values())


def own_steps(workers: int, index: int) -> dict[str, str]:
    """The variable that gives worker `index` (from 0) of so many its share of the local stage's concurrency."""
    shares = {step: share(count, workers, index) for step, count in _at_once().items()}
    return {"FAIRWAY_STEPS": ",".join(f"{step}={count}" for step, count in shares.items() if count)}


def _at_once() -> dict[str, int]:
    from functions.pipelines import DECLARED_CONCURRENCY

    at_once = DECLARED_CONCURRENCY | reserved_concurrency(STAGE)
    return {step: at_once[step] for step in DECLARED_CONCURRENCY}


def share(concurrency: int, workers: int, index: int) -> int:
    """How many of a step's slots worker `index` (from 0) gets."""
    return concurrency // workers + (index < concurrency % workers)


def serves_previews(environment: Mapping[str, str]) -> bool:
    """Whether a preview service is started: where LibreOffice is installed, and no other service is set."""
    configured = environment.get("FAIRWAY_LIBREOFFICE") or "auto"
    if configured == "off" or environment.get("FAIRWAY_PREVIEW_URL"):
        return False
    return installed("" if configured == "auto" else configured) is not None


def preview_service(installation: Installation, run_id: str) -> Process:
    """The preview service. It reads hostile documents, so its environment holds no secret."""
    passed_on = (
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "FAIRWAY_LIBREOFFICE",
    )
    port = installation.ports["preview"]
    return Process(
        name="preview",
        argv=[sys.executable, "-m", "infra.preview_service"],
        env={
            **{name: os.environ[name] for name in passed_on if name in os.environ},
            "FAIRWAY_PREVIEW_HOST": ADDRESS,
            "FAIRWAY_PREVIEW_PORT": str(port),
            MARK: run_id,
        },
        cwd=ROOT,
        is_ready=lambda: is_healthy(port),
        stop_s=PREVIEW_STOP_S,
        death_signal=signal.SIGTERM,
    )


def program_environment(installation: Installation) -> dict[str, str]:
    """The environment of the API and the workers: this process's own, except for credentials of AWS, and our settings."""
    inherited = {
        name: value
        for name, value in without(os.environ, OF_MIGRATIONS).items()
        if not name.startswith("AWS_") or name in PASSED_AWS_VARIABLES
    }
    no_proxy = ",".join(filter(None, (os.environ.get("NO_PROXY"), ADDRESS, "localhost")))
    return {
        **inherited,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "FAIRWAY_STAGE": STAGE,
        "FAIRWAY_DRAIN_S": DRAIN_S,
        "FAIRWAY_HOME": str(installation.home.path),
        "FAIRWAY_HOST": ADDRESS,
        "FAIRWAY_PORT": str(installation.ports["api"]),
        "FAIRWAY_DATABASE_URL": installation.database_url_of(WORKER_ROLE, installation.secrets.worker_role_password),
        "FAIRWAY_API_DATABASE_URL": installation.database_url_of(API_ROLE, installation.secrets.api_role_password),
        "FAIRWAY_REDIS_URL": installation.redis_url,
        "FAIRWAY_BUCKET": BUCKET,
        "FAIRWAY_STORE_PUBLIC_URL": installation.url("store_public"),
        "FAIRWAY_KEY_PEPPER": installation.secrets.key_pepper,
        "AWS_ENDPOINT_URL": installation.url("store"),
        "AWS_ACCESS_KEY_ID": installation.secrets.store_key_id,
        "AWS_SECRET_ACCESS_KEY": installation.secrets.store_secret,
        "AWS_DEFAULT_REGION": object_store.REGION,
    }


def without(environment: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}


def _worker(installation: Installation, number: int, environment: Mapping[str, str]) -> Process:
    name = f"worker-{number}"
    return Process(
        name=name,
        argv=[sys.executable, "-m", "infra.worker"],
        env={**without(environment, OF_API), "FAIRWAY_WORKER": name},
        cwd=ROOT,
        reports_ready=True,
        stop_s=WORKER_STOP_S,
        death_signal=signal.SIGTERM,
    )


def whole_number(variable: str, default: int) -> int:
    """The value of an environment variable. Raises StartFailed."""
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit():
        raise StartFailed(f"{variable} must be a whole number, not {text!r}.")
    return int(text)


def is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
