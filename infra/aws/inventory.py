"""The functions and topics with their settings, from `.chalice/config.json` and from the steps' declarations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from functions.pipelines import STEPS
from infra.topics import TOPICS
from layers.domain.step import Step

Resource = dict[str, Any]
Resources = dict[str, Resource]
ROOT = Path(__file__).resolve().parent.parent.parent
UPKEEP, MIGRATE, API = "upkeep", "migrate", "api_handler"
FUNCTIONS = (*TOPICS, UPKEEP, MIGRATE, API)
# In these stages, deleting the stack keeps the data.
PROTECTED = ("prod",)
# For a step without a line in config.json.
STEP_MEMORY_MB = 1769  # one full vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
TIMEOUT_GRACE_S = 30  # beyond the step's own limit, so that the step can record its failure
MAX_LAMBDA_TIMEOUT_S = 900


def stages() -> dict[str, Any]:
    """All stages of `.chalice/config.json`, by name."""
    found: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]
    return found


def setting(stage: str, function: str, name: str) -> Any:
    """A function's setting in a stage.

    It is taken from the function's line in `.chalice/config.json`, from the step's declaration, or from the stage, in
    this order. Raises KeyError if none of them has it.
    """
    of_stage = stages()[stage]
    line = of_stage.get("lambda_functions", {}).get(function, {})
    declared = step_settings(STEPS[function]) if function in STEPS else {}
    return {**of_stage, **declared, **line}[name]


def step_settings(step: Step) -> dict[str, int]:
    """The settings that follow from a step's declaration, by their names in `.chalice/config.json`."""
    return {
        "reserved_concurrency": step.concurrency,
        "lambda_timeout": min(MAX_LAMBDA_TIMEOUT_S, int(step.timeout_s) + TIMEOUT_GRACE_S),
        "lambda_memory_size": STEP_MEMORY_MB,
    }


def services() -> tuple[str, ...]:
    """The services that any step depends on, sorted."""
    return tuple(sorted({step.depends_on for step in STEPS.values() if step.depends_on}))


def secrets_of(function: str) -> list[str]:
    """The parameters that name the secrets of a function. It gets only those that it needs.

    Row-level security does not restrict the workers' role, so the API gets no secret of the workers.
    """
    names = ["SharedSecrets"]
    if function != API:
        names.append("WorkerSecrets")
    if function in (API, MIGRATE):
        names.append("ApiSecrets")
    if function == MIGRATE:
        names.append("MigrationSecrets")
    return names


def depends_on(function: str, service: str) -> bool:
    """Whether this function runs a step that depends on the service."""
    return function in STEPS and STEPS[function].depends_on == service


def logical(function: str) -> str:
    """The logical id that Chalice gives a function's resource: `virus_report` becomes `VirusReport`."""
    if function == API:
        return "APIHandler"
    return "".join(word[0].upper() + word[1:] for word in function.split("_") if word)
