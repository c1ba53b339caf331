"""What functions and topics there are, and what `.chalice/config.json` says of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from functions.pipelines import STEPS

Resource = dict[str, Any]
Resources = dict[str, Resource]
ROOT = Path(__file__).resolve().parent.parent.parent
ARRIVALS, DISPATCH, UPKEEP, MIGRATE, API = "arrivals", "dispatch", "upkeep", "migrate", "api_handler"
TOPICS = (ARRIVALS, *STEPS, DISPATCH)
FUNCTIONS = (*TOPICS, UPKEEP, MIGRATE, API)
# Stages whose data outlives the stack.
PROTECTED = ("prod",)


def stages() -> dict[str, Any]:
    given: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]
    return given


def setting(stage: str, function: str, name: str, default: Any = None) -> Any:
    """What `.chalice/config.json` says of a function in a stage."""
    of_stage = stages()[stage]
    return of_stage.get("lambda_functions", {}).get(function, {}).get(name, of_stage.get(name, default))


def logical(function: str) -> str:
    """The name that Chalice gives a function's resource."""
    return "APIHandler" if function == API else function.title().replace("_", "")
