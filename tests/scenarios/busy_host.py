"""A scenario in which other programs keep every core busy, while real scans and photos are read."""

from __future__ import annotations

import os

from benchmarks.busy_host import busy_cores, photo, scan
from tests.scenarios.measurements import Measurement, exactly
from tests.scenarios.system import System, wait_until

# Tesseract itself reads the pages here: a stand-in would not compete for the processors.
SETTINGS = {"FAIRWAY_TESSERACT": "", "FAIRWAY_TEXTRACT": "off", "FAIRWAY_EXTRACTION": "rules"}


def busy_host(
    system: System, *, scans: int, pages: int, photos: int, loops_s: float, within_s: float
) -> list[Measurement]:
    """Good files do not fail because they have to wait for a processor; they may only take longer."""
    contents = {f"scan {number}.pdf": scan(number, pages) for number in range(scans)}
    contents |= {f"photo {number}.jpg": photo(1000 + number) for number in range(photos)}
    with busy_cores(os.cpu_count() or 1, loops_s):
        batch_id = system.send(system.dataset("busy host"), contents)
        took_s = wait_until(lambda: system.is_settled(batch_id), within_s, "all files are done")
    files, outcomes, audit = system.files(batch_id), system.outcomes(batch_id), system.audit()
    return [
        exactly("files done", files["done"], scans + photos),
        exactly("parts done twice", system.done_twice(batch_id), 0),
        exactly("attempts that failed or were lost", outcomes["failed"] + outcomes["lost"], 0),
        exactly("audit: lost, doubled", (audit["lost"], audit["doubled"]), (0, 0)),
        Measurement("seconds for all files", round(took_s, 1)),
    ]
