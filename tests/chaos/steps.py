"""The pipelines' steps by name and shape, each at next to no cost: parts that join, windows that merge, a paid call."""

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
AT_ONCE = 10  # as many as the real steps' wake-ups may name
# What a slow worker sleeps: it wakes when its lease has been given to somebody else.
SLOW_S = TIMEOUT_S + GRACE_S + 1.5
BILL = (
    "INSERT INTO chaos_bills (token, calls) VALUES (%(token)s, 1)"
    " ON CONFLICT (token) DO UPDATE SET calls = chaos_bills.calls + 1"
)


def whole(_file: File) -> Plan:
    return (Part(cost_estimate_s=COST_S),)


def two_parts(_file: File) -> Plan:
    return Part((1,), COST_S), Part((2,), COST_S)


def merged(file: File) -> Done:
    return Done(extraction=Extraction({"windows": len(file.windows)}, (), {}))


def sometimes_slow() -> None:
    if random.random() < float(os.environ["CHAOS_SLOW"]):
        time.sleep(SLOW_S)


def billed(file: File) -> None:
    """A call of the paid service: whoever comes with a known token is given the job that it knows."""
    database = Database(os.environ["CHAOS_BILLS_URL"])
    try:
        database.run(BILL, token=token_of(file))
    finally:
        database.close()


def picture(file: File, work: Work, kind: str) -> Done:
    path = work.scratch / f"{kind}.webp"
    path.write_bytes(kind.encode())
    return Done(artifacts=(work.save(kind, path, "image/webp"),))


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=AT_ONCE)
def intake(file: File, work: Work) -> Done:
    size_bytes, sha256 = work.arrived_bytes(), work.sha256()
    sometimes_slow()
    return Done(identity=Identity("image/png", 2), size_bytes=size_bytes, sha256=sha256)


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=AT_ONCE)
def text(file: File, work: Work) -> Done:
    sometimes_slow()
    return Done(pages=(Page(1, "", (), None), Page(2, "", (), None)))


@step(plan=two_parts, timeout_s=TIMEOUT_S, continues_after_failure=True)
def ocr(file: File, work: Work) -> Done:
    sometimes_slow()
    return Done(pages=tuple(Page(number, f"page {number}", (), "ocr", 50.0) for number in file.page_numbers))


@step(plan=whole, timeout_s=TIMEOUT_S, continues_after_failure=True, pays_by_call=True)
def textract(file: File, work: Work) -> Done:
    billed(file)
    sometimes_slow()
    return Done(pages=(Page(2, "page two", (), "textract", 99.0),))


@step(plan=two_parts, timeout_s=TIMEOUT_S, merge=merged, parts_per_message=AT_ONCE)
def extraction(file: File, work: Work) -> Done:
    sometimes_slow()
    return Done(window=Extraction({"part": file.part}, (), {}))


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=AT_ONCE)
def preview(file: File, work: Work) -> Done:
    made = picture(file, work, "preview")
    sometimes_slow()
    return made


@step(plan=whole, timeout_s=TIMEOUT_S, parts_per_message=AT_ONCE)
def thumbnail(file: File, work: Work) -> Done:
    made = picture(file, work, "thumbnail")
    work.keep(made.artifacts[0])
    sometimes_slow()
    return made


INTAKE = intake
PIPELINES = (
    Pipeline("main", (text, ocr, textract, extraction)),
    Pipeline("preview", (preview,)),
    Pipeline("thumbnail", (thumbnail,)),
)
# What each file is to have, by step: parts that are done.
PARTS = {"intake": 1, "text": 1, "ocr": 2, "textract": 1, "extraction": 2, "preview": 1, "thumbnail": 1}
