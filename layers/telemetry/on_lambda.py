"""Logs, embedded metrics and traces on Lambda, with Powertools. Imported on Lambda only, at first use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from layers.telemetry.metrics import MEASURES, NAMESPACE, SERVICE


@cache
def _logger() -> Any:
    from aws_lambda_powertools import Logger

    return Logger(service=SERVICE, utc=True)


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    return Tracer(service=SERVICE, auto_patch=False)


def log(event: str, error: BaseException | None, fields: dict[str, Any]) -> None:
    """One line for the event, and one for each set of dimensions of its metrics."""
    if error is not None:
        _logger().error(event, exc_info=error, extra=_renamed(fields))
    else:
        _logger().info(event, extra=_renamed(fields))
    if event in MEASURES:
        measure(event, fields)


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    # These names are reserved by the logging library.
    return {
        f"{name}_" if name in ("name", "message", "args", "module") else name: value for name, value in fields.items()
    }


def measure(event: str, fields: dict[str, Any]) -> None:
    """Print the event's metrics in the embedded metric format, which CloudWatch reads from the log."""
    from aws_lambda_powertools.metrics import EphemeralMetrics

    by_dimensions: dict[tuple[str, ...], list[tuple[str, str, float]]] = {}
    for metric in MEASURES[event]:
        value = metric.value(fields)
        if value is not None:
            by_dimensions.setdefault(metric.dimensions, []).append((metric.name, metric.unit, float(value)))
    for dimensions, values in by_dimensions.items():
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        metrics.add_dimension("stage", os.environ.get("FAIRWAY_STAGE", "local"))
        for name in dimensions:
            metrics.add_dimension(name, str(fields[name]))
        for name, unit, value in values:
            metrics.add_metric(name, unit, value)
        metrics.flush_metrics()


@contextmanager
def traced(name: str, **notes: str) -> Iterator[None]:
    """A segment of this invocation's trace, with annotations to search for."""
    with _tracer().provider.in_subsegment(name=name) as part:
        for key, value in notes.items():
            part.put_annotation(key=key, value=value)
        yield
