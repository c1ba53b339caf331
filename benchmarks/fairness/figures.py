"""Figures from the reads of a run: waits, windows, shares."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WINDOW = 100


@dataclass(frozen=True, slots=True)
class Read:
    """The reading of one part of a file. Times are seconds of one clock; `cost_s` is the time that the reader took."""

    tenant: str
    batch: str
    file_id: str
    arrived_at: float
    ready_at: float
    queued_at: float
    started_at: float
    ended_at: float
    cost_s: float


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def waits(reads: Iterable[Read]) -> list[float]:
    """Seconds from each file's arrival until its first part is read, in order of arrival."""
    first: dict[str, Read] = {}
    for read in reads:
        if read.file_id not in first or read.started_at < first[read.file_id].started_at:
            first[read.file_id] = read
    return [read.started_at - read.arrived_at for read in sorted(first.values(), key=lambda read: read.arrived_at)]


def worst_window(in_order: Sequence[float], share: float, size: int = WINDOW) -> float:
    """The largest percentile of any `size` neighbouring values, or of all if there are fewer."""
    last = max(0, len(in_order) - size)
    return max(percentile(in_order[start : start + size], share) for start in range(last + 1))


def turnaround_s(reads: Sequence[Read]) -> float:
    """Seconds from the first arrival until the last part is read."""
    return max(read.ended_at for read in reads) - min(read.arrived_at for read in reads)


def jain(shares: Sequence[float]) -> float:
    """Jain's index: 1 if all shares are equal, 1/n if one tenant has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


def while_all_wait(reads: Sequence[Read]) -> list[Read]:
    """Parts dispatched from when all were ready until the first tenant had none left."""
    begins = max(read.ready_at for read in reads)
    ends = min(max(read.queued_at for read in own) for own in by_tenant(reads).values())
    return [read for read in reads if begins <= read.queued_at < ends]


def by_tenant(reads: Iterable[Read]) -> dict[str, list[Read]]:
    found: dict[str, list[Read]] = defaultdict(list)
    for read in reads:
        found[read.tenant].append(read)
    return dict(found)


def costs(reads: Iterable[Read]) -> dict[str, float]:
    """Seconds of reading by tenant."""
    return {tenant: sum(read.cost_s for read in own) for tenant, own in by_tenant(reads).items()}


def jain_by_cost(reads: Iterable[Read], weights: Mapping[str, float]) -> float:
    """Jain's index of cost per weight over all tenants."""
    spent = costs(reads)
    return jain([spent.get(tenant, 0.0) / weight for tenant, weight in weights.items()])


def gone_before(reads: Sequence[Read], tenants: Iterable[str]) -> list[int]:
    """For each part of these tenants: how many parts were dispatched after it became ready and before it was dispatched."""
    wanted = set(tenants)
    return [
        sum(read.ready_at < other.queued_at < read.queued_at for other in reads)
        for read in reads
        if read.tenant in wanted
    ]
