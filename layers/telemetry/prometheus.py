"""Metrics as Prometheus reads them, written by its own library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "fairway_"
# Every metric by name, with what it means; counters never fall.
GAUGES = {
    "parts": "Parts of steps by state; what is ready is as it was last looked at, some seconds ago.",
    "oldest_ready_seconds": "For how long the oldest ready part of a step has waited.",
    "reserved_concurrency": "How many parts of a step may run at once.",
    "attempt_duration_seconds": "How long attempts took that were done within the last five minutes.",
    "dead_letters": "Files that were given up in a step; counted up to 10,000 in all.",
    "breaker_open": "Whether work is held back because a dependency is out of order.",
    "budget_units_per_second": "What a service outside is asked for, as things are.",
    "budget_full_units_per_second": "What a service outside may be asked for at most.",
    "budget_room_parts": "How many parts might be dispatched now by the budget of their service.",
}
COUNTERS = {
    "attempts": "Attempts by outcome, up to a minute ago.",
    "attempt_seconds": "Seconds that attempts took, up to a minute ago.",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric: `name` without prefix and suffix."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def text(samples: Iterable[Sample]) -> str:
    """All samples in the text format, with those of this very process beside them."""
    from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

    given = list(samples)

    class Told:
        def collect(self) -> Iterator[Metric]:
            for name in dict.fromkeys(one.name for one in given):
                of_name = [one for one in given if one.name == name]
                labels = sorted(of_name[0].labels)
                kind = CounterMetricFamily if name in COUNTERS else GaugeMetricFamily
                family = kind(PREFIX + name, (COUNTERS | GAUGES)[name], labels=labels)
                for one in of_name:
                    family.add_metric([one.labels[label] for label in labels], one.value)
                yield family

    registry = CollectorRegistry()
    registry.register(Told())
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return generate_latest(registry).decode()
