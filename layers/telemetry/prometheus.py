"""Metrics in the text format of Prometheus, written by its client library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "fairway_"
# The help texts of all metrics, by name.
GAUGES = {
    "parts": "Parts of steps by state; the number of ready parts may be some seconds old.",
    "oldest_ready_seconds": "How long the oldest ready part of a step has waited.",
    "reserved_concurrency": "How many parts of a step may run at once.",
    "ready_cost_seconds": "Estimated seconds of work that is ready in a step.",
    "live_workers": "How many live workers run a step.",
    "live_slots": "How many parts of a step the live workers run at once together.",
    "needed_workers": "How many workers a step needs for its running parts, and to process its backlog in FAIRWAY_TARGET_S.",
    "attempt_duration_seconds": "The duration of attempts that succeeded within the last five minutes.",
    "dead_letters": "Files that failed in a step after the last attempt; counted up to 10,000 in total.",
    "breaker_open": "Whether work is held back because a dependency is down.",
    "budget_units_per_second": "The current rate limit for an external service.",
    "budget_full_units_per_second": "The highest rate limit for an external service.",
    "budget_room_parts": "How many parts the budget of their service would allow now.",
    "preview_waiting": "Documents that wait for a conversion.",
    "preview_idle_processes": "LibreOffice processes that wait for a document.",
}
COUNTERS = {
    "attempts": "Attempts by outcome, up to a minute ago.",
    "attempt_seconds": "Seconds that attempts took, up to a minute ago.",
    "preview_conversions": "Conversions by outcome.",
    "preview_conversion_seconds": "Seconds that conversions took.",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric. `name` is without prefix and suffix."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def text(samples: Iterable[Sample]) -> str:
    """All samples in the text format, together with those of this process."""
    from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

    every = list(samples)

    class Collected:
        def collect(self) -> Iterator[Metric]:
            for name in dict.fromkeys(sample.name for sample in every):
                of_name = [sample for sample in every if sample.name == name]
                labels = sorted(of_name[0].labels)
                kind = CounterMetricFamily if name in COUNTERS else GaugeMetricFamily
                family = kind(PREFIX + name, (COUNTERS | GAUGES)[name], labels=labels)
                for sample in of_name:
                    family.add_metric([sample.labels[label] for label in labels], sample.value)
                yield family

    registry = CollectorRegistry()
    registry.register(Collected())
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return generate_latest(registry).decode()
