"""The stages in `.chalice/config.json`, which set how many parts of each step run at once."""

from __future__ import annotations

import json
from pathlib import Path

CONFIG_PATHS = (
    Path(__file__).parent / "chalice_config.json",  # in a deployed package
    Path(__file__).parent.parent / ".chalice" / "config.json",
)


def reserved_concurrency(stage: str) -> dict[str, int]:
    """The reserved concurrency of each function in a stage, for the functions with a line in `.chalice/config.json`."""
    path = next((path for path in CONFIG_PATHS if path.exists()), None)
    if path is None:
        return {}
    functions = json.loads(path.read_text())["stages"].get(stage, {}).get("lambda_functions", {})
    return {name: line["reserved_concurrency"] for name, line in functions.items() if "reserved_concurrency" in line}
