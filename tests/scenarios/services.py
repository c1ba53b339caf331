"""Services that limit calls, are down for hours, or fail on every page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

from layers.domain.breaker import LONGEST_PROBE_S
from tests.scenarios.figures import Figure, at_least, at_most, exactly, most_in_a_second
from tests.scenarios.stage import Stage, documents, scans, texts, wait_until
from tests.standins.tesseract import SURE, UNSURE

JUMP_S = 30.0
ANSWER_S = 0.5  # what a call of Textract takes
SPENT = ("retried", "failed", "lost")


def throttled(
    stage: Stage, *, count: int, pages: int, calls_per_s: float, least_used: float, within_s: float
) -> list[Figure]:
    """Scans that OCR is unsure of, against a Textract that takes so many calls a second and refuses the others."""
    stage.tesseract.read(UNSURE)
    stage.textract.reset()
    stage.textract.change(calls_per_s=calls_per_s, burst=max(1, int(calls_per_s / 2)), delay_s=ANSWER_S)
    batch_id = stage.send(stage.dataset("throttled"), scans(count, "throttled", pages))
    looks: list[tuple[float, int, int]] = []

    def has_ended() -> bool:
        looks.append(_look(stage, batch_id))
        return stage.is_settled(batch_id)

    wait_until(has_ended, within_s, "every scan read")
    served, outcomes = stage.textract.served_at, stage.outcomes(batch_id, "textract")
    used, of_s = _used_while_some_waited(looks, calls_per_s)
    return [
        exactly("files that failed", stage.files(batch_id)["failed"], 0),
        exactly("pages read by Textract, of as many", len(served), count * pages),
        at_least(f"of {calls_per_s:g} calls a second used, while pages waited", round(used, 3), least_used),
        Figure("seconds in which pages waited", round(of_s, 1)),
        exactly("attempts spent on limits", sum(outcomes[word] for word in SPENT), 0),
        Figure("calls refused", stage.textract.counts["throttled"]),
        Figure("attempts put off", outcomes["snoozed"]),
    ]


def down_for_hours(stage: Stage, *, count: int, hours: float, calls_per_s: float, within_s: float) -> list[Figure]:
    """Extraction is down while files wait, its clock set forward; then it is back, and takes so many calls a second."""
    stage.model.reset()
    stage.model.change(always="503")
    batch_id = stage.send(stage.dataset("down"), texts(count, "down"))
    wait_until(lambda: _waits(stage, batch_id) == count, within_s, "every file at extraction")
    probes_before = len(stage.model.called_at)
    for _ in range(int(hours * 3600 / JUMP_S)):
        stage.clock.forward(JUMP_S)
        stage.wake_dispatcher()
        wait_until(lambda: not _at_work(stage, batch_id), 60, "the probe's end")
    during = stage.outcomes(batch_id, "extraction")
    probes = len(stage.model.called_at) - probes_before
    stage.model.change(always="right", calls_per_s=calls_per_s, burst=max(1, int(calls_per_s / 2)))
    back_at, calls_before = time.monotonic(), len(stage.model.called_at)
    stage.clock.forward(LONGEST_PROBE_S)
    wait_until(lambda: stage.is_settled(batch_id), within_s, "all that waited drained")
    calls = stage.model.called_at[calls_before:]
    outcomes = stage.outcomes(batch_id, "extraction")
    peak = most_in_a_second(calls)
    return [
        exactly("files done after it was back", stage.files(batch_id)["done"], count),
        exactly("dead letters", stage.dead_letters(), 0),
        exactly("attempts spent", sum(outcomes[word] for word in SPENT), 0),
        at_most(f"calls in any second, limit {calls_per_s:g}", peak, 1.2 * calls_per_s),
        at_most(f"probes in {hours:g} hours", probes, hours * 3600 / 40 + 10),
        Figure("attempts that parked", during["parked"]),
        Figure("seconds from its return to the last record", round(time.monotonic() - back_at, 1)),
    ]


def ocr_fails(stage: Stage, *, count: int, again_count: int, within_s: float) -> list[Figure]:
    """OCR's program ends with an error on every page, and works again later."""
    stage.textract.reset()
    stage.tesseract.fail()
    dataset_id = stage.dataset("ocr fails")
    batch_id = stage.send(dataset_id, scans(count, "unread"))
    wait_until(lambda: stage.is_settled(batch_id), within_s, "every scan read by Textract")
    readers, outcomes = _readers(stage, batch_id), stage.outcomes(batch_id, "ocr")
    given_way = stage.rows(
        "SELECT count(*) AS n FROM attempts JOIN files USING (file_id) WHERE batch_id = %(id)s AND attempts.error_code = 'ocr_down'",
        id=batch_id,
    )[0]["n"]
    stage.tesseract.read(SURE)
    stage.clock.forward(LONGEST_PROBE_S)
    for some in (scans(1, "probe"), scans(again_count, "read again")):
        later = stage.send(dataset_id, some)
        wait_until(lambda later=later: stage.is_settled(later), within_s, "every scan read")  # type: ignore[misc]
    again = _readers(stage, later)
    return [
        exactly("files that failed", stage.files(batch_id)["failed"] + stage.files(later)["failed"], 0),
        exactly("read by Textract while OCR failed", readers.get("textract", 0), count),
        exactly("read by OCR once it worked", again.get("ocr", 0), again_count),
        Figure("attempts that OCR's failure cost", outcomes["retried"] + outcomes["failed"] - given_way),
        Figure("attempts that gave way at once", given_way),
    ]


def printer_down(stage: Stage, *, count: int, others: int, within_s: float) -> list[Figure]:
    """The service that turns office documents into PDF is down; pictures and texts need none to be shown."""
    stage.model.reset()
    stage.tesseract.read(SURE)
    stage.printer.works, stage.printer.status = False, 503
    contents = documents(count, "printed") | texts(others, "shown") | scans(others, "shown")
    batch_id = stage.send(stage.dataset("printer down"), contents)
    shown = {step: len(contents) - count for step in ("preview", "thumbnail")}

    def all_but_the_printed() -> bool:
        made = {step: stage.steps(batch_id, step)["done"] for step in shown}
        return made == shown and stage.files(batch_id)["done"] == len(contents)

    wait_until(all_but_the_printed, within_s, "all that needs no printer")
    stopped = stage.outcomes(batch_id, "preview"), stage.outcomes(batch_id, "thumbnail")
    stage.printer.works, stage.printer.status = True, 200

    def later() -> bool:
        stage.clock.forward(10)
        stage.wake_dispatcher()
        return stage.is_settled(batch_id)

    wait_until(later, within_s, "every preview")
    ended = stage.outcomes(batch_id, "preview") + stage.outcomes(batch_id, "thumbnail")
    return [
        exactly("records made while it was down", stage.files(batch_id)["done"], len(contents)),
        exactly("what became of what needs it", sorted(set(stopped[0] + stopped[1])), ["done", "parked"]),
        exactly("previews and thumbnails in the end", ended["done"], 2 * len(contents)),
        exactly("attempts spent", sum(ended[word] for word in SPENT), 0),
    ]


def _look(stage: Stage, batch_id: str) -> tuple[float, int, int]:
    """Now, the pages that wait for Textract, and those that it has read so far."""
    steps = stage.steps(batch_id, "textract")
    return time.monotonic(), steps["ready"], len(stage.textract.served_at)


def _used_while_some_waited(looks: Sequence[tuple[float, int, int]], calls_per_s: float) -> tuple[float, float]:
    """Of what a service takes, the share that was used while there was work for it, and for how many seconds."""
    busy = [(later[0] - one[0], later[2] - one[2]) for one, later in pairwise(looks) if one[1] and later[1]]
    seconds = sum(length for length, _ in busy)
    return (sum(calls for _, calls in busy) / seconds / calls_per_s if seconds else 0.0), seconds


def _readers(stage: Stage, batch_id: str) -> dict[str, int]:
    rows = stage.rows(
        "SELECT source, count(*) AS n FROM pages JOIN files USING (file_id) WHERE batch_id = %(id)s GROUP BY 1",
        id=batch_id,
    )
    return {str(row["source"]): row["n"] for row in rows}


def _waits(stage: Stage, batch_id: str) -> int:
    steps = stage.steps(batch_id, "extraction")
    return steps["ready"] + steps["parked"]


def _at_work(stage: Stage, batch_id: str) -> int:
    """Parts that are queued or run."""
    steps = stage.steps(batch_id, "extraction")
    return steps["queued"] + steps["running"]
