"""Reports: shows the figures of a day, by tenant and dataset, as JSON, CSV or a page."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from functions.api.jobs import run_for_system
from functions.api.records import cell
from functions.api.requests import Request, Response, bad_parameter
from functions.api.views import at
from functions.job_kinds import REPORT
from functions.pipelines import STEPS
from functions.report import start_of, yesterday
from layers.ports.catalog import Catalog
from layers.ports.reports import ReportRow

Shown = dict[str, Any]
FORMATS = ("json", "csv", "html")
OLDEST_DAYS = 366
FRESH_S = 60.0  # the report of a day that has not ended is made again after this time
TRIES = 3
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "html": "text/html; charset=utf-8"}
# The names in the page come from tenants.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
COLUMNS = ("files", "pages", "records", "complete_records", "attempts", "failed_attempts", "error_rate", "cost_s")


def show(request: Request) -> Response:
    """The report of a day. If it was not made after the day, or is old, a worker makes it: 202 if that goes on."""
    day = _day(request)
    form = request.one_of("format", FORMATS) or "json"
    limit = request.whole_number("limit", 1000, 1, 1000)
    position = request.position(f"report {day}")
    fresh_from = datetime.now(UTC) - timedelta(seconds=FRESH_S)
    for _ in range(TRIES):
        with request.ports.catalogs.transaction() as catalog:
            catalog.act_as(request.tenant_id, is_system=request.caller.sees_system)
            made_at = catalog.report_day(day)
            if made_at and _is_fresh(day, made_at, fresh_from):
                return _response(request, catalog, day, made_at, form, limit, position)
        # The open job may be that of another day.
        status, job = run_for_system(request, REPORT, {"day": day.isoformat()})
        if status != 200:
            break
    return Response(202, _shown_to(request, job))


def _day(request: Request) -> date:
    text = request.query.get("day")
    try:
        day = date.fromisoformat(text) if text is not None else yesterday()
    except ValueError:
        raise bad_parameter("day", "is not a date such as 2026-01-15") from None
    today = datetime.now(UTC).date()
    if not today - timedelta(days=OLDEST_DAYS) <= day <= today:
        raise bad_parameter("day", f"must be one of the last {OLDEST_DAYS} days")
    return day


def _is_fresh(day: date, made_at: datetime, fresh_from: datetime) -> bool:
    is_after_day = made_at >= start_of(day) + timedelta(days=1)
    return is_after_day or made_at >= fresh_from


def _shown_to(request: Request, job: Shown) -> Shown:
    """The job, without what only those see who see the whole system."""
    return job if request.caller.sees_system else job | {"result": {}}


def _response(
    request: Request, catalog: Catalog, day: date, made_at: datetime, form: str, limit: int, position: list[Any] | None
) -> Response:
    after = (str(position[0]), str(position[1])) if position else None
    rows = catalog.reports(request.caller.seen_tenant, day, after, limit + 1)
    shown = rows[:limit]
    last = [str(shown[-1].tenant_id), str(shown[-1].dataset_id)] if len(rows) > limit else None
    following = request.cursor(f"report {day}", last) if last else None
    views = [_view(row) for row in shown]
    if form == "json":
        body = {"day": day.isoformat(), "as_of": at(made_at), "datasets": views, "next_cursor": following}
        return Response(200, body)
    text = _as_csv(views) if form == "csv" else _as_page(day, made_at, views)
    headers = {"Content-Security-Policy": POLICY} if form == "html" else {}
    if following:
        query = urlencode({"day": day.isoformat(), "format": form, "limit": limit, "cursor": following})
        headers["Link"] = f'</operations/report?{query}>; rel="next"'
    return Response(200, text=text, media_type=MEDIA_TYPES[form], headers=headers)


def _view(row: ReportRow) -> Shown:
    figures = row.figures
    rate = figures["failed_attempts"] / figures["attempts"] if figures["attempts"] else 0.0
    return {
        "tenant_id": str(row.tenant_id),
        "tenant": row.tenant_name,
        "dataset_id": str(row.dataset_id),
        "dataset": row.dataset_name,
        **figures,
        "error_rate": round(rate, 4),
    }


def _as_csv(views: list[Shown]) -> str:
    """RFC 4180, a row for each dataset, and one for each of its steps."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerow(("tenant", "dataset_id", "dataset", "step", *COLUMNS, "p50_s", "p95_s"))
    for view in views:
        names = [view["tenant"], view["dataset_id"], view["dataset"]]
        writer.writerow([cell(value) for value in (*names, "", *(view[name] for name in COLUMNS), "", "")])
        for step in [name for name in STEPS if name in view["steps"]]:
            times = view["steps"][step]
            figures = {"attempts": times["attempts"], "failed_attempts": times["failed"], "cost_s": times["cost_s"]}
            values = [figures.get(name, "") for name in COLUMNS]
            writer.writerow([cell(value) for value in (*names, step, *values, times["p50_s"], times["p95_s"])])
    return stream.getvalue()


def _as_page(day: date, made_at: datetime, views: list[Shown]) -> str:
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in ("tenant", "dataset", *COLUMNS, "errors"))
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(str(view[name]))}</td>" for name in ("tenant", "dataset", *COLUMNS))
        + f"<td>{escape(', '.join(f'{code}: {count}' for code, count in view['errors'].items()))}</td></tr>"
        for view in views
    )
    style = "body{font:14px system-ui;margin:2em}td,th{padding:.3em .8em;text-align:left;border-bottom:1px solid #ddd}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Fairway on {day}</title><style>{style}</style>'
        f"<h1>Files created on {day}</h1><p>As of {at(made_at)}</p><table><tr>{head}</tr>{rows}</table></html>"
    )
