"""Scenarios in which an external service limits calls, is down for hours, or fails on every page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

from layers.domain.breaker import LONGEST_PROBE_S
from tests.scenarios.measurements import Measurement, at_least, at_most, exactly, most_in_a_second
from tests.scenarios.system import System, documents, scans, texts, wait_until
from tests.standins.tesseract import SURE, UNSURE

CLOCK_STEP_S = 30.0
ANSWER_S = 0.5  # the duration of a call to Textract
SPENT = ("retried", "failed", "lost")


def throttled(
    system: System, *, count: int, pages: int, calls_per_s: float, least_used: float, within_s: float
) -> list[Measurement]:
    """Scans that OCR reads with low confidence, and a Textract that throttles calls above a rate."""
    system.tesseract.read(UNSURE)
    system.textract.reset()
    system.textract.change(calls_per_s=calls_per_s, burst=max(1, int(calls_per_s / 2)), delay_s=ANSWER_S)
    batch_id = system.send(system.dataset("throttled"), scans(count, "throttled", pages))
    samples: list[tuple[float, int, int]] = []

    def has_ended() -> bool:
        samples.append(_sample(system, batch_id))
        return system.is_settled(batch_id)

    wait_until(has_ended, within_s, "all scans are read")
    served, outcomes = system.textract.served_at, system.outcomes(batch_id, "textract")
    utilization, waiting_s = _utilization_while_pages_waited(samples, calls_per_s)
    return [
        exactly("files that failed", system.files(batch_id)["failed"], 0),
        exactly("pages read by Textract", len(served), count * pages),
        at_least(f"utilization of {calls_per_s:g} calls/s while pages waited", round(utilization, 3), least_used),
        Measurement("seconds in which pages waited", round(waiting_s, 1)),
        exactly("attempts spent", sum(outcomes[outcome] for outcome in SPENT), 0),
        Measurement("calls throttled", system.textract.counts["throttled"]),
        Measurement("attempts snoozed", outcomes["snoozed"]),
    ]


def down_for_hours(
    system: System, *, count: int, hours: float, calls_per_s: float, within_s: float
) -> list[Measurement]:
    """The model is down for hours, by the clock, while files wait; after that it takes a limited rate of calls."""
    system.model.reset()
    system.model.change(always="503")
    batch_id = system.send(system.dataset("down"), texts(count, "down"))
    wait_until(lambda: _waiting(system, batch_id) == count, within_s, "all files wait for extraction")
    probes_before = len(system.model.called_at)
    for _ in range(int(hours * 3600 / CLOCK_STEP_S)):
        system.clock.forward(CLOCK_STEP_S)
        system.wake_dispatcher()
        wait_until(lambda: not _in_flight(system, batch_id), 60, "the probe has ended")
    during = system.outcomes(batch_id, "extraction")
    probes = len(system.model.called_at) - probes_before
    system.model.change(always="right", calls_per_s=calls_per_s, burst=max(1, int(calls_per_s / 2)))
    back_at, calls_before = time.monotonic(), len(system.model.called_at)
    system.clock.forward(LONGEST_PROBE_S)
    wait_until(lambda: system.is_settled(batch_id), within_s, "all waiting files are done")
    calls = system.model.called_at[calls_before:]
    outcomes = system.outcomes(batch_id, "extraction")
    peak = most_in_a_second(calls)
    return [
        exactly("files done after recovery", system.files(batch_id)["done"], count),
        exactly("dead letters", system.dead_letters(), 0),
        exactly("attempts spent", sum(outcomes[outcome] for outcome in SPENT), 0),
        at_most(f"calls in one second, maximum, with a limit of {calls_per_s:g}", peak, 1.2 * calls_per_s),
        at_most(f"probes in {hours:g} hours", probes, hours * 3600 / 40 + 10),
        Measurement("attempts parked", during["parked"]),
        Measurement("seconds from recovery to the last record", round(time.monotonic() - back_at, 1)),
    ]


def ocr_fails(system: System, *, count: int, again_count: int, within_s: float) -> list[Measurement]:
    """The OCR program fails on every page, and later works again."""
    system.textract.reset()
    system.tesseract.fail()
    dataset_id = system.dataset("ocr fails")
    batch_id = system.send(dataset_id, scans(count, "unread"))
    wait_until(lambda: system.is_settled(batch_id), within_s, "all scans are read by Textract")
    readers, outcomes = _readers(system, batch_id), system.outcomes(batch_id, "ocr")
    stopped_early = system.rows(
        "SELECT count(*) AS n FROM attempts JOIN files USING (file_id) WHERE batch_id = %(id)s AND attempts.error_code = 'ocr_down'",
        id=batch_id,
    )[0]["n"]
    system.tesseract.read(SURE)
    system.clock.forward(LONGEST_PROBE_S)
    for some in (scans(1, "probe"), scans(again_count, "read again")):
        later = system.send(dataset_id, some)
        wait_until(lambda later=later: system.is_settled(later), within_s, "all scans are read")  # type: ignore[misc]
    again = _readers(system, later)
    return [
        exactly("files that failed", system.files(batch_id)["failed"] + system.files(later)["failed"], 0),
        exactly("pages read by Textract while OCR failed", readers.get("textract", 0), count),
        exactly("pages read by OCR after recovery", again.get("ocr", 0), again_count),
        Measurement("attempts spent on failing OCR", outcomes["retried"] + outcomes["failed"] - stopped_early),
        Measurement("attempts ended at once because OCR was down", stopped_early),
    ]


def printer_down(system: System, *, count: int, others: int, within_s: float) -> list[Measurement]:
    """The service that converts office documents to PDF is down; previews of images and texts do not need it."""
    system.model.reset()
    system.tesseract.read(SURE)
    system.printer.works, system.printer.status = False, 503
    contents = documents(count, "printed") | texts(others, "shown") | scans(others, "shown")
    batch_id = system.send(system.dataset("printer down"), contents)
    expected = {step: len(contents) - count for step in ("preview", "thumbnail")}

    def all_but_documents_are_shown() -> bool:
        done = {step: system.steps(batch_id, step)["done"] for step in expected}
        return done == expected and system.files(batch_id)["done"] == len(contents)

    wait_until(all_but_documents_are_shown, within_s, "all previews that do not need the service")
    during = system.outcomes(batch_id, "preview"), system.outcomes(batch_id, "thumbnail")
    system.printer.works, system.printer.status = True, 200

    def is_settled_after_more_time() -> bool:
        system.clock.forward(10)
        system.wake_dispatcher()
        return system.is_settled(batch_id)

    wait_until(is_settled_after_more_time, within_s, "all previews are done")
    ended = system.outcomes(batch_id, "preview") + system.outcomes(batch_id, "thumbnail")
    return [
        exactly("records made", system.files(batch_id)["done"], len(contents)),
        exactly("outcomes of previews during the outage", sorted(set(during[0] + during[1])), ["done", "parked"]),
        exactly("previews and thumbnails after recovery", ended["done"], 2 * len(contents)),
        exactly("attempts spent", sum(ended[outcome] for outcome in SPENT), 0),
    ]


def _sample(system: System, batch_id: str) -> tuple[float, int, int]:
    """The time, the number of pages that wait for Textract, and the number of pages that it has read."""
    steps = system.steps(batch_id, "textract")
    return time.monotonic(), steps["ready"], len(system.textract.served_at)


def _utilization_while_pages_waited(
    samples: Sequence[tuple[float, int, int]], calls_per_s: float
) -> tuple[float, float]:
    """The share of a service's rate limit that was used while pages waited, and for how many seconds pages waited."""
    busy = [
        (later[0] - earlier[0], later[2] - earlier[2])
        for earlier, later in pairwise(samples)
        if earlier[1] and later[1]
    ]
    seconds = sum(length for length, _ in busy)
    return (sum(calls for _, calls in busy) / seconds / calls_per_s if seconds else 0.0), seconds


def _readers(system: System, batch_id: str) -> dict[str, int]:
    """The number of pages of a batch by what read them."""
    rows = system.rows(
        "SELECT source, count(*) AS n FROM pages JOIN files USING (file_id) WHERE batch_id = %(id)s GROUP BY 1",
        id=batch_id,
    )
    return {str(row["source"]): row["n"] for row in rows}


def _waiting(system: System, batch_id: str) -> int:
    steps = system.steps(batch_id, "extraction")
    return steps["ready"] + steps["parked"]


def _in_flight(system: System, batch_id: str) -> int:
    """The number of parts that are queued or running."""
    steps = system.steps(batch_id, "extraction")
    return steps["queued"] + steps["running"]
