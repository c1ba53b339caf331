"""Sets up the servers that Fairway uses: `python -m infra.setup`. It may be run again at any time.

It uses the same environment as the API and the workers, and FAIRWAY_OWNER_DATABASE_URL. It checks each server and its
version, and creates the database, its roles and tables, the first admin's key, the topics, and the bucket with its CORS
rules and events. It prints a line for each check and change: `ok`, `changed`, `by hand` for what only you can do, or
`wrong`. It exits with 1 if something is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from infra.setup.results import WRONG, print_results
from infra.setup.steps import PARTS, set_up


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.setup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events-to", default="", help="the ARN of the target that the bucket's events are sent to")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="set up only these parts")
    options = parser.parse_args(arguments)
    states = print_results(lambda settings: set_up(settings, options.events_to, options.only))
    return int(WRONG in states)


if __name__ == "__main__":
    sys.exit(main())
