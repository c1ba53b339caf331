"""All metrics of Fairway, by the log event from which each is taken."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NAMESPACE = "Fairway"
SERVICE = "fairway"
Fields = Mapping[str, Any]

# US dollars for a GB-second of Lambda on x86 in us-east-1, without requests of the API and idle resources.
GB_SECOND_USD = 0.0000166667
PAID_PAGE_USD = 0.0015  # Textract, a page of text


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of an event. `dimensions` are fields of the event; service and stage are always added."""

    name: str
    unit: str
    dimensions: tuple[str, ...]
    value: Callable[[Fields], float | None]


def _field(name: str) -> Callable[[Fields], float | None]:
    return lambda fields: fields.get(name)


def _cost_usd(fields: Fields) -> float:
    memory_gb = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0")) / 1024
    return float(fields.get("cost_s", 0)) * memory_gb * GB_SECOND_USD + (fields.get("paid_pages") or 0) * PAID_PAGE_USD


MEASURES: dict[str, tuple[Measure, ...]] = {
    "attempt": (
        Measure("Attempts", "Count", ("step",), lambda fields: 1),
        # 0 or 1, so that the average is the share of attempts that failed through no fault of the file.
        Measure("Errors", "Count", ("step",), lambda fields: float(fields["outcome"] == "retry" or fields["gave_up"])),
        Measure(
            "ErrorsByCode", "Count", ("step", "error_code"), lambda fields: 1 if fields.get("error_code") else None
        ),
        Measure("GivenUp", "Count", ("step",), lambda fields: float(fields["gave_up"])),
        Measure("Duration", "Seconds", ("step",), _field("cost_s")),
        Measure("Cost", "None", (), _cost_usd),
    ),
    "backlog": (
        Measure("OldestAge", "Seconds", ("step",), _field("oldest_s")),
        Measure("Parked", "Count", ("step",), _field("parked")),
        Measure("Ahead", "Seconds", ("step",), _field("ahead_s")),
    ),
    "breaker_open": (Measure("BreakerOpen", "Seconds", ("dependency",), _field("open_s")),),
    "audit_alarm": (
        Measure("AuditFindings", "Count", ("of",), lambda fields: float(sum(fields["findings"].values()))),
    ),
    "upkeep": (Measure("UpkeepRounds", "Count", (), lambda fields: 1),),
}
