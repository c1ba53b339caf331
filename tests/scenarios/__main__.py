"""Outage scenarios at full length.

    python -m tests.scenarios [NAME ...]

Runs the named scenarios, or all of them, prints their measurements, and exits with 1 if one does not reach its target.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.scenarios import busy_host, own_servers, services
from tests.scenarios.measurements import Measurement, show
from tests.scenarios.system import System

LONG: dict[str, tuple[str, Callable[[System], list[Measurement]]]] = {
    "throttled": (
        "500 scans of three pages, and a Textract that takes 10 calls a second",
        partial(services.throttled, count=500, pages=3, calls_per_s=10, least_used=0.95, within_s=600),
    ),
    "down_for_hours": (
        "The model is down for 2 hours while 2,000 files wait",
        partial(services.down_for_hours, count=2000, hours=2, calls_per_s=20, within_s=900),
    ),
    "ocr_fails": ("OCR fails on every page", partial(services.ocr_fails, count=100, again_count=50, within_s=600)),
    "printer_down": (
        "The service that converts office documents to PDF is down",
        partial(services.printer_down, count=50, others=50, within_s=600),
    ),
    "without_redis": (
        "Redis is down for 60 s under load",
        partial(own_servers.without_redis, count=1000, seconds=60, least_share=0.8, within_s=900),
    ),
    "wiped_topics": (
        "All topics lose all messages: before anything has run, and three times under load",
        partial(own_servers.wiped_topics, count=300, times=3, sets_clock=False, within_s=600),
    ),
    "restarts": (
        "PostgreSQL is restarted five times under load",
        partial(own_servers.restarts, count=400, scanned=100, times=5, within_s=600),
    ),
    "object_store_down": (
        "The object store is unreachable for 10 minutes",
        partial(own_servers.object_store_down, count=100, within_s=300),
    ),
    "busy_host": (
        "A busy loop on each core for four minutes while scans and photos are read",
        partial(busy_host.busy_host, scans=10, pages=4, photos=20, loops_s=240, within_s=1200),
    ),
}


SETTINGS = {
    # The tokens that 20 calls a second to the stand-in of the model use.
    "down_for_hours": {"FAIRWAY_EXTRACTION_TOKENS_PER_MIN": "340000"},
    "busy_host": busy_host.SETTINGS,
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(LONG)}")
    names = arguments.parse_args().names or list(LONG)
    if unknown := [name for name in names if name not in LONG]:
        arguments.error(f"there is no scenario {unknown[0]}; the scenarios are {', '.join(LONG)}")
    missed = []
    for name in names:
        title, run = LONG[name]
        with (
            tempfile.TemporaryDirectory(prefix="fairway-scenarios-") as folder,
            System(Path(folder), **SETTINGS.get(name, {})) as system,
        ):
            began = time.monotonic()
            measurements = run(system)
        show(name, f"{title} ({time.monotonic() - began:.0f} s)", measurements)
        missed += [f"{name}: {measurement.name}" for measurement in measurements if not measurement.is_reached]
    for line in missed:
        print(f"target not reached: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
