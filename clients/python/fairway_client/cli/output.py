"""What `fairway` prints: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

PLAIN_WIDTH = 140  # where the output is not a terminal
COLOURS = {
    "done": "green",
    "partial": "yellow",
    "failed": "red",
    "upload_missing": "red",
    "ok": "green",
    "wrong": "red",
}


def files(count: int) -> str:
    """A number of files in words."""
    return f"{count:,} file{'' if count == 1 else 's'}"


def in_words(by_state: Mapping[str, int]) -> str:
    """The numbers of files by state."""
    return ", ".join(f"{count:,} {state}" for state, count in sorted(by_state.items())) or "empty"


class Output:
    """Prints results to standard output, and everything else to standard error."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
        self.notes = Console(stderr=True, highlight=False)

    def result(self, value: Any) -> None:
        """One JSON value on one line."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        self.notes.print(escape(text), soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        table = Table(title=escape(title), title_justify="left", header_style="bold")
        for column in columns:
            table.add_column(escape(column), overflow="fold")
        for row in rows:
            table.add_row(*map(_cell, row))
        self.console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return f"[{COLOURS[text]}]{text}[/]" if text in COLOURS else text
