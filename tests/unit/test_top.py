"""The screen of `make top`."""

from __future__ import annotations

import io
from typing import Any

from fairway_client.cli.overview import MAX_LANES, screen
from rich.console import Console

STEP = {
    "ready": 0, "queued": 0, "running": 0, "retrying": 0, "parked": 0, "oldest_s": None, "done_a_minute": 0.0,
    "failed_a_minute": 0.0, "error_rate": None, "duration_s": None, "concurrency": 4,
}  # fmt: skip
LANE = {
    "step": "ocr", "tenant_id": "1", "tenant": "Example [Ltd]", "weight": 2.0, "batches": 1, "files": 12, "parts": 40,
    "cost_s": 400.0, "oldest_s": 7300.0,
}  # fmt: skip
CLOSED = {"state": "closed", "next_probe_at": None, "reason": None}


def shown(**fields: Any) -> str:
    operations = {
        "as_of": "2026-03-01T10:20:30.000Z", "tenant_id": None, "steps": {"text": STEP}, "dependencies": {"ocr": CLOSED},
        "budgets": {}, "lanes": [], "quota": None,
    }  # fmt: skip
    console = Console(file=io.StringIO(), width=120)
    console.print(screen(operations | fields))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_every_step_is_a_row_with_its_counts_and_times() -> None:
    ocr = STEP | {"ready": 120, "running": 3, "parked": 7, "oldest_s": 61.2, "error_rate": 0.0312,
                  "duration_s": {"p50": 0.25, "p95": 3.0}, "done_a_minute": 41.5}  # fmt: skip
    text = shown(steps={"text": STEP, "ocr": ocr})
    assert "10:20:30 UTC  all tenants  3 running  120 waiting" in text
    (row,) = [line.split() for line in text.splitlines() if line.startswith("ocr") and "120" in line]
    assert row == ["ocr", "120", "·", "3", "·", "7", "61.2", "s", "41.5", "3.1%", "250", "ms", "3.0", "s", "4"]


def test_lanes_are_shown_with_their_tenants_up_to_a_limit() -> None:
    text = shown(lanes=[LANE] * (MAX_LANES + 3))
    assert "Example [Ltd]" in text and "2.0 h" in text and "7 min" in text and "3 more" in text


def test_a_service_that_is_down_shows_the_reason_and_the_next_probe() -> None:
    down = {"state": "open", "next_probe_at": "2026-03-01T10:20:45.000Z", "reason": "it refuses our key"}
    budget = {"full_per_s": 10.0, "per_s": 9.5, "room": 3, "wait_s": 0.0}
    text = shown(dependencies={"ocr": CLOSED, "textract": down}, budgets={"textract": budget})
    (row,) = [line for line in text.splitlines() if line.startswith("textract")]
    assert row.split() == ["textract", "open", "10:20:45", "9.5", "of", "10/s", "3", "it", "refuses", "our", "key"]
