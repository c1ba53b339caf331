"""The measurements of a scenario, each with its target."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).resolve().parent.parent.parent / "build" / "chaos"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured value. `target` is empty if the value is only reported."""

    name: str
    value: Any
    target: str = ""
    is_reached: bool = True


def at_most(name: str, value: float, most: float) -> Measurement:
    return Measurement(name, value, f"at most {most:g}", value <= most)


def at_least(name: str, value: float, least: float) -> Measurement:
    return Measurement(name, value, f"at least {least:g}", value >= least)


def exactly(name: str, value: Any, expected: Any) -> Measurement:
    return Measurement(name, value, str(expected), value == expected)


def most_in_a_second(times: Sequence[float]) -> int:
    """The largest number of these times, in ascending order and in seconds, that are within one second."""
    return max((bisect_right(times, first + 1.0) - index for index, first in enumerate(times)), default=0)


def show(name: str, title: str, measurements: Sequence[Measurement]) -> None:
    """Print the measurements as a table, and write them to build/chaos/<name>.json."""
    table = Table("measurement", "value", "target", title=title, title_justify="left")
    for measurement in measurements:
        table.add_row(
            measurement.name,
            str(measurement.value),
            measurement.target if measurement.is_reached else f"[red]{measurement.target}[/]",
        )
    Console(width=120).print(table)
    OUT.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "measurement": measurement.name,
            "value": measurement.value,
            "target": measurement.target,
            "is_reached": measurement.is_reached,
        }
        for measurement in measurements
    ]
    (OUT / f"{name}.json").write_text(json.dumps(rows, indent=1, default=str))
