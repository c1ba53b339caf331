"""The audit log: adds an entry for each request that changes something, and shows, exports and checks the log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from functions.api.requests import Caller, Request, Response
from functions.api.views import at
from layers.domain.audit_log import entry_text
from layers.ports.audit_log import AuditLogEntry
from layers.ports.catalog import Catalog

Shown = dict[str, Any]
FORMATS = ("json", "jsonl")
READS = ("GET",)  # all other methods change something
LONGEST_TEXT = 200
MOST_NAMES = 20
LONGEST_BODY = 1 << 20
NAME = re.compile(r"[a-z_]{1,40}")
CHECKED_AT_ONCE = 10_000


def note(
    catalog: Catalog,
    action: str,
    caller: Caller,
    ids: Mapping[str, str],
    request: Request,
    response: Response | None,
) -> None:
    """Add an entry for a request, as the last statement of its transaction. `response` is None while it is not known.

    Of the body only the names of its members are kept: values are erased elsewhere, and could not be here.
    """
    body = response.body if response else None
    entry = {
        "action": action,
        "ids": dict(ids),
        "created": body["id"] if isinstance(body, dict) and isinstance(body.get("id"), str) else None,
        "query": {name[:LONGEST_TEXT]: value[:LONGEST_TEXT] for name, value in request.query.items()},
        "members": _names(request.body),
        "status": response.status if response else None,
        "key_id": caller.key_id,
        "role": caller.role,
        "person": caller.name,
        "address": request.address[:LONGEST_TEXT],
        "agent": request.headers.get("user-agent", "")[:LONGEST_TEXT] or None,
    }
    catalog.add_to_audit_log(action, caller.key_id, entry_text(entry))


def show(request: Request) -> Response:
    form = request.one_of("format", FORMATS) or "json"
    limit = request.whole_number("limit", 100, 1, 1000)
    chosen = {
        "action": request.query.get("action"),
        "key_id": request.id("key"),
        "since": request.time("since"),
        "until": request.time("until"),
    }
    listing = f"audit log {form} " + json.dumps(chosen, default=str)
    position = request.position(listing)
    rows = request.catalog.audit_log(
        **chosen,  # type: ignore[arg-type]
        after=int(position[0]) if position else None,
        oldest_first=form == "jsonl",
        limit=limit + 1,
    )
    following = request.cursor(listing, [rows[limit - 1].number]) if len(rows) > limit else None
    entries = [_view(row) for row in rows[:limit]]
    if form == "json":
        return Response(200, {"entries": entries, "next_cursor": following})
    headers = {}
    if following:
        kept = {name: request.query[name] for name in ("action", "key", "since", "until") if name in request.query}
        query = urlencode({"format": form, **kept, "limit": limit, "cursor": following})
        headers["Link"] = f'</audit-log?{query}>; rel="next"'
    text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries)
    return Response(200, text=text, media_type="application/x-ndjson", headers=headers)


def check(request: Request) -> tuple[int, Any]:
    """Check the chain of hashes, a part at a time. A part begins with the last entry of the part before."""
    position = request.position("audit log check")
    found = request.catalog.check_audit_log(int(position[0]) if position else 1, CHECKED_AT_ONCE)
    has_more = found.checked == CHECKED_AT_ONCE and found.broken_at is None
    return 200, {
        "checked": found.checked,
        "last_number": found.last_number,
        "intact": found.broken_at is None,
        "broken_at": found.broken_at,
        "next_cursor": request.cursor("audit log check", [found.last_number]) if has_more else None,
    }


def _view(row: AuditLogEntry) -> Shown:
    return {
        "number": row.number,
        "at": at(row.at),
        "entry": json.loads(row.entry),
        "previous_hash": row.previous_hash,
        "hash": row.hash,
    }


def _names(body: bytes) -> list[str]:
    """The names of the members of a JSON object; empty for anything else, and for bodies that are long lists."""
    if len(body) > LONGEST_BODY:
        return []
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return []
    names = content if isinstance(content, dict) else {}
    return sorted(name for name in names if NAME.fullmatch(name))[:MOST_NAMES]
