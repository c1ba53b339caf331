"""The embedded start: every part of Fairway on this machine, under one supervisor, ready when `start` returns."""

from __future__ import annotations

import http.client
import json
import os
import secrets as random_secrets
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import object_store, postgres, valkey
from infra.local.home import Home, Secrets, write_json
from infra.local.leftovers import MARK, end_leftovers, note_run
from infra.local.ports import ADDRESS, choose_ports
from infra.local.process import Process, Running
from infra.local.supervisor import Supervisor
from infra.local.wiring import BUCKET, VISIBILITY_S

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("postgres", "valkey", "store", "store_public")
DEFAULT_WORKERS = 2
# Of the outer environment's words to the AWS SDK, those that concern services which are paid by the call.
OF_PAID_SERVICES = {"AWS_ENDPOINT_URL_TEXTRACT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_SHARED_CREDENTIALS_FILE",
                    "AWS_CONFIG_FILE", "AWS_CA_BUNDLE"}  # fmt: skip
API_ROLE, WORKER_ROLE = "fairway_api", "fairway_worker"
VISIBILITY_GRACE_S = 60
PARTS_S = 60.0
PROGRAMS_S = 60.0
WORKER_STOP_S = 8.3
API_STOP_S = 4.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything of one start is to be found."""

    home: Home
    secrets: Secrets
    ports: Mapping[str, int]

    @property
    def database_url(self) -> str:
        return postgres.database_url(self.ports["postgres"], self.secrets.database_password)

    def database_url_of(self, role: str, password: str) -> str:
        """The address for a role that owns nothing."""
        return postgres.database_url(self.ports["postgres"], password, role=role)

    @property
    def redis_url(self) -> str:
        return valkey.redis_url(self.ports["valkey"], self.secrets.redis_password)

    def url(self, name: str) -> str:
        return f"http://{ADDRESS}:{self.ports[name]}"


class Embedded:
    """A running Fairway. `endpoint` is what endpoint.json holds."""

    def __init__(self, place: Place, *, adopts: bool) -> None:
        self.place = place
        self.run_id = random_secrets.token_hex(16)
        self._is_ready = False
        self.supervisor = Supervisor(place.home.logs, adopts=adopts, on_change=self._note)

    @property
    def endpoint(self) -> dict[str, Any]:
        """`aws_endpoint_url` takes SQS and all of S3, signed by the keys beside it; presigned URLs carry another
        listener's address, which browsers may know and which admits nothing else."""
        place = self.place
        return {
            "api_url": place.url("api"),
            "api_key": place.secrets.api_key,
            "aws_endpoint_url": place.url("store"),
            "aws_access_key_id": place.secrets.store_key_id,
            "aws_secret_access_key": place.secrets.store_secret,
            "bucket": BUCKET,
            "database_url": place.database_url,
            "redis_url": place.redis_url,
            "processes": self.supervisor.pids(),
        }

    def announce(self) -> None:
        """Write endpoint.json: everything answers. It is written anew when a process is."""
        self._is_ready = True
        write_json(self.place.home.endpoint, self.endpoint)

    def stop(self) -> None:
        """End all processes and give the home back."""
        self._is_ready = False
        self.place.home.endpoint.unlink(missing_ok=True)
        self.supervisor.stop()
        self.place.home.run_record.unlink(missing_ok=True)
        self.place.home.release_lock()

    def _note(self, running: Sequence[Running]) -> None:
        note_run(self.place.home.run_record, self.run_id, running)
        if self._is_ready:
            write_json(self.place.home.endpoint, self.endpoint)


def start(
    home_path: Path,
    port: int,
    *,
    bootstrap: Callable[[Place], None] | None = None,
    programs: Callable[[Place, str], Sequence[Process]] | None = None,
    adopts: bool = False,
) -> Embedded:
    """Start everything on this home, the API at `port` (0 picks one), and write endpoint.json.

    `bootstrap` readies the database once it answers, `programs` are what runs upon the parts; both default to
    Fairway's own. Raises AlreadyRuns, PortTaken, PostgresUnusable and StartFailed, with nothing left running.
    """
    home = Home(home_path)
    home.open_lock()
    try:
        home.endpoint.unlink(missing_ok=True)
        end_leftovers(home.run_record)
        place = Place(home, home.secrets(), choose_ports(home.path / "ports.json", PARTS, port))
        program = postgres.prepare(home.postgres, place.secrets.database_password, home.logs / "initdb.log")
        embedded = Embedded(place, adopts=adopts)
    except BaseException:
        home.release_lock()
        raise
    try:
        embedded.supervisor.start(parts(place, program, embedded.run_id), PARTS_S)
        postgres.ensure_database(place.ports["postgres"], place.secrets.database_password)
        (bootstrap or bring_up_to_date)(place)
        embedded.supervisor.start((programs or own_programs)(place, embedded.run_id), PROGRAMS_S)
        embedded.announce()
    except BaseException:
        embedded.stop()
        raise
    return embedded


def parts(place: Place, program: postgres.Program, run_id: str) -> list[Process]:
    """PostgreSQL, Valkey and the store: none needs another to start."""
    home, kept, ports = place.home, place.secrets, place.ports
    return [
        postgres.declare(home.postgres, program, ports["postgres"], kept.database_password),
        valkey.declare(home.path, ports["valkey"], kept.redis_password),
        object_store.declare(
            home.objects,
            private_port=ports["store"],
            public_port=ports["store_public"],
            key_id=kept.store_key_id,
            secret=kept.store_secret,
            redis_url=place.redis_url,
            visibility_s=visibility_s(),
            most_upload_bytes=int(os.environ.get("FAIRWAY_MAX_FILE_BYTES") or object_store.MOST_UPLOAD_BYTES),
            marks={MARK: run_id},
        ),
    ]


def visibility_s() -> dict[str, int]:
    """How long a topic's message stays hidden once received: longer than its step may take."""
    from functions.pipelines import STEPS
    from infra.topics import TOPICS

    steps = {name: max(VISIBILITY_S, int(step.timeout_s) + VISIBILITY_GRACE_S) for name, step in STEPS.items()}
    return {topic: steps.get(topic, VISIBILITY_S) for topic in TOPICS}


def bring_up_to_date(place: Place) -> None:
    """Migrate, and make the tenant `local` with its key."""
    from infra.migrate import ensure_local_tenant, give_login, migrate

    migrate(place.database_url)
    give_login(place.database_url, API_ROLE, place.secrets.api_role_password)
    give_login(place.database_url, WORKER_ROLE, place.secrets.worker_role_password)
    ensure_local_tenant(place.database_url, place.secrets.api_key, place.secrets.key_pepper)


def own_programs(place: Place, run_id: str) -> list[Process]:
    """The API and the workers."""
    workers = int(os.environ.get("FAIRWAY_WORKERS") or DEFAULT_WORKERS)
    environment = {**program_environment(place), "FAIRWAY_WORKERS": str(workers), MARK: run_id}
    api = Process(
        name="api",
        argv=[sys.executable, "-m", "infra.http"],
        env={**environment, "FAIRWAY_WORKER": "api"},
        cwd=ROOT,
        is_ready=lambda pid: _is_healthy(place.ports["api"]),
        stop_s=API_STOP_S,
        death_signal=signal.SIGTERM,
    )
    return [api, *(_worker(place, number, environment) for number in range(1, workers + 1))]


def program_environment(place: Place) -> dict[str, str]:
    """What the API and the workers are told; of what this process was told, all but other clouds' credentials."""
    outer = {
        name: value for name, value in os.environ.items() if not name.startswith("AWS_") or name in OF_PAID_SERVICES
    }
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), ADDRESS, "localhost")))
    return {
        **outer,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "FAIRWAY_STAGE": "local",
        "FAIRWAY_HOME": str(place.home.path),
        "FAIRWAY_PORT": str(place.ports["api"]),
        "FAIRWAY_DATABASE_URL": place.database_url_of(WORKER_ROLE, place.secrets.worker_role_password),
        "FAIRWAY_API_DATABASE_URL": place.database_url_of(API_ROLE, place.secrets.api_role_password),
        "FAIRWAY_REDIS_URL": place.redis_url,
        "FAIRWAY_BUCKET": BUCKET,
        "FAIRWAY_STORE_PUBLIC_URL": place.url("store_public"),
        "FAIRWAY_KEY_PEPPER": place.secrets.key_pepper,
        "AWS_ENDPOINT_URL": place.url("store"),
        "AWS_ACCESS_KEY_ID": place.secrets.store_key_id,
        "AWS_SECRET_ACCESS_KEY": place.secrets.store_secret,
        "AWS_DEFAULT_REGION": object_store.REGION,
    }


def _worker(place: Place, number: int, environment: Mapping[str, str]) -> Process:
    name = f"worker-{number}"
    log_path = place.home.logs / f"{name}.log"
    return Process(
        name=name,
        argv=[sys.executable, "-m", "infra.worker"],
        env={**environment, "FAIRWAY_WORKER": name, "FAIRWAY_WORKER_PLACE": str(number)},
        cwd=ROOT,
        is_ready=lambda pid: _said(log_path, "worker_ready", pid),
        stop_s=WORKER_STOP_S,
        death_signal=signal.SIGTERM,
    )


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _said(log_path: Path, event: str, pid: int) -> bool:
    """Whether this process logged the event."""
    try:
        lines = log_path.read_text(errors="replace").splitlines()[-200:]
    except OSError:
        return False
    return any(_is_event(line, event, pid) for line in lines if event in line)


def _is_event(line: str, event: str, pid: int) -> bool:
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("event") == event and said.get("pid") == pid
