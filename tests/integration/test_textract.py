"""The Textract step and its adapter, with the real SDK, against a stand-in for the service."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from PIL import Image

from functions.textract import textract as step
from layers.adapters.aws.textract_reader import TextractReader
from layers.attempts.work import Work
from layers.decoding.documents import Documents
from layers.domain.errors import DependencyDown, PermanentError, Snooze, StoreUnreachable, Throttled, TransientError
from layers.domain.file import File, PageSummary, Reach
from layers.domain.meter import Meter
from layers.domain.page import Page
from layers.domain.step import Done, Part, Skip
from layers.ports import Claim, PaidReader, Ports
from tests.fakes import MemoryObjects, MemoryStore, MemoryTopics
from tests.integration.test_embedded_pictures import docx, scan
from tests.standins.server import Served
from tests.standins.textract import Textract

SAMPLES = Path(__file__).parent.parent.parent / "events/samples"
THROUGH_OBJECTS = Reach(reads_objects=True)
FILE = File(
    str(uuid.uuid4()), "t", "d", "b", "scan.pdf", "originals/t/f", "v1", 10, None, size_bytes=10,
    media_type="application/pdf", page_count=3,
    pages=(PageSummary(1, "ocr", 90.0), PageSummary(2, "ocr", 40.0), PageSummary(3, None, 0.0)),
)  # fmt: skip
LONG = replace(FILE, page_count=40, reach=THROUGH_OBJECTS)
MANY = tuple(range(1, 41))


def client(url: str, timeout_s: float = 30.0) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=timeout_s, connect_timeout=timeout_s)
    return boto3.client(
        "textract", endpoint_url=url, region_name="us-east-1", config=config,
        aws_access_key_id="id", aws_secret_access_key="secret",
    )  # fmt: skip


@dataclass
class World:
    """A reader, and the stand-in for its service."""

    standin: Textract
    url: str
    reader: TextractReader
    scratch: Path
    meter: Meter

    def picture(self, number: int) -> Path:
        path = self.scratch / f"{number}.png"
        Image.new("L", (40, 60), "white").save(path)
        return path

    def read(self, file: File, numbers: tuple[int, ...], token: str = "token") -> list[Page]:
        return self.reader.read(file, numbers, token, self.picture, self.meter)

    def set(self, **settings: Any) -> None:
        self.standin.change(**settings)

    def requests(self, operation: str) -> list[Any]:
        return [body for name, body in self.standin.asked if name == operation]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    standin = Textract()
    with Served(standin) as url:
        yield World(standin, url, TextractReader(lambda: client(url), "fairway"), tmp_path, Meter())


# --- the adapter -------------------------------------------------------------------------------------


def test_words_come_with_boxes_and_confidence_page_by_page(world: World) -> None:
    world.set(pages=[["Total 9.00", "Thank you"], ["second page"]], confidence=98.0)
    first, second = world.read(FILE, (1, 3))
    assert (first.number, first.text, first.source, first.confidence) == (1, "Total 9.00\nThank you", "textract", 98.0)
    assert (second.number, second.text) == (3, "second page")
    total = first.words[1]
    assert (total.text, total.confidence) == ("9.00", 98.0)
    assert (total.x0, total.y0, total.x1, total.y1) == pytest.approx((0.2, 0.1, 0.29, 0.14))


def test_a_few_pages_are_sent_as_pictures_and_each_is_paid_once(world: World) -> None:
    world.read(FILE, (2, 3))
    assert world.standin.counts["DetectDocumentText"] == 2
    assert world.meter.used == {"calls": 2, "pages": 2}
    assert "StartDocumentTextDetection" not in world.standin.counts


def test_a_pdf_of_one_page_is_read_from_the_object_store_if_textract_can_reach_it(world: World) -> None:
    world.read(replace(FILE, page_count=1, reach=THROUGH_OBJECTS), (1,))
    (request,) = world.requests("DetectDocumentText")
    assert request["Document"]["S3Object"] == {"Bucket": "fairway", "Name": "originals/t/f", "Version": "v1"}


def test_an_original_that_stays_in_place_is_read_there(world: World) -> None:
    file = replace(FILE, page_count=1, reach=THROUGH_OBJECTS, object_key="in-place/t/f/inbox/scans/1.pdf")
    world.read(file, (1,))
    (request,) = world.requests("DetectDocumentText")
    assert request["Document"]["S3Object"] == {"Bucket": "inbox", "Name": "scans/1.pdf", "Version": "v1"}


def test_many_pages_are_read_by_one_job_and_only_the_wanted_pages_are_returned(world: World) -> None:
    world.set(documents={"originals/t/f": [[f"page {n}"] for n in MANY]})
    pages = world.read(LONG, MANY[::2])
    assert [(page.number, page.text) for page in pages] == [(n, f"page {n}") for n in MANY[::2]]
    assert world.meter.used["pages"] == 40
    (start,) = world.requests("StartDocumentTextDetection")
    assert start["DocumentLocation"]["S3Object"] == {"Bucket": "fairway", "Name": "originals/t/f", "Version": "v1"}


def test_pages_are_sent_one_by_one_if_textract_cannot_reach_the_object_store(world: World) -> None:
    assert len(world.read(replace(LONG, reach=Reach()), MANY[:12])) == 12
    assert world.standin.counts["DetectDocumentText"] == 12


def test_a_paginated_result_is_fetched_completely(world: World) -> None:
    world.set(pages=[[f"line {n}" for n in range(20)]] * 40, blocks_a_page=300)
    assert [len(page.words) for page in world.read(LONG, MANY)] == [40] * 40
    assert world.standin.counts["GetDocumentTextDetection"] == -(-40 * 61 // 300)


def test_a_repeated_call_with_the_same_token_finds_the_same_job(world: World) -> None:
    world.set(pages=[["text"]] * 40, job_polls=2)
    for _ in range(2):
        with pytest.raises(Snooze, match="reading"):
            world.read(LONG, MANY)
    assert world.read(LONG, MANY)[0].text == "text"
    assert world.standin.counts["jobs"] == 1
    assert world.standin.counts["StartDocumentTextDetection"] == 3


def test_a_page_without_words_stays_unread(world: World) -> None:
    world.set(pages=[[]])
    assert world.read(FILE, (3,)) == [Page(3)]


@pytest.mark.parametrize(
    ("due", "error", "code"),
    [
        ("ProvisionedThroughputExceededException", Throttled, None),
        ("ThrottlingException", Throttled, None),
        ("LimitExceededException", Throttled, None),
        ({"status": 429, "body": {}}, Throttled, None),
        ("UnsupportedDocumentException", PermanentError, "textract_refused"),
        ("BadDocumentException", PermanentError, "textract_refused"),
        ("DocumentTooLargeException", PermanentError, "textract_refused"),
        ("InvalidS3ObjectException", PermanentError, "textract_refused"),
        ("denied", DependencyDown, None),
        ("UnrecognizedClientException", DependencyDown, None),
        ("ExpiredTokenException", DependencyDown, None),
        ("outage", DependencyDown, None),
        ("failure", TransientError, "textract_failed_once"),
        ("hang_up", TransientError, "textract_timeout"),
    ],
)
def test_each_failure_of_the_service_raises_the_right_error(
    world: World, due: Any, error: type[Exception], code: str | None
) -> None:
    for file, numbers in ((FILE, (1,)), (LONG, MANY)):
        world.set(next=[due])
        with pytest.raises(error) as caught:
            world.read(file, numbers)
        assert getattr(caught.value, "code", None) == code


def test_a_service_that_does_not_answer_in_time_is_a_transient_failure(world: World) -> None:
    world.reader = TextractReader(lambda: client(world.url, 0.2), "fairway")
    for file, numbers in ((FILE, (1,)), (LONG, MANY)):
        world.set(next=[3.0])
        with pytest.raises(TransientError) as caught:
            world.read(file, numbers)
        assert caught.value.code == "textract_timeout"


def test_throttling_spends_no_attempt_and_names_its_dependency(world: World) -> None:
    world.set(calls_per_s=0.001, burst=1)
    world.read(FILE, (1,))
    with pytest.raises(Throttled) as caught:
        world.read(FILE, (1,))
    assert (caught.value.dependency, caught.value.delay_s > 0) == ("textract", True)


def test_a_refused_connection_is_an_outage() -> None:
    unreachable = TextractReader(lambda: client("http://127.0.0.1:1"), "fairway")
    with pytest.raises(DependencyDown, match="can't be reached"):
        unreachable.read(LONG, MANY, "token", lambda number: Path("unused"), Meter())
    assert unreachable.is_up() is False


def test_a_failed_job_is_a_permanent_failure_of_the_file(world: World) -> None:
    world.set(job_status="FAILED")
    with pytest.raises(PermanentError, match="could not read it"):
        world.read(LONG, MANY)


def test_the_health_check_is_free_and_its_result_is_cached(world: World) -> None:
    assert world.reader.is_up() is True
    assert world.reader.is_up() is True
    assert world.standin.counts["GetDocumentTextDetection"] == world.standin.counts["calls"] == 1


@pytest.mark.parametrize(
    ("always", "is_up"),
    [("ThrottlingException", True), ("denied", None), ("UnrecognizedClientException", False), ("outage", False)],
)
def test_the_health_check_interprets_each_error(world: World, always: str, is_up: bool | None) -> None:
    world.set(always=always)
    assert world.reader.is_up() is is_up


# --- page pictures -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    documents = Documents(max_children=1)
    yield documents
    documents.close()


@pytest.mark.parametrize(
    ("name", "media_type", "number"),
    [("IMG_0042.heic", "image/heic", 1), ("two-receipts.tiff", "image/tiff", 2), ("scan-groceries.pdf", "application/pdf", 1)],
)  # fmt: skip
def test_a_format_that_textract_does_not_accept_is_sent_as_a_picture_of_the_page(
    documents: Documents, tmp_path: Path, name: str, media_type: str, number: int
) -> None:
    picture = documents.page_picture(SAMPLES / name, media_type, number, tmp_path)
    with Image.open(tmp_path / picture.name) as image:
        assert image.format in ("PNG", "JPEG")
        assert max(image.size) <= 2600
        assert image.size == (picture.width, picture.height)
        assert min(image.convert("L").getextrema()) < 100  # the page is not blank
    assert (tmp_path / picture.name).stat().st_size <= 5 * 1024 * 1024


def test_a_drawing_is_sent_as_a_rendered_picture(documents: Documents, tmp_path: Path) -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><rect width="30" height="30"/></svg>'
    (tmp_path / "a.svg").write_text(drawing)
    picture = documents.page_picture(tmp_path / "a.svg", "image/svg+xml", 1, tmp_path)
    with Image.open(tmp_path / picture.name) as image:
        assert image.width == 2 * image.height
        assert image.convert("L").getextrema() == (0, 255)  # black on white


def test_a_photo_stored_sideways_is_sent_upright(documents: Documents, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40), "red").save(tmp_path / "side.jpg", exif=exif)
    Image.new("RGB", (80, 40), "red").save(tmp_path / "upright.jpg")
    turned = documents.page_picture(tmp_path / "side.jpg", "image/jpeg", 1, tmp_path)
    assert (turned.name, turned.width, turned.height) == ("page.png", 40, 80)
    assert documents.page_picture(tmp_path / "upright.jpg", "image/jpeg", 1, tmp_path).name == ""


# --- the step ----------------------------------------------------------------------------------------


class Pictures:
    """Renders every page as the same small picture."""

    def page_picture(self, path: Path, media_type: str, page_number: int, into: Path) -> Any:
        Image.new("L", (8, 8)).save(into / "page.png")
        return type("Picture", (), {"name": "page.png"})()


def work(paid_reader: PaidReader | None, scratch: Path, *pages: Page) -> Work:
    store, objects = MemoryStore(), MemoryObjects()
    store.promise(FILE)
    store.files[FILE.file_id].pages = {page.number: page for page in pages}
    objects.objects[FILE.object_key] = b"%PDF"
    ports = Ports(store, objects, MemoryTopics(), cast(Any, Pictures()), cast(Any, None), paid_reader)
    return Work(Claim(FILE, "textract", 0, 1, str(uuid.uuid4()), 0), ports, scratch)


def single_page_parts(*numbers: int) -> tuple[Part, ...]:
    return tuple(Part((number,), cost_estimate_s=2.0) for number in numbers)


def test_only_unread_and_unsure_pages_are_read() -> None:
    assert step.plan(FILE) == single_page_parts(2, 3)
    sure = replace(FILE, pages=FILE.pages[:1])
    assert isinstance(step.plan(sure), Skip)


def test_the_confidence_that_ocr_must_reach_is_a_setting() -> None:
    assert step.plan(replace(FILE, reach=Reach(sure_from=95.0))) == single_page_parts(1, 2, 3)
    assert step.plan(replace(FILE, reach=Reach(sure_from=30.0))) == single_page_parts(3)


def test_all_unsure_or_unread_pages_are_read_if_ocr_failed() -> None:
    failed = replace(FILE, media_type="image/tiff", pages=FILE.pages[:1], failures={"ocr": ("timeout", "")})
    assert step.plan(failed) == single_page_parts(2, 3)


def test_many_unsure_pages_are_one_part_for_a_job_or_one_part_each_without_a_job() -> None:
    unsure = replace(LONG, pages=tuple(PageSummary(n, "ocr", 30.0) for n in MANY))
    assert [part.page_numbers for part in cast(Any, step.plan(unsure))] == [MANY]
    assert step.plan(replace(unsure, reach=Reach())) == single_page_parts(*MANY)


def test_a_file_that_is_neither_a_picture_nor_a_pdf_is_skipped() -> None:
    assert isinstance(step.plan(replace(FILE, media_type="text/plain", pages=(PageSummary(1, None, 0.0),))), Skip)


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("media_type", "pages", "failures", "wanted"),
    [
        (DOCX, [("native", 100.0), ("ocr", 40.0), ("ocr", 95.0)], {}, (2,)),
        ("message/rfc822", [("native", 100.0), (None, 0.0)], {"ocr": ("timeout", "")}, (2,)),
        (DOCX, [(None, 0.0)], {}, None),  # OCR found no text
        (DOCX, [("native", 100.0)], {}, None),
        (DOCX.replace("wordprocessingml.document", "presentationml.presentation"), [("ocr", 40.0)], {}, None),
    ],
)
def test_an_unsure_scan_in_a_document_or_a_mail_is_read(
    media_type: str, pages: list[Any], failures: dict[str, tuple[str, str]], wanted: tuple[int, ...] | None
) -> None:
    known = tuple(PageSummary(number, *page) for number, page in enumerate(pages, 1))
    plan = step.plan(replace(FILE, media_type=media_type, page_count=None, pages=known, failures=failures))
    assert isinstance(plan, Skip) if wanted is None else plan == single_page_parts(*wanted)


def test_a_scan_in_a_document_is_sent_as_a_picture(documents: Documents, tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(docx("See below", scan()))
    picture = documents.page_picture(tmp_path / "a.docx", DOCX, 2, tmp_path)
    assert (picture.name, picture.width, picture.height) == ("page.png", 900, 700)
    with pytest.raises(PermanentError, match="no readable picture"):
        documents.page_picture(tmp_path / "a.docx", DOCX, 1, tmp_path)


def test_the_step_is_skipped_with_a_reason_if_textract_is_not_configured(tmp_path: Path) -> None:
    assert step.run(FILE, work(None, tmp_path)) == Skip("Amazon Textract is not configured")


def test_no_page_is_paid_for_while_the_status_store_is_unreachable(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(store: MemoryStore, file_id: str) -> list[Page]:
        raise StoreUnreachable("no answer")

    monkeypatch.setattr(MemoryStore, "pages", unreachable)
    with pytest.raises(StoreUnreachable):
        step.run(replace(FILE, page_numbers=(2,)), work(world.reader, tmp_path))
    assert world.standin.counts["DetectDocumentText"] == 0


def test_paid_pages_are_kept_if_the_object_store_is_unreachable(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> Any:
        raise DependencyDown("object_store", "no answer")

    monkeypatch.setattr("functions.textract.save_text", unreachable)
    outcome = step.run(replace(FILE, page_numbers=(2,), part_count=1), work(world.reader, tmp_path))
    assert (
        isinstance(outcome, Done) and [page.source for page in outcome.pages] == ["textract"] and not outcome.artifacts
    )


def test_the_better_reading_of_each_page_is_kept(world: World, tmp_path: Path) -> None:
    world.set(pages=[["worse"], ["better"], ["new"]], confidence=60.0)
    before = [Page(1, "sure", (), "ocr", 90.0), Page(2, "unsure", (), "ocr", 40.0), Page(3)]
    outcome = step.run(replace(FILE, page_numbers=(1, 2, 3)), work(world.reader, tmp_path, *before))
    assert isinstance(outcome, Done)
    assert [(page.number, page.text) for page in outcome.pages] == [(2, "better"), (3, "new")]
    assert (tmp_path / "text.txt").read_text() == "sure\fbetter\fnew"
    assert outcome.artifacts[0].source == "textract"


def test_one_of_several_parts_does_not_store_the_text_of_the_file(world: World, tmp_path: Path) -> None:
    world.set(pages=[["better"]])
    part = replace(FILE, page_numbers=(2,), part=0, part_count=2)
    outcome = step.run(part, work(world.reader, tmp_path, Page(2, "unsure", (), "ocr", 40.0)))
    assert isinstance(outcome, Done)
    assert ([page.text for page in outcome.pages], outcome.artifacts) == (["better"], ())


def test_all_parts_and_attempts_use_the_same_job_and_a_redrive_uses_a_new_one(world: World, tmp_path: Path) -> None:
    world.set(pages=[["text"]] * 40)
    whole = replace(LONG, page_numbers=MANY)
    for file in (whole, replace(whole, part=1), replace(whole, redrives=1)):
        step.run(file, work(world.reader, tmp_path))
    tokens = [body["ClientRequestToken"] for body in world.requests("StartDocumentTextDetection")]
    assert tokens == [f"{FILE.file_id}-textract"] * 2 + [f"{FILE.file_id}-textract-1"]


def test_a_page_on_which_textract_finds_no_word_is_not_changed(world: World, tmp_path: Path) -> None:
    world.set(pages=[[]])
    outcome = step.run(replace(FILE, page_numbers=(3,)), work(world.reader, tmp_path, Page(1, "sure", (), "ocr", 90.0)))
    assert isinstance(outcome, Done)
    assert (outcome.pages, outcome.artifacts) == ((), ())
