"""What a scenario measured, beside what it is to reach."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).resolve().parent.parent.parent / "build" / "chaos"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured. `holds`: whether it reached what it is to reach."""

    what: str
    value: Any
    reach: str = ""
    holds: bool = True


def at_most(what: str, value: float, most: float) -> Figure:
    return Figure(what, value, f"at most {most:g}", value <= most)


def at_least(what: str, value: float, least: float) -> Figure:
    return Figure(what, value, f"at least {least:g}", value >= least)


def exactly(what: str, value: Any, wanted: Any) -> Figure:
    return Figure(what, value, str(wanted), value == wanted)


def most_in_a_second(moments: Sequence[float]) -> int:
    """How many of these moments, in order, lie within one second at most."""
    return max((bisect_right(moments, first + 1.0) - place for place, first in enumerate(moments)), default=0)


def show(name: str, title: str, figures: Sequence[Figure]) -> None:
    """Print them as a table, and keep them in build/chaos/<name>.json."""
    table = Table("what", "measured", "to reach", title=title, title_justify="left")
    for one in figures:
        table.add_row(one.what, str(one.value), one.reach if one.holds else f"[red]{one.reach}[/]")
    Console(width=120).print(table)
    OUT.mkdir(parents=True, exist_ok=True)
    kept = [{"what": one.what, "value": one.value, "reach": one.reach, "holds": one.holds} for one in figures]
    (OUT / f"{name}.json").write_text(json.dumps(kept, indent=1, default=str))
