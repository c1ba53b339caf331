"""Operations: the health of each dependency, and the audit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from functions.api.ports import ApiPorts
from functions.api.requests import Request
from functions.api.views import at
from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS, STEPS
from functions.recorded import ORIGINALS_MISSING, contradictions, counted
from layers.domain.breaker import Mode
from layers.domain.errors import DependencyDown
from layers.ports import RecordedObject
from layers.ports.catalog import Catalog
from layers.ports.rows import AuditRules, AuditWalk

Shown = dict[str, Any]
LONGEST_S = 2.0  # for all probes together
CACHED_S = 2.0
MOST_AUDITED_ON_REQUEST = 50_000  # files
MOST_LOOKED_UP_ON_REQUEST = 1000  # files whose objects are looked up in the object store
RULES = AuditRules(MAIN_STEPS, SIDE_ARTIFACTS)
_cached: tuple[float, dict[str, Shown]] = (0.0, {})
_lock = threading.Lock()


def health(request: Request) -> tuple[int, Any]:
    """Each dependency's state; 503 only when the API itself can't work."""
    global _cached
    with _lock:
        if time.monotonic() - _cached[0] > CACHED_S or not _cached[1]:
            _cached = (time.monotonic(), _check(request.ports))
        dependencies = _cached[1]
    all_up = all(dependency["state"] != "down" for dependency in dependencies.values())
    body = {"status": "ok" if all_up else "degraded", "dependencies": dependencies}
    return (503 if dependencies["postgres"]["state"] == "down" else 200), body


def _check(ports: ApiPorts) -> dict[str, Shown]:
    probes = ports.probes()
    pool = ThreadPoolExecutor(max_workers=len(probes))
    started = {name: pool.submit(probe.check) for name, probe in probes.items()}
    deadline = time.monotonic() + LONGEST_S
    states: dict[str, Shown] = {}
    for name, future in started.items():
        try:
            is_up = future.result(timeout=max(0.0, deadline - time.monotonic()))
        except Exception:
            is_up = False
        if is_up is None:
            states[name] = {"state": "unknown", "detail": probes[name].unknown}
        else:
            states[name] = {"state": "up" if is_up else "down"}
    pool.shutdown(wait=False)
    # Without a probe, the scanner is not configured; the other services run inside the workers.
    for name in sorted({step.depends_on for step in STEPS.values() if step.depends_on} - {"scanner"}):
        states.setdefault(name, {"state": "unknown", "detail": "runs inside the workers"})
    for name, breaker in ports.breakers.states().items():
        if name in states and breaker.mode is not Mode.CLOSED:
            states[name] = {"state": "down", "detail": breaker.reason, "breaker": breaker_view(ports, name)}
    return states


def breaker_view(ports: ApiPorts, dependency: str) -> Shown:
    """A dependency's circuit breaker: its state, the reason, and the time of the next probe."""
    breaker = ports.breakers.state(dependency)
    if breaker.mode is Mode.CLOSED:
        return {"state": breaker.mode, "next_probe_at": None, "reason": None}
    probe_at = datetime.fromtimestamp(breaker.probe_at, UTC)
    return {"state": breaker.mode, "next_probe_at": at(probe_at), "reason": breaker.reason}


def audit(request: Request) -> tuple[int, Any]:
    """Check that everything accepted is accounted for: in the whole system for an admin, otherwise in the tenant.

    No transaction is open while the object store is asked, since that may take long.
    """
    tenant_id = request.caller.seen_tenant
    with _own_transaction(request) as catalog:
        last = catalog.last_audit("rows") if tenant_id is None else None
        if last and last.checked > MOST_AUDITED_ON_REQUEST:
            totals, findings = _from_last_walk(catalog, last.findings)
        else:
            totals = catalog.audit(tenant_id, RULES)._asdict()
            findings = catalog.audit_findings(tenant_id, RULES)
        of_bucket = catalog.last_audit("objects") if tenant_id is None else None
        recorded = _recorded(catalog, tenant_id)
        of_recorded = catalog.last_audit("artifacts") if recorded is None else None
    stored = _looked_up(request, tenant_id, recorded) if recorded is not None else _last_walk(of_recorded, tenant_id)
    if stored:
        totals["lost"] += stored["findings"].get(ORIGINALS_MISSING, 0)
    is_sound = not (findings or totals["lost"] or totals["doubled"] or (stored and stored["findings"]))
    return 200, {
        **totals,
        "findings": findings,
        # Rows that agree with each other prove nothing about objects that were not checked.
        "balanced": None if is_sound and stored is None else is_sound,
        "stored": stored,
        "objects": of_bucket and _walk_view(of_bucket, of_bucket.findings),
    }


@contextmanager
def _own_transaction(request: Request) -> Iterator[Catalog]:
    with request.ports.catalogs.transaction() as catalog:
        catalog.act_as(request.tenant_id, is_system=request.caller.sees_system)
        yield catalog


def _recorded(catalog: Catalog, tenant_id: str | None) -> list[RecordedObject] | None:
    """The objects that the rows name; None if those are the objects of too many files to look up in one request."""
    recorded = catalog.recorded_objects(tenant_id, MOST_LOOKED_UP_ON_REQUEST + 1)
    return recorded if len({row.file_id for row in recorded}) <= MOST_LOOKED_UP_ON_REQUEST else None


def _looked_up(request: Request, tenant_id: str | None, recorded: list[RecordedObject]) -> Shown | None:
    """Whether the object store has these objects; None where it is unreachable."""

    def read_again() -> list[RecordedObject]:
        with _own_transaction(request) as catalog:
            return catalog.recorded_objects(tenant_id, MOST_LOOKED_UP_ON_REQUEST + 1)

    try:
        found = contradictions(request.ports.objects, recorded, read_again)
    except DependencyDown:
        return None
    return {"as_of": at(datetime.now(UTC)), "checked": len(recorded), "findings": counted(found)}


def _last_walk(last: AuditWalk | None, tenant_id: str | None) -> Shown | None:
    """What upkeep's last walk through the recorded objects found; None where no walk has ended.

    The walk counts all tenants together. One that found nothing holds for each of them; one that found something does
    not say of which tenant.
    """
    if last is None:
        return None
    findings = {name: count for name, count in last.findings.items() if name != "walk"}
    if tenant_id is None:
        return _walk_view(last, findings)
    return None if findings else {"as_of": at(last.ended_at), "checked": None, "findings": {}}


def _walk_view(last: AuditWalk, findings: dict[str, int]) -> Shown:
    return {"as_of": at(last.ended_at), "checked": last.checked, "findings": findings}


def _from_last_walk(catalog: Catalog, found: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """The current totals, and the findings of upkeep's last walk: there are too many rows to check in one request."""
    balance = catalog.audit_balance(None)
    totals = {
        "accepted": balance.accepted,
        "terminal": balance.terminal,
        "in_flight": balance.in_flight,
        "lost": max(balance.unaccounted, found.get("lost", 0)),
        "doubled": found.get("doubled", 0),
    }
    return totals, {name: count for name, count in found.items() if name not in totals}
