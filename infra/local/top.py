"""`make top`: shows the steps, lanes, services and budgets of the running Fairway live in the terminal."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from fairway_client import Client, Refused
from fairway_client.cli.overview import screen
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from infra.local.home import read_json

REFRESH_S = 1.0
PLAIN_WIDTH = 120  # when the output is not a terminal


def main() -> int:
    """Show the screen until Ctrl-C, or print it once if the output is not a terminal."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--once", action="store_true", help="print the tables once")
    once = options.parse_args().once or not sys.stdout.isatty()
    endpoint = Path(os.environ.get("FAIRWAY_HOME") or ".fairway") / "endpoint.json"
    connection = read_json(endpoint)
    if not connection:
        found = "can't be read" if _is_there(endpoint) else "is missing"
        print(f"Fairway is not running: {endpoint} {found}. Start it with `make run`.", file=sys.stderr)
        return 1
    client = Client(connection["api_url"], connection["api_key"])
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    if once:
        console.print(_screen_of(client))
        return 0
    try:
        with Live(_screen_of(client), console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(REFRESH_S)
                live.update(_screen_of(client), refresh=True)
    except KeyboardInterrupt:
        return 0


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True


def _screen_of(client: Client) -> RenderableType:
    try:
        return screen(client.call("GET", "/operations"))
    except (Refused, OSError) as error:
        return Text(f"Fairway does not respond: {error}", style="red")


if __name__ == "__main__":
    sys.exit(main())
