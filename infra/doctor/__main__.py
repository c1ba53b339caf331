"""Diagnoses an installation: `python -m infra.doctor [--home FOLDER] [--verify]`.

It uses the environment of a worker. Run it on a worker's host, because it also checks the languages, programs and disks
there. It prints one line for each check, with `ok`, `warning` or `wrong` and what to do. It changes nothing, except
that it stores a small object and deletes it again, to check whether events of new objects arrive.

With --verify it compares rows, objects and checksums instead. That only reads.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.doctor.checks import examine
from infra.doctor.verify import NOT_CHECKED, Doctor, report
from infra.local.home import Home, read_json
from infra.setup.results import OK, WARNING, WRONG, print_results
from layers import bootstrap


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    home = options.home or (None if os.environ.get("FAIRWAY_DATABASE_URL") else os.environ.get("FAIRWAY_HOME"))
    if home and not use_home(Home(Path(home))):
        print(f"No running Fairway was found in {home}. Start it, or name its folder with --home.", file=sys.stderr)
        return NOT_CHECKED
    if options.verify:
        objects_folder = Home(Path(home)).objects if home else None
        return report(Doctor(bootstrap.store(), bootstrap.objects(), objects_folder, options.tenant), options.after)
    return _examine()


def _examine() -> int:
    """Print all results and a summary. Returns the exit code: 1 if something is wrong."""
    states = print_results(examine)
    counts = ", ".join(f"{states[state]} {state}" for state in (OK, WARNING, WRONG))
    print(f"Checked: {counts}.")
    return int(WRONG in states)


def use_home(home: Home) -> bool:
    """Set the environment of the embedded start of a home. Returns False if none is running."""
    endpoint = read_json(home.endpoint)
    if not endpoint:
        return False
    os.environ |= {
        "FAIRWAY_HOME": str(home.path),
        "FAIRWAY_DATABASE_URL": endpoint["database_url"],
        "FAIRWAY_REDIS_URL": endpoint["redis_url"],
        "FAIRWAY_BUCKET": endpoint["bucket"],
        "FAIRWAY_STORE_PUBLIC_URL": endpoint["store_public_url"],
        "AWS_ENDPOINT_URL": endpoint["aws_endpoint_url"],
        "AWS_ACCESS_KEY_ID": endpoint["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": endpoint["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return True


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verify", action="store_true", help="compare rows, objects and checksums")
    parser.add_argument("--home", type=Path, help="the folder of a running embedded start; without it, the environment")
    parser.add_argument("--tenant", help="with --verify: check this tenant only")
    parser.add_argument("--after", default="", help="with --verify: continue after the file with this id")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
