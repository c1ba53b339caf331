"""The steps of the chaos tests: the names and shapes of the real steps (parts, a merge, a paid call), at almost no cost."""

from __future__ import annotations

import os
import random
import time

from functions.textract import token_of
from layers.adapters.postgres.database import Database
from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.page import Extraction, Identity, Page
from layers.domain.step import Done, Part, Pipeline, Plan, step

TIMEOUT_S = 2.0
GRACE_S = 1.0
COST_S = 0.02
PARTS_PER_MESSAGE = 10  # as for the real steps
# How long a slow worker sleeps: until another worker has its lease.
SLOW_S = TIMEOUT_S + GRACE_S + 1.5
COUNT_CALL = (
    "INSERT INTO chaos_paid_jobs (token, calls) VALUES (%(token)s, 1)"
    " ON CONFLICT (token) DO UPDATE SET calls = chaos_paid_jobs.calls + 1"
)


def whole(_file: File) -> Plan:
    return (Part(cost_estimate_s=COST_S),)


def two_parts(_file: File) -> Plan:
    return Part((1,), COST_S), Part((2,), COST_S)


def merged(file: File) -> Done:
    return Done(extraction=Extraction({"windows": len(file.windows)}, (), {}))


def sometimes_slow() -> None:
    if random.random() < float(os.environ["CHAOS_SLOW_CHANCE"]):
        time.sleep(SLOW_S)


def call_paid_service(file: File) -> None:
    """Call the paid service. A second call with the same token returns the job of the first, and is not billed."""
    database = Database(os.environ["CHAOS_DATABASE_URL"])
    try:
        database.run(COUNT_CALL, token=token_of(file))
    finally:
        database.close()


def picture(file: File, work: Work, kind: str) -> Done:
    path = work.scratch / f"{kind}.webp"
    path.write_bytes(kind.encode())
    return Done(artifacts=(work.save(kind, path, "image/webp"),))


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=PARTS_PER_MESSAGE)
def intake(file: File, work: Work) -> Done:
    size_bytes, sha256 = work.arrived_bytes(), work.sha256()
    sometimes_slow()
    return Done(identity=Identity("image/png", 2), size_bytes=size_bytes, sha256=sha256)


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=PARTS_PER_MESSAGE)
def text(file: File, work: Work) -> Done:
    sometimes_slow()
    return Done(pages=(Page(1, "", (), None), Page(2, "", (), None)))


@step(plan=two_parts, timeout_s=TIMEOUT_S, continues_after_failure=True)
def ocr(file: File, work: Work) -> Done:
    sometimes_slow()
    return Done(pages=tuple(Page(number, f"page {number}", (), "ocr", 50.0) for number in file.page_numbers))


@step(plan=whole, timeout_s=TIMEOUT_S, continues_after_failure=True, pays_by_call=True)
def textract(file: File, work: Work) -> Done:
    call_paid_service(file)
    sometimes_slow()
    return Done(pages=(Page(2, "page two", (), "textract", 99.0),))


@step(plan=two_parts, timeout_s=TIMEOUT_S, merge=merged, parts_per_message=PARTS_PER_MESSAGE)
def extraction(file: File, work: Work) -> Done:
    sometimes_slow()
    return Done(window=Extraction({"part": file.part}, (), {}))


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=PARTS_PER_MESSAGE)
def preview(file: File, work: Work) -> Done:
    result = picture(file, work, "preview")
    sometimes_slow()
    return result


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=PARTS_PER_MESSAGE)
def thumbnail(file: File, work: Work) -> Done:
    result = picture(file, work, "thumbnail")
    work.keep(result.artifacts[0])
    sometimes_slow()
    return result


INTAKE = intake
PIPELINES = (
    Pipeline("main", (text, ocr, textract, extraction)),
    Pipeline("preview", (preview,)),
    Pipeline("thumbnail", (thumbnail,)),
)
# The number of parts that each file must have done, by step.
PARTS = {"intake": 1, "text": 1, "ocr": 2, "textract": 1, "extraction": 2, "preview": 1, "thumbnail": 1}
