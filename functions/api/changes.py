"""Changes: what of a dataset is new since a reader last looked, held open until there is something.

The order is that of transaction ids, read only below the oldest transaction that is still at work: a commit that
comes late appears behind what was read, never before it. A reader sees each change at least once.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from functions.api import datasets
from functions.api.requests import Request, bad_parameter
from functions.api.views import file_views
from layers import bootstrap

LONGEST_WAIT_S = 30
LOOK_AGAIN_S = 15.0  # by itself, while news comes through: a net beneath it
LOOK_AGAIN_DEAF_S = 1.0  # while it does not
SOON_S = (0.02, 0.05, 0.1, 0.2, 0.4)  # after news that can't be seen yet: an older transaction is still at work
POLL_AFTER_S = 2
HELD_OPEN_A_TENANT = 250
HELD_OPEN = 280
FIRST = "00000000-0000-0000-0000-000000000000"
_held: Counter[str] = Counter()
_lock = threading.Lock()


def show(request: Request, dataset_id: str) -> tuple[int, Any]:
    limit = request.whole_number("limit", 200, 1, 200)
    wait_s = request.whole_number("wait_s", 0, 0, 3600)
    place = request.place(f"changes {dataset_id}", "after")
    if place is None:
        raise bad_parameter("after", "must be the `changes_cursor` of a listing or the `cursor` of earlier changes")
    news = bootstrap.change_notifications()
    with _seat(request.tenant_id) as may_wait:
        longest_s = min(wait_s, LONGEST_WAIT_S, bootstrap.settings().longest_wait_s) if may_wait else 0
        # Up to what was asked for: watchers that came together do not all come back together.
        deadline = time.monotonic() + longest_s * random.uniform(0.6, 1.0)
        soon: Iterator[float] = iter(())
        while True:
            seen = news.count(dataset_id)
            found = _look(request, dataset_id, place, limit)
            left_s = deadline - time.monotonic()
            if found["files"] or found["removed"] or left_s <= 0:
                return 200, found
            # Watchers that came together must not look together for ever.
            pause_s = next(soon, (LOOK_AGAIN_S if news.is_connected else LOOK_AGAIN_DEAF_S) * random.uniform(0.6, 1.0))
            if news.wait(dataset_id, seen, min(pause_s, left_s)):
                soon = iter(SOON_S)


def first_cursor(request: Request, dataset_id: str) -> str:
    """Where a reader begins who is about to be shown the listing: to be asked for before the listing is read."""
    horizon = request.catalog.row("horizon")["horizon"]
    return request.cursor(f"changes {dataset_id}", [horizon, FIRST])


def _look(request: Request, dataset_id: str, place: list[Any], limit: int) -> dict[str, Any]:
    with bootstrap.catalog().transaction() as catalog:
        catalog.be(request.tenant_id)
        datasets.existing(Request(request.caller, catalog, request.ports), dataset_id)
        rows = catalog.rows("changes", dataset_id=dataset_id, after_xid=place[0], after_id=place[1], limit=limit + 1)
        shown = rows[:limit]
        alive = [row["file_id"] for row in shown if not row["removed"]]
        files = catalog.rows("files_by_id", file_ids=alive) if alive else []
        views = file_views(catalog, files)
        has_more = len(rows) > limit
        if not shown:
            following = place
        elif has_more:
            following = [shown[-1]["changed_xid"], str(shown[-1]["file_id"])]
        else:
            following = [shown[-1]["horizon"], FIRST]  # nothing below the horizon is left
    return {
        "files": views,
        "removed": [str(row["file_id"]) for row in shown if row["removed"]],
        "cursor": request.cursor(f"changes {dataset_id}", following),
        "has_more": has_more,
        "poll_after_s": 0 if has_more else POLL_AFTER_S,
    }


@contextmanager
def _seat(tenant_id: str) -> Iterator[bool]:
    """A place among the calls that are held open; False where the tenant, or this process, has no more of them."""
    with _lock:
        has_room = _held[tenant_id] < HELD_OPEN_A_TENANT and _held.total() < HELD_OPEN
        _held[tenant_id] += has_room
    try:
        yield has_room
    finally:
        with _lock:
            _held[tenant_id] -= has_room
