"""Data that raises each alarm of the stack. Fairway's metrics are emitted by the code that emits them in production."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from layers.telemetry import on_lambda
from layers.telemetry.metrics import NAMESPACE

Alarm = dict[str, Any]
Datum = dict[str, Any]
# For each of Fairway's metrics, the log event that contains it, with fields that raise its alarm.
CONDITIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "Errors": ("attempt", {"outcome": "retry", "gave_up": False, "cost_s": 1.0}),
    "GivenUp": ("attempt", {"outcome": "failed", "gave_up": True, "cost_s": 1.0}),
    "Cost": ("attempt", {"outcome": "done", "gave_up": False, "cost_s": 1.0, "paid_pages": 1_000_000, "step": "ocr"}),
    "OldestAge": ("backlog", {"oldest_s": 7 * 24 * 3600.0, "parked": 0, "ahead_s": 0.0}),
    "Parked": ("backlog", {"oldest_s": 0.0, "parked": 3, "ahead_s": 0.0}),
    "Ahead": ("backlog", {"oldest_s": 0.0, "parked": 0, "ahead_s": 3600.0}),
    "BreakerOpen": ("breaker_open", {"open_s": 660}),
    "AuditFindings": ("audit_alarm", {"findings": {"lost": 1}}),
    "UpkeepRounds": ("upkeep", {"done": {}}),
}


def data_that_raises(alarm: Alarm, emitted: Callable[[], str]) -> Iterator[Datum]:
    """Data points that raise an alarm. `emitted` returns the output since its last call."""
    (datum,) = [entry for entry in _data(alarm, emitted) if _is_watched(entry, alarm)]
    for period in range(alarm["EvaluationPeriods"]):
        yield {**datum, "Timestamp": time.time() - period * alarm["Period"]}


def _data(alarm: Alarm, emitted: Callable[[], str]) -> Iterator[Datum]:
    if alarm["Namespace"] != NAMESPACE:  # a metric of AWS
        yield {**_names(alarm), "Value": alarm["Threshold"] + 1}
        return
    event, fields = CONDITIONS[alarm["MetricName"]]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    emitted()
    on_lambda.measure(event, fields | dimensions)
    for line in emitted().splitlines():
        yield from _embedded(json.loads(line))


def _embedded(line: dict[str, Any]) -> Iterator[Datum]:
    """The data points in a log line in CloudWatch's embedded metric format."""
    for of in line["_aws"]["CloudWatchMetrics"]:
        (names,) = of["Dimensions"]
        for metric in of["Metrics"]:
            for value in line[metric["Name"]]:
                dimensions = [{"Name": name, "Value": line[name]} for name in names]
                yield {"MetricName": metric["Name"], "Dimensions": dimensions, "Value": value}


def _names(alarm: Alarm) -> Datum:
    return {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"]}


def _is_watched(datum: Datum, alarm: Alarm) -> bool:
    by_name = sorted((dimension["Name"], dimension["Value"]) for dimension in datum["Dimensions"])
    watched = sorted((dimension["Name"], dimension["Value"]) for dimension in alarm["Dimensions"])
    return (datum["MetricName"], by_name) == (alarm["MetricName"], watched)
