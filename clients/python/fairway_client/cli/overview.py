"""The response of `GET /operations` as tables: steps, lanes, services and budgets."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

MAX_LANES = 12
STATES = ("ready", "queued", "running", "retrying", "parked")
Json = dict[str, Any]


def screen(operations: Json) -> RenderableType:
    """The response of GET /operations as tables."""
    parts: list[RenderableType] = [_title(operations), "", _steps(operations["steps"]), ""]
    if operations["lanes"]:
        parts += [_lanes(operations["lanes"]), ""]
    return Group(*parts, _services(operations["dependencies"], operations["budgets"]))


def _title(operations: Json) -> Text:
    waiting = sum(step["ready"] for step in operations["steps"].values())
    running = sum(step["running"] for step in operations["steps"].values())
    scope = "all tenants" if operations["tenant_id"] is None else "one tenant"
    at = operations["as_of"][11:19]
    return Text.from_markup(
        f"[bold]Fairway[/]  {at} UTC  {scope}  [bold]{running}[/] running  [bold]{waiting}[/] waiting"
    )


def _steps(steps: dict[str, Json]) -> Table:
    table = _table("step", *STATES, "oldest", "done/min", "errors", "p50", "p95", "concurrency")
    for name, step in steps.items():
        duration = step["duration_s"] or {}
        table.add_row(
            name,
            *(_count(state, step[state]) for state in STATES),
            _time(step["oldest_s"]),
            f"{step['done_a_minute']:g}" if step["done_a_minute"] else "·",
            _share(step["error_rate"]),
            _time(duration.get("p50")),
            _time(duration.get("p95")),
            str(step["concurrency"] or "·"),
        )
    return table


def _lanes(lanes: list[Json]) -> Table:
    table = _table("lane", "tenant", "weight", "batches", "files", "parts", "work", "oldest")
    for lane in lanes[:MAX_LANES]:
        figures = [f"{lane['weight']:g}", *(str(lane[name]) for name in ("batches", "files", "parts"))]
        table.add_row(lane["step"], escape(lane["tenant"]), *figures, _time(lane["cost_s"]), _time(lane["oldest_s"]))
    if len(lanes) > MAX_LANES:
        table.add_row("…", f"{len(lanes) - MAX_LANES} more", *[""] * 6)
    return table


def _services(dependencies: dict[str, Json], budgets: dict[str, Json]) -> Table:
    table = _table("service", "breaker", "next probe", "rate", "available", "reason")
    for name, breaker in dependencies.items():
        colour = {"closed": "green", "half_open": "yellow"}.get(breaker["state"], "red")
        budget = budgets.get(name)
        rate = f"{budget['per_s']:g} of {budget['full_per_s']:g}/s" if budget else "·"
        table.add_row(
            name,
            f"[{colour}]{breaker['state']}[/]",
            (breaker["next_probe_at"] or "·")[11:19] or "·",
            rate,
            str(budget["room"]) if budget else "·",
            escape(breaker["reason"] or ""),
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold cyan", title_justify="left")
    table.add_column(first, no_wrap=True)
    for name in others:
        is_text = name in ("tenant", "breaker", "reason")
        table.add_column(name, justify="left" if is_text else "right", no_wrap=name != "reason", overflow="ellipsis")
    return table


def _count(state: str, count: int) -> str:
    if not count:
        return "[dim]·[/]"
    return f"[yellow]{count}[/]" if state in ("retrying", "parked") else f"{count}"


def _share(rate: float | None) -> str:
    if not rate:
        return "·"
    return f"[red]{rate:.1%}[/]"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "·"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
