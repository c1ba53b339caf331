"""The kinds of jobs."""

from __future__ import annotations

UPKEEP, PULSE, PURGE, REPORT = "upkeep", "pulse", "purge", "report"
IMPORT, PLAN, APPLY, ROLLBACK = "import", "plan", "apply", "rollback"
TENANT = "tenant"  # export and erasure of a whole tenant

KINDS = (UPKEEP, PULSE, PURGE, REPORT, IMPORT, PLAN, APPLY, ROLLBACK, TENANT)
# These may be requested every minute: their history is kept for a day only.
FREQUENT_KINDS = (UPKEEP, PULSE, REPORT)


def notification_of(job_id: object) -> str:
    """The name under which calls that wait for a job are notified."""
    return f"job:{job_id}"
