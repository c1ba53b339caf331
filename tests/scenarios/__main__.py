"""Downtime at length: `python -m tests.scenarios [NAME ...]` runs the scenarios, prints their figures, and fails where
one does not reach what it is to reach."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.scenarios import parts, services
from tests.scenarios.figures import Figure, show
from tests.scenarios.stage import Stage

LONG: dict[str, tuple[str, Callable[[Stage], list[Figure]]]] = {
    "throttled": (
        "500 scans of three pages against a Textract of 10 calls a second",
        partial(services.throttled, count=500, pages=3, calls_per_s=10, least_used=0.95, within_s=600),
    ),
    "down_for_hours": (
        "Extraction down for 2 hours with 2,000 files waiting",
        partial(services.down_for_hours, count=2000, hours=2, calls_per_s=20, within_s=900),
    ),
    "ocr_fails": ("OCR fails on every page", partial(services.ocr_fails, count=100, again_count=50, within_s=600)),
    "printer_down": (
        "The printer of office documents down",
        partial(services.printer_down, count=50, others=50, within_s=600),
    ),
    "without_redis": (
        "Redis killed for 60 s under load",
        partial(parts.without_redis, count=1000, seconds=60, least_share=0.8, within_s=900),
    ),
    "wiped_topics": (
        "Topics wiped before anything ran, and three times under load",
        partial(parts.wiped_topics, count=300, times=3, at_once=False, within_s=600),
    ),
    "restarts": (
        "PostgreSQL restarted five times under load",
        partial(parts.restarts, count=400, scanned=100, times=5, within_s=600),
    ),
    "object_store_away": (
        "The object store away for 10 minutes",
        partial(parts.object_store_away, count=100, within_s=300),
    ),
}


# What 20 calls a second of the stand-in's model come to.
SETTINGS = {"down_for_hours": {"FAIRWAY_EXTRACTION_TOKENS_PER_MIN": "340000"}}


def main() -> int:
    names = sys.argv[1:] or list(LONG)
    fell_short = []
    for name in names:
        title, run = LONG[name]
        with (
            tempfile.TemporaryDirectory(prefix="fairway-scenarios-") as folder,
            Stage(Path(folder), **SETTINGS.get(name, {})) as stage,
        ):
            began = time.monotonic()
            figures = run(stage)
        show(name, f"{title} ({time.monotonic() - began:.0f} s)", figures)
        fell_short += [f"{name}: {one.what}" for one in figures if not one.holds]
    for one in fell_short:
        print(f"fell short: {one}", file=sys.stderr)
    return 1 if fell_short else 0


if __name__ == "__main__":
    sys.exit(main())
