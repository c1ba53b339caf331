"""The commands that show how Fairway does: `login`, `doctor`, `top` and `completion`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import shtab
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from fairway_client.access import Access, config_path, keep_access, parse_link
from fairway_client.cli.output import Output
from fairway_client.cli.overview import screen
from fairway_client.client import Client, Refused

MOST_SKEW_S = 60
Check = tuple[str, bool, str]


def login(arguments: argparse.Namespace, output: Output) -> int:
    """Exchange the one-time code of a link for a key, and keep it."""
    link = arguments.link or input("Link with a one-time code: ").strip()
    api_url, code = parse_link(link)
    session = Client.exchange(api_url, code)
    path = config_path()
    keep_access(Access(api_url, session["api_key"], str(path)), path)
    if output.as_json:
        output.result(
            {"api_url": api_url, "role": session["role"], "expires_at": session["expires_at"], "path": str(path)}
        )
    else:
        output.note(f"Signed in at {api_url} as {session['role']} until {session['expires_at']}; kept in {path}.")
    return 0


def doctor(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Check the address, the clock, the services and the key. Returns 1 if something is wrong."""
    checks = list(_checks(access))
    if output.as_json:
        output.result([{"check": name, "ok": is_ok, "detail": detail} for name, is_ok, detail in checks])
    else:
        output.table(
            "Checks", ("check", "", "detail"), ((name, "ok" if ok else "wrong", what) for name, ok, what in checks)
        )
    return 0 if all(is_ok for _, is_ok, _ in checks) else 1


def _checks(access: Access) -> Iterator[Check]:
    yield "configuration", True, access.source
    try:
        with httpx.Client(base_url=access.api_url, timeout=20, trust_env=False) as http:
            response = http.get("/health")
        health = response.json()
    except (httpx.TransportError, ValueError) as error:
        yield "address", False, f"{access.api_url} does not answer as Fairway: {error}"
        return
    yield "address", True, access.api_url
    yield _clock(response)
    for name, dependency in sorted(health["dependencies"].items()):
        yield name, dependency["state"] != "down", dependency.get("detail") or dependency["state"]
    try:
        me = access.client().me()
    except Refused as refusal:
        yield "key", False, str(refusal)
        return
    until = f", until {me['expires_at']}" if me["expires_at"] else ""
    limits = "; it shows everything and may change nothing" if me["role"] == "viewer" else ""
    yield "key", True, f"{me['role']} of {me['tenant']['name']}{until}{limits}"


def _clock(response: httpx.Response) -> Check:
    if "date" not in response.headers:
        return "clock", True, "the server does not tell its time"
    skew_s = (datetime.now(UTC) - parsedate_to_datetime(response.headers["date"])).total_seconds()
    return (
        "clock",
        abs(skew_s) < MOST_SKEW_S,
        f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the server",
    )


def top(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Show what the steps do, live; with --once or --json, once."""
    client = access.client()
    if output.as_json:
        output.result(client.call("GET", "/operations"))
        return 0
    if arguments.once:
        output.console.print(_overview(client))
        return 0
    with Live(_overview(client), console=output.console, screen=True) as live:
        while True:
            time.sleep(arguments.every_s)
            live.update(_overview(client))


def _overview(client: Client) -> RenderableType:
    try:
        return screen(client.call("GET", "/operations"))
    except (Refused, httpx.TransportError) as error:
        return Text(f"Fairway does not answer: {error}", style="red")


def completion(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print a script of completions: `eval "$(fairway completion bash)"`."""
    print(shtab.complete(parser, arguments.shell))
    return 0
