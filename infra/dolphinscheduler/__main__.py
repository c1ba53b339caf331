"""Installs Fairway's scheduled work in a DolphinScheduler, 3.1 or newer.

python -m infra.dolphinscheduler install --url http://host:12345/dolphinscheduler --token ... --api-url http://host:8000
python -m infra.dolphinscheduler status|remove --url ... --token ...

The workflows call Fairway with a key, which they read from a file on the hosts that run tasks: --key-file. Without it, the
key of FAIRWAY_SCHEDULER_KEY is stored in DolphinScheduler. The token may be in DOLPHINSCHEDULER_TOKEN instead.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from infra.dolphinscheduler.client import Client, DolphinSchedulerError
from infra.dolphinscheduler.installation import Installation, Target
from infra.dolphinscheduler.workflows import declared
from infra.schedules.__main__ import KEY

TOKEN = "DOLPHINSCHEDULER_TOKEN"  # noqa: S105  (the name of a variable)
KEPT = "DolphinScheduler stores the key and writes it to the logs of its servers and tasks. --key-file avoids that."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.dolphinscheduler", description="Installs Fairway's scheduled work in a DolphinScheduler."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("install", "create or update the workflows, which call Fairway with the key of a scheduler"),
        ("status", "show the installed workflows and their last runs"),
        ("remove", "delete the workflows and their environment"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("--url", required=True, help="DolphinScheduler's address, with /dolphinscheduler")
        command.add_argument("--token", default=os.environ.get(TOKEN, ""), help=f"an access token; default: {TOKEN}")
    install = commands.choices["install"]
    install.add_argument(
        "--api-url", required=True, help="Fairway's address, as the workers of DolphinScheduler reach it"
    )
    install.add_argument(
        "--key-file",
        default="",
        help=f"the file with the key, on each host that runs tasks; otherwise the key of {KEY} is stored, and logged",
    )
    install.add_argument("--tenant", default="default", help="the tenant, or user of the host, that runs the tasks")
    install.add_argument("--dataset", default="", help="the dataset that is imported into and planned for each week")
    install.add_argument("--bucket", default="", help="the bucket to import from each day")
    install.add_argument("--prefix", default="", help="the prefix of keys, before the day")
    return parser


def _install(installation: Installation, chosen: argparse.Namespace) -> list[str]:
    key = "" if chosen.key_file else os.environ.get(KEY, "")
    if not key and not chosen.key_file:
        raise DolphinSchedulerError(f"name a file by --key-file, or set {KEY}, to a key with the role scheduler")
    if key:
        print(f"Warning: {KEPT}", file=sys.stderr)
    target = Target(chosen.api_url, key, chosen.tenant, chosen.key_file)
    done = installation.install(target, declared(chosen.dataset, chosen.bucket, chosen.prefix))
    return done or ["everything is installed already"]


def _status(installation: Installation) -> list[str]:
    rows = installation.status()
    lines = [
        f"{row['workflow']:<24} {row['state']:<8} {row['schedule'] or 'no schedule':<36} {row['last_run'] or 'no run yet'}"
        for row in rows
    ]
    return lines or ["nothing is installed"]


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    if not chosen.token:
        print(f"Give an access token by --token or in {TOKEN}.", file=sys.stderr)
        return 2
    installation = Installation(Client(chosen.url, chosen.token))
    try:
        if chosen.command == "install":
            lines = _install(installation, chosen)
        elif chosen.command == "status":
            lines = _status(installation)
        else:
            lines = installation.remove() or ["nothing is installed"]
    except DolphinSchedulerError as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
