"""The processes of an embedded start that use the servers: the API, the workers and the preview service."""

from __future__ import annotations

import http.client
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.local.environments import API_SECRETS, STAGE, WORKER_SECRETS, program_environment, whole_number, without
from infra.local.installation import Installation
from infra.local.leftovers import MARK
from infra.local.ports import ADDRESS
from infra.local.process import Process
from layers.adapters.printing.libreoffice_printer import installed
from layers.stages import reserved_concurrency

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT_WORKERS = 2
WORKER_STOP_S = 8.3
API_STOP_S = 4.0
PREVIEW_STOP_S = 6.0


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
        env={**without(environment, WORKER_SECRETS), "FAIRWAY_WORKER": "api"},
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
    """The largest useful number of workers: with more, one would have no slots."""
    return max(_at_once().values())


def own_steps(workers: int, index: int) -> dict[str, str]:
    """The variable with the share of worker `index` (from 0) in the local stage's concurrency, among `workers`."""
    shares = {step: share(count, workers, index) for step, count in _at_once().items()}
    return {"FAIRWAY_STEPS": ",".join(f"{step}={count}" for step, count in shares.items() if count)}


def _at_once() -> dict[str, int]:
    from functions.pipelines import DECLARED_CONCURRENCY

    at_once = DECLARED_CONCURRENCY | reserved_concurrency(STAGE)
    return {step: at_once[step] for step in DECLARED_CONCURRENCY}


def share(concurrency: int, workers: int, index: int) -> int:
    """The number of a step's slots for worker `index` (from 0)."""
    return concurrency // workers + (index < concurrency % workers)


def serves_previews(environment: Mapping[str, str]) -> bool:
    """Whether to start a preview service: LibreOffice is installed, and no other service is configured."""
    configured = environment.get("FAIRWAY_LIBREOFFICE") or "auto"
    if configured == "off" or environment.get("FAIRWAY_PREVIEW_URL"):
        return False
    return installed("" if configured == "auto" else configured) is not None


def preview_service(installation: Installation, run_id: str) -> Process:
    """The preview service. It reads hostile documents, so its environment contains no secret."""
    passed_on = (
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONPYCACHEPREFIX",
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
            "FAIRWAY_PREVIEW_KEPT": os.environ.get("FAIRWAY_PREVIEW_KEPT") or "0",
            MARK: run_id,
        },
        cwd=ROOT,
        is_ready=lambda: is_healthy(port),
        stop_s=PREVIEW_STOP_S,
        death_signal=signal.SIGTERM,
    )


def _worker(installation: Installation, number: int, environment: Mapping[str, str]) -> Process:
    name = f"worker-{number}"
    return Process(
        name=name,
        argv=[sys.executable, "-m", "infra.worker"],
        env={**without(environment, API_SECRETS), "FAIRWAY_WORKER": name},
        cwd=ROOT,
        reports_ready=True,
        stop_s=WORKER_STOP_S,
        death_signal=signal.SIGTERM,
    )


def is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
