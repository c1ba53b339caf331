"""Changes: lists what changed in a dataset after a cursor. A call may wait until something changes.

Changes are ordered by transaction id, and only those below the oldest running transaction are shown. So a transaction
that commits late never adds a change before the reader's cursor, and the reader sees each change at least once.
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
from functions.api.access import check_key, notification_of
from functions.api.requests import Request, Response, bad_parameter
from functions.api.row_views import MOST_ROWS, encode, row_texts, with_texts
from functions.api.views import file_views

LONGEST_WAIT_S = 30
CHECK_AGAIN_S = 15.0  # while notifications arrive: in case one was lost
CHECK_AGAIN_DISCONNECTED_S = 1.0
# Pauses after a notification of a change that is not visible yet, because an older transaction is still running.
SOON_S = (0.02, 0.05, 0.1, 0.2, 0.4)
POLL_AFTER_S = 2
WAITING_A_TENANT = 250
MOST_WAITING = 280
VIEWS = ("file", "row")
FIRST_ID = "00000000-0000-0000-0000-000000000000"
_waiting: Counter[str] = Counter()
_lock = threading.Lock()


def show(request: Request, dataset_id: str) -> Response:
    shows_rows = request.one_of("view", VIEWS) == "row"
    limit = request.whole_number("limit", 200, 1, MOST_ROWS if shows_rows else 200)
    wait_s = request.whole_number("wait_s", 0, 0, 3600)
    position = request.position(f"changes {dataset_id}", "after")
    if position is None:
        raise bad_parameter("after", "must be the `changes_cursor` of a listing or the `cursor` of earlier changes")
    notifications = request.ports.notifications
    names = (dataset_id, notification_of(request.caller.key_id))
    with _may_wait(request.tenant_id) as may_wait:
        longest_s = min(wait_s, LONGEST_WAIT_S, request.ports.settings.longest_wait_s) if may_wait else 0
        # A random part of the time, so that clients that called at the same time do not all call again at the same time.
        deadline = time.monotonic() + longest_s * random.uniform(0.6, 1.0)
        soon: Iterator[float] = iter(())
        while True:
            count = notifications.count(*names)
            views, others = _changes(request, dataset_id, position, limit, shows_rows)
            left_s = deadline - time.monotonic()
            if views or others["removed"] or left_s <= 0:
                return Response(200, text=with_texts("files", views, others))
            # Random, so that calls that began at the same time do not all check at the same time.
            check_s = CHECK_AGAIN_S if notifications.is_connected else CHECK_AGAIN_DISCONNECTED_S
            pause_s = next(soon, check_s * random.uniform(0.6, 1.0))
            if notifications.wait(names, count, min(pause_s, left_s)):
                soon = iter(SOON_S)


def first_cursor(request: Request, dataset_id: str) -> str:
    """The cursor for changes after a listing. Read it before the listing, so that no change is missed."""
    return request.cursor(f"changes {dataset_id}", [request.catalog.horizon(), FIRST_ID])


def _changes(
    request: Request, dataset_id: str, position: list[Any], limit: int, shows_rows: bool
) -> tuple[list[str], dict[str, Any]]:
    """The changed files as JSON texts, and the other members of the response."""
    with request.ports.catalogs.transaction() as catalog:
        catalog.act_as(request.tenant_id)
        check_key(request.caller, catalog)  # the key may have been revoked while the call waited
        datasets.existing(Request(request.caller, request.ports, catalog), dataset_id)
        rows = catalog.changes(dataset_id, position[0], position[1], limit + 1)
        shown = rows[:limit]
        live = [row.file_id for row in shown if not row.removed]
        if shows_rows:
            views = row_texts(request.ports, catalog, live)
        else:
            views = list(map(encode, file_views(request.ports, catalog, catalog.files_by_id(live)))) if live else []
        has_more = len(rows) > limit
        if not shown:
            following = position
        elif has_more:
            following = [shown[-1].changed_xid, str(shown[-1].file_id)]
        else:
            following = [shown[-1].horizon, FIRST_ID]  # all changes below the horizon were read
    return views, {
        "removed": [str(row.file_id) for row in shown if row.removed],
        "cursor": request.cursor(f"changes {dataset_id}", following),
        "has_more": has_more,
        "poll_after_s": 0 if has_more else POLL_AFTER_S,
    }


@contextmanager
def _may_wait(tenant_id: str) -> Iterator[bool]:
    """Whether a call may wait: False while too many calls of the tenant, or of this process, are waiting."""
    with _lock:
        has_room = _waiting[tenant_id] < WAITING_A_TENANT and _waiting.total() < MOST_WAITING
        _waiting[tenant_id] += has_room
    try:
        yield has_room
    finally:
        with _lock:
            _waiting[tenant_id] -= has_room
