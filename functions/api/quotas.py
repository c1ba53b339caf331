"""Quotas: what a tenant may have at once and announce in a day. They stop what is new; what was accepted goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.api.problems import Problem
from functions.api.requests import NewFile, Quota, Request

Row = dict[str, Any]
PROCESSING_AGAIN_S = 30
BYTES_AGAIN_S = 600
# Each quota by what counts against it (`schema/functions/note_files.sql`), and what it is called in a sentence.
COUNTED = {
    "files_in_processing": ("unsettled", "files in processing"),
    "bytes_stored": ("bytes", "bytes stored"),
    "files_a_day": ("day", "files a day"),
}


def check(request: Request, new: Sequence[NewFile]) -> None:
    """Raise Problem `quota_exceeded` where the tenant may not have so many new files.

    What it has is looked at under a lock that is held until this request is committed, so that requests at the same
    time can't all take what is left for one of them.
    """
    if not new:
        return
    quota = allowed(request)
    if not quota:
        return
    request.catalog.row("hold_quota")
    used = use(request)
    wanted = {"files_in_processing": len(new), "files_a_day": len(new), "bytes_stored": _bytes(new)}
    over = [name for name, most in quota.items() if used[name] + wanted[name] > most]
    if over:
        raise Problem(
            "quota_exceeded",
            "; ".join(_sentence(name, quota[name], used[name], wanted[name]) for name in over),
            [{"pointer": f"/quota/{name}", "detail": f"at most {quota[name]}"} for name in over],
            Retry_After=str(max(_again_s(name) for name in over)),
        )


def use(request: Request) -> dict[str, int]:
    """What the tenant has, by the names of the quotas."""
    counts = {row["state"]: row["amount"] for row in request.catalog.rows("tenant_use")}
    return {name: counts.get(counted, 0) for name, (counted, _) in COUNTED.items()}


def allowed(request: Request) -> dict[str, int]:
    """The tenant's quotas, by name."""
    row = request.catalog.row("quota")
    known = row["quota"] if row else {}
    return {name: known[name] for name in Quota.model_fields if known.get(name) is not None}


def _bytes(new: Sequence[NewFile]) -> int:
    return sum(file.size_bytes for file in new)


def _sentence(name: str, most: int, used: int, wanted: int) -> str:
    if wanted > most:
        return f"{COUNTED[name][1]}: at most {most} are allowed, fewer than these {wanted}; send fewer at once"
    return f"{COUNTED[name][1]}: {used} of {most} are in use, and these would be {wanted} more"


def _again_s(name: str) -> int:
    if name == "files_a_day":
        now = datetime.now(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return max(1, round((midnight - now).total_seconds()))
    return BYTES_AGAIN_S if name == "bytes_stored" else PROCESSING_AGAIN_S
