"""The surroundings of the rehearsed stack: the emulator, PostgreSQL, Valkey, and stand-ins for the paid services.

The emulator is started unless the environment has the address of a running one.
"""

from __future__ import annotations

import http.client
import os
import secrets
import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from infra.local import postgres, valkey
from infra.local.installation import API_ROLE, WORKER_ROLE
from infra.local.ports import ADDRESS, choose_ports
from infra.local.process import Process
from infra.local.supervisor import Supervisor
from layers.adapters.postgres.migration import ensure_database
from tests.rehearsal import elsewhere
from tests.rehearsal.elsewhere import Reach
from tests.standins.model import Model
from tests.standins.server import Served
from tests.standins.textract import Textract

ROOT = Path(__file__).resolve().parent.parent.parent
EMULATOR_PYTHON = ROOT / "build" / "rehearsal-venv" / "bin" / "python"
LAMBDA_PYTHON = ROOT / "build" / "bare-venv" / "bin" / "python"
REGION = "us-east-1"
CERTIFICATE, CERTIFICATE_KEY = "emulator.pem", "emulator.key"
START_S = 60.0


@dataclass(frozen=True)
class Ground:
    """The addresses of everything. `reach` gives the addresses for functions; `session` has the account's root key."""

    home: Path
    session: boto3.session.Session
    endpoint_url: str
    is_started: bool  # by the rehearsal; a running emulator may hold other resources
    authorities: Path | None
    reach: Reach
    database_url: str
    role_urls: dict[str, str]
    redis_url: str
    textract: Textract
    textract_url: str
    model: Model
    model_url: str


@contextmanager
def prepared() -> Iterator[Ground]:
    """Start everything on free ports in a temporary folder."""
    home = Path(tempfile.mkdtemp(prefix="fairway-rehearsal-"))
    ports = choose_ports(home / "ports.json", ("emulator", "postgres", "valkey"), 0)
    password = secrets.token_urlsafe()
    program = postgres.prepare(home / "postgres", password, home / "initdb.log")
    key_id, secret = "FWREHEARSAL", secrets.token_urlsafe()
    supervisor = Supervisor(home)
    textract, model = Textract(), Model()
    running_url, authorities = elsewhere.endpoint_url(), elsewhere.authorities()
    if running_url:
        key_id, secret = elsewhere.credentials()
    try:
        with ExitStack() as served:
            reach = served.enter_context(Reach.from_environment())
            textract_url = served.enter_context(Served(textract))
            model_url = served.enter_context(Served(model))
            supervisor.start(
                [
                    postgres.declare(home / "postgres", program, ports["postgres"], password),
                    valkey.declare(home, ports["valkey"], password),
                    *([] if running_url else [_emulator(home, ports["emulator"], key_id, secret)]),
                ],
                START_S,
            )
            ensure_database(postgres.database_url(ports["postgres"], password))
            if not running_url:
                authorities = home / CERTIFICATE
            endpoint_url = running_url or f"https://{ADDRESS}:{ports['emulator']}"
            yield Ground(
                home,
                _session(endpoint_url, authorities, key_id, secret),
                endpoint_url,
                running_url is None,
                authorities,
                reach,
                postgres.database_url(ports["postgres"], password),
                {
                    role: postgres.database_url(ports["postgres"], secrets.token_urlsafe(), role=role)
                    for role in (API_ROLE, WORKER_ROLE)
                },
                valkey.redis_url(ports["valkey"], password),
                textract,
                textract_url,
                model,
                model_url,
            )
    finally:
        supervisor.stop()
        keep_in = os.environ.get("FAIRWAY_REHEARSAL_KEEP")
        if keep_in:
            shutil.copytree(home, keep_in, ignore=shutil.ignore_patterns("postgres", "functions"), dirs_exist_ok=True)
        shutil.rmtree(home, ignore_errors=True)


def _session(endpoint_url: str, authorities: Path | None, key_id: str, secret: str) -> Any:
    verify = str(authorities) if authorities else None

    class Session(boto3.session.Session):  # type: ignore[misc]
        def client(self, service: str, **options: Any) -> Any:
            return super().client(service, **{"endpoint_url": endpoint_url, "verify": verify, **options})

    return Session(aws_access_key_id=key_id, aws_secret_access_key=secret, region_name=REGION)


def _emulator(home: Path, port: int, key_id: str, secret: str) -> Process:
    """The emulator, which enforces signatures and permissions. Functions get nothing from this process's environment."""
    functions = home / "functions"
    return Process(
        name="emulator",
        argv=[str(EMULATOR_PYTHON), str(Path(__file__).with_name("emulator.py")), str(LAMBDA_PYTHON)],
        env={
            "PATH": os.defpath,
            "HOME": str(home),
            "TMPDIR": str(functions),
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": ADDRESS,
            "MINISTACK_HOST": ADDRESS,
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "INFO",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(home / CERTIFICATE),
            "MINISTACK_SSL_KEY": str(home / CERTIFICATE_KEY),
        },
        cwd=home,
        before_start=lambda: functions.mkdir(exist_ok=True),
        is_ready=lambda: _is_healthy(port, home / CERTIFICATE),
        stop_s=5.0,
    )


def _is_healthy(port: int, authorities: Path) -> bool:
    if not authorities.exists():
        return False
    context = ssl.create_default_context(cafile=str(authorities))
    connection = http.client.HTTPSConnection(ADDRESS, port, timeout=2, context=context)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    """Run everything until Enter is pressed, to try things manually."""
    with prepared() as ground:
        print(ground, file=sys.stderr)
        input()


if __name__ == "__main__":
    main()
