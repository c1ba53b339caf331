"""Operations: whether everything that Fairway depends on answers, and whether anything was lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from functions.api.requests import Request
from functions.api.views import at
from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from layers import bootstrap
from layers.domain.breaker import Mode

LONGEST_S = 2.0
KEPT_S = 2.0
MOST_AUDITED_ON_REQUEST = 50_000  # files
_kept: tuple[float, Any] = (0.0, None)
_lock = threading.Lock()


def health(_request: Request) -> tuple[int, Any]:
    """Each dependency's state; 503 only when the API itself can't work."""
    global _kept
    with _lock:
        if time.monotonic() - _kept[0] > KEPT_S or _kept[1] is None:
            _kept = (time.monotonic(), _look())
        dependencies = _kept[1]
    all_up = all(one["state"] != "down" for one in dependencies.values())
    body = {"status": "ok" if all_up else "degraded", "dependencies": dependencies}
    return (503 if dependencies["postgres"]["state"] == "down" else 200), body


def _look() -> dict[str, Any]:
    bell = bootstrap.work_signal()
    probes: dict[str, Callable[[], bool]] = {
        "postgres": lambda: bootstrap.store().is_up(),
        "object_store": lambda: bootstrap.objects().is_up(),
        "topics": lambda: bootstrap.topics().is_up(),
        "redis": lambda: bell is not None and bell.is_up(),
    }
    if scanner := bootstrap.scanner():
        probes["scanner"] = scanner.is_up
    paid = _paid_services()
    asked: dict[str, Callable[[], bool | None]] = probes | {name: probe for name, (probe, _) in paid.items()}
    pool = ThreadPoolExecutor(max_workers=len(asked))
    started = {name: pool.submit(probe) for name, probe in asked.items()}
    states: dict[str, Any] = {}
    for name, future in started.items():
        try:
            is_up = future.result(timeout=LONGEST_S)
        except Exception:
            is_up = False
        if is_up is None:
            states[name] = {"state": "unknown", "detail": paid[name][1]}
        else:
            states[name] = {"state": "up" if is_up else "down"}
    pool.shutdown(wait=False)
    # Built into the workers: these have no service of their own that could be asked.
    for name in ("ocr", "preview"):
        states[name] = {"state": "unknown", "detail": "runs inside the workers"}
    for name, breaker in bootstrap.breakers().states().items():
        if name in states and breaker.mode is not Mode.CLOSED:
            states[name] = {"state": "down", "detail": breaker.reason, "breaker": breaker_view(name)}
    return states


def breaker_view(dependency: str) -> dict[str, Any]:
    """A dependency's circuit breaker: whether it lets work through, and when it looks again."""
    breaker = bootstrap.breakers().state(dependency)
    if breaker.mode is Mode.CLOSED:
        return {"state": breaker.mode, "next_probe_at": None, "reason": None}
    probe_at = datetime.fromtimestamp(breaker.probe_at, UTC)
    return {"state": breaker.mode, "next_probe_at": at(probe_at), "reason": breaker.reason}


def _paid_services() -> dict[str, tuple[Callable[[], bool | None], str]]:
    """Services that are paid by the call, with a probe that costs nothing, and what an unknown state means."""
    kind, reader = bootstrap.settings().extraction, bootstrap.paid_reader()
    return {
        "extraction": (
            bootstrap.extractor().is_up,
            "runs inside the workers" if kind == "rules" else "configured; it has nothing to ask that costs nothing",
        ),
        "textract": (reader.is_up, "configured") if reader else (lambda: None, "not configured"),
    }


def audit(request: Request) -> tuple[int, Any]:
    """The conservation check: of the whole system for an admin, of its own tenant for an operator."""
    of = None if request.caller.role == "admin" else request.tenant_id
    last = request.catalog.row("last_audit", kind="rows") if of is None else None
    if last and last["checked"] > MOST_AUDITED_ON_REQUEST:
        totals, findings = _as_last_walked(request, last["findings"])
    else:
        audited = {"of_tenant_id": of, "main_steps": list(MAIN_STEPS), "side_artifacts": json.dumps(SIDE_ARTIFACTS)}
        totals = request.catalog.row("audit", **audited)
        findings = {row["finding"]: row["count"] for row in request.catalog.rows("audit_findings", **audited)}
    return 200, {
        **totals,
        "findings": findings,
        "balanced": not (findings or totals["lost"] or totals["doubled"]),
        "objects": _objects(request) if of is None else None,
    }


def _as_last_walked(request: Request, found: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Totals as they are now, and what upkeep's last walk through all rows found: too many for one request."""
    balance = request.catalog.row("audit_balance", of_tenant_id=None)
    lost = max(balance.pop("unaccounted"), found.get("lost", 0))
    totals = {**balance, "lost": lost, "doubled": found.get("doubled", 0)}
    return totals, {name: count for name, count in found.items() if name not in totals}


def _objects(request: Request) -> Any:
    """What upkeep's last walk through the bucket found."""
    last = request.catalog.row("last_audit", kind="objects")
    return last and {"as_of": at(last["ended_at"]), "checked": last["checked"], "findings": last["findings"]}
