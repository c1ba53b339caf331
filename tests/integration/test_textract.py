"""The Textract step and its adapter, through the SDK, against a stand-in that speaks the wire protocol."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config

from functions.textract import textract as step
from layers.adapters.memory import MemoryObjects, MemoryStore, MemoryTopics
from layers.adapters.textract_reader import TextractReader
from layers.domain.errors import PermanentError, Snooze, TransientError
from layers.domain.file import File, PageSummary
from layers.domain.page import Page
from layers.domain.step import Done, Part, Skip
from layers.ports import Claim, PaidReader, Ports
from layers.work import Work
from tests.standins.textract import Script, line, textract

FILE = File(
    str(uuid.uuid4()), "t", "d", "b", "scan.pdf", "originals/t/f", "v1", 10, None,
    media_type="application/pdf", page_count=3,
    pages=(PageSummary(1, "ocr", 90.0), PageSummary(2, "ocr", 40.0), PageSummary(3, None, 0.0)),
)  # fmt: skip
Made = Callable[[Script], TextractReader]


@pytest.fixture
def reader() -> Iterator[Made]:
    opened: list[Any] = []

    def make(script: Script) -> TextractReader:
        server = textract(script)
        url = server.__enter__()
        opened.append(server)
        config = Config(retries={"total_max_attempts": 1}, read_timeout=1, connect_timeout=1)
        return TextractReader(
            lambda: boto3.client(
                "textract", endpoint_url=url, region_name="us-east-1", config=config,
                aws_access_key_id="id", aws_secret_access_key="secret",
            ),
            "fairway",
        )  # fmt: skip

    yield make
    for server in opened:
        server.__exit__(None, None, None)


def test_words_come_with_boxes_and_confidence_page_by_page(reader: Made) -> None:
    script = Script(blocks=[*line(1, "Total 9.00", 98.0), *line(2, "second page here", 80.0), *line(3, "third")])
    pages = reader(script).read(FILE, (1, 3), "token")
    assert [(page.number, page.text, page.source) for page in pages] == [
        (1, "Total 9.00", "textract"),
        (3, "third", "textract"),
    ]
    total = pages[0].words[1]
    assert (total.text, total.confidence) == ("9.00", 98.0)
    assert (total.x0, total.y0, total.x1, total.y1) == pytest.approx((0.2, 0.2, 0.29, 0.25))
    assert pages[0].confidence == 98.0


def test_a_long_answer_is_fetched_to_its_end(reader: Made) -> None:
    script = Script(blocks=[block for n in range(20) for block in line(1, f"line {n}")])
    (page,) = reader(script).read(FILE, (1,), "token")
    assert len(page.words) == 40
    assert sum(operation.startswith("Get") for operation, _ in script.asked) == 20


def test_asking_again_with_its_token_finds_the_same_job(reader: Made) -> None:
    script = Script(blocks=line(1, "text"), polls_until_done=2)
    made = reader(script)
    for _ in range(2):
        with pytest.raises(Snooze, match="reading"):
            made.read(FILE, (1,), "token")
    assert made.read(FILE, (1,), "token")[0].text == "text"
    assert script.jobs == {"token": "job-1"}
    start = next(body for operation, body in script.asked if operation.startswith("Start"))
    assert start["DocumentLocation"]["S3Object"] == {"Bucket": "fairway", "Name": "originals/t/f", "Version": "v1"}


@pytest.mark.parametrize(
    ("refusal", "error", "code"),
    [
        ((400, "ProvisionedThroughputExceededException"), Snooze, None),
        ((400, "ThrottlingException"), Snooze, None),
        ((400, "LimitExceededException"), Snooze, None),
        ((400, "UnsupportedDocumentException"), PermanentError, "textract_refused"),
        ((400, "BadDocumentException"), PermanentError, "textract_refused"),
        ((400, "DocumentTooLargeException"), PermanentError, "textract_refused"),
        ((400, "AccessDeniedException"), TransientError, "textract_unreachable"),
        ((500, "InternalServerError"), TransientError, "textract_unreachable"),
        ((503, "ServiceUnavailable"), TransientError, "textract_unreachable"),
        (3.0, TransientError, "textract_unreachable"),
    ],
)
def test_each_refusal_is_the_right_verb(
    reader: Made, refusal: tuple[int, str] | float, error: type[Exception], code: str | None
) -> None:
    with pytest.raises(error) as caught:
        reader(Script(refusals=[refusal])).read(FILE, (1,), "token")
    assert getattr(caught.value, "code", None) == code


def test_a_job_that_failed_is_the_files_own_failure(reader: Made) -> None:
    with pytest.raises(PermanentError, match="could not read it"):
        reader(Script(job_status="FAILED")).read(FILE, (1,), "token")


def test_nobody_listening_is_a_failure_that_may_pass() -> None:
    gone = TextractReader(
        lambda: boto3.client(
            "textract", endpoint_url="http://127.0.0.1:1", region_name="us-east-1",
            aws_access_key_id="id", aws_secret_access_key="secret", config=Config(retries={"total_max_attempts": 1}),
        ),
        "fairway",
    )  # fmt: skip
    with pytest.raises(TransientError):
        gone.read(FILE, (1,), "token")


# --- the step ----------------------------------------------------------------------------------------


def work(paid_reader: PaidReader | None, scratch: Path, *pages: Page) -> Work:
    store = MemoryStore()
    store.promise(FILE)
    store.files[FILE.file_id].pages = {page.number: page for page in pages}
    ports = Ports(store, MemoryObjects(), MemoryTopics(), cast(Any, None), cast(Any, None), paid_reader)
    return Work(Claim(FILE, "textract", 0, 1, str(uuid.uuid4()), 0), ports, scratch)


def test_only_pages_that_are_unread_or_doubtful_are_paid_for() -> None:
    assert step.plan(FILE) == (Part((2, 3), cost_estimate_s=2.0),)
    sure = replace(FILE, pages=FILE.pages[:1])
    assert isinstance(step.plan(sure), Skip)


def test_without_credentials_it_is_skipped_and_says_so(tmp_path: Path) -> None:
    assert step.run(FILE, work(None, tmp_path)) == Skip("Amazon Textract is not configured")


def test_the_better_reading_of_each_page_is_kept(reader: Made, tmp_path: Path) -> None:
    script = Script(blocks=[*line(1, "worse", 30.0), *line(2, "better", 95.0), *line(3, "new", 60.0)])
    before = [Page(1, "sure", (), "ocr", 90.0), Page(2, "doubtful", (), "ocr", 40.0), Page(3)]
    outcome = step.run(replace(FILE, page_numbers=(1, 2, 3)), work(reader(script), tmp_path, *before))
    assert isinstance(outcome, Done)
    assert [(page.number, page.text) for page in outcome.pages] == [(2, "better"), (3, "new")]
    assert (tmp_path / "text.txt").read_text() == "sure\fbetter\fnew"
    assert outcome.artifacts[0].source == "textract"
