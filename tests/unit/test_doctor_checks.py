"""The checks of `python -m infra.doctor`, without servers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from infra.doctor import checks, clocks, host, objects, queues, workers
from infra.doctor.cache import refused
from infra.doctor.objects import await_event
from infra.setup.results import OK, WARNING, WRONG
from layers.adapters.postgres.migration import SCHEMA, pending
from layers.domain.breaker import Breaker, Mode
from layers.ports import Backlog
from layers.settings import Settings
from layers.version import VERSION
from tests.fakes.objects import MemoryObjects

STEPS = ("text", "ocr")


@pytest.mark.parametrize(
    ("ahead_s", "state", "message"),
    [
        (0.0, OK, "agrees"),
        (1.5, OK, "agrees"),
        (-1.5, OK, "agrees"),
        (5.0, WARNING, "5 s ahead of"),
        (-5.0, WARNING, "5 s behind"),
        (400.0, WRONG, "400 s ahead of"),
    ],
)
def test_clocks_that_are_apart_are_named_with_the_direction(ahead_s: float, state: str, message: str) -> None:
    result = clocks.compare("PostgreSQL", lambda: time.time() + ahead_s)
    assert result.state == state and message in result.text


def test_the_resolution_of_a_servers_time_is_no_difference() -> None:
    assert clocks.compare("the store", lambda: float(int(time.time() - 1.4)), resolution_s=1.0).state == OK


@pytest.mark.parametrize(
    ("fleet", "states", "text"),
    [
        ([], [WRONG], "No worker is running"),
        ([("a", "h1", VERSION, STEPS), ("b", "h2", VERSION, ("ocr",))], [OK], "2 workers run on 2 hosts"),
        ([("a", "h1", VERSION, STEPS), ("b", "h1", "0.1.0", STEPS)], [OK, WARNING], "1 run 0.1.0"),
        ([("a", "h1", "0.1.0", STEPS)], [OK, WARNING], "The workers run 0.1.0"),
        ([("a", "h1", VERSION, ("text",))], [OK, WRONG], "No worker runs ocr"),
    ],
)
def test_the_fleet_is_judged_by_its_versions_and_steps(
    fleet: list[tuple[str, str, str, tuple[str, ...]]], states: list[str], text: str
) -> None:
    results = list(workers.check_fleet([workers.LiveWorker(*fields) for fields in fleet], STEPS))
    assert [result.state for result in results] == states
    assert text in results[-1].text


def test_work_that_waits_and_services_that_are_down_are_named() -> None:
    backlogs = [Backlog("ocr", 3600.0, 0, 0.0), Backlog("text", 5.0, 0, 0.0)]
    breakers = {"preview": Breaker(Mode.OPEN, reason="it answered 500"), "textract": Breaker()}
    texts = [result.text for result in workers.check_work(backlogs, breakers)]
    assert len(texts) == 2
    assert "preview" in texts[0] and "it answered 500" in texts[0]
    assert "The oldest part of ocr has waited for 60 minutes" in texts[1]


@pytest.mark.parametrize(
    ("partitions", "receivers", "state", "message"),
    [
        ({"f-ocr": 4}, {"f-ocr": 4}, OK, "a partition for each worker"),
        ({"f-ocr": 4}, {"f-ocr": 6}, WRONG, "2 of them receive nothing"),
        ({"f-ocr": 0}, {}, WRONG, "Topics are missing: f-ocr"),
    ],
)
def test_topics_with_fewer_partitions_than_workers_are_too_narrow(
    partitions: dict[str, int], receivers: dict[str, int], state: str, message: str
) -> None:
    (result,) = queues.check_partitions(partitions, receivers)
    assert result.state == state and message in result.text


def test_each_topic_is_received_by_the_workers_of_its_step() -> None:
    live = [workers.LiveWorker("a", "h", VERSION, ("intake", "text")), workers.LiveWorker("b", "h", VERSION, ("ocr",))]
    counted = checks.receivers(live)
    assert (counted["arrivals"], counted["dispatch"]) == (1, 2)
    assert (counted["text"], counted["ocr"], counted["preview"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "raise maxmemory"),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots"), "save its data to disk"),
        (ReadOnlyError("You can't write against a read only replica."), "must name the primary"),
        (ResponseError("ODD something else"), "ODD something else"),
    ],
)
def test_a_refused_write_says_what_to_do(error: Exception, message: str) -> None:
    result = refused(error)
    assert result.state == WRONG and message in result.text


@pytest.mark.parametrize(
    ("free_mib", "total_mib", "state"),
    [
        (100, 10_000, WRONG),
        (1_000, 3_000, WARNING),
        (3_000, 100_000, WARNING),
        (50_000, 2_000_000, OK),
        (6_000, 10_000, OK),
    ],
)
def test_a_disk_is_judged_by_what_is_left(free_mib: int, total_mib: int, state: str) -> None:
    assert host.judge_disk(Path("/data"), free_mib << 20, total_mib << 20).state == state


def test_languages_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.tessdata, "program", lambda: "sh")
    monkeypatch.setattr(host.tessdata, "installed_languages", lambda: ("eng",))
    (result,) = host.check_ocr({"eng", "fra"})
    assert result.state == WRONG and "fra" in result.text and "eng" not in result.text.split(":")[1].split(".")[0]
    assert [result.state for result in host.check_ocr({"eng"})] == [OK]
    assert [result.state for result in host.check_ocr({"eng", "fra"}, ["fra"])] == [OK]
    monkeypatch.setattr(host.tessdata, "program", lambda: "/nonexistent/tesseract")
    (result,) = host.check_ocr({"eng"})
    assert result.state == WRONG and "Tesseract is not installed" in result.text


@pytest.mark.parametrize(("font", "state"), [("NotoSansCJK-Regular.ttc", OK), (None, WARNING)])
def test_a_host_without_east_asian_fonts_is_named(
    monkeypatch: pytest.MonkeyPatch, font: str | None, state: str
) -> None:
    monkeypatch.setattr(host.paper, "east_asian_font", lambda: font)
    result = host.check_fonts()
    assert result.state == state
    assert ("fonts-noto-cjk" in result.text) == (font is None)


class Printer:
    def __init__(self, works: bool) -> None:
        self.is_up = lambda: works


@pytest.mark.parametrize(
    ("settings", "printer", "state"),
    [
        ({}, None, WARNING),
        ({"libreoffice": "off"}, None, OK),
        ({}, Printer(True), OK),
        ({"preview_url": "http://preview:3000"}, Printer(True), OK),
        ({"preview_url": "http://preview:3000"}, Printer(False), WRONG),
    ],
)
def test_what_prints_office_documents_is_judged(settings: dict[str, str], printer: Printer | None, state: str) -> None:
    assert host.check_printing(Settings(**settings), printer).state == state  # type: ignore[arg-type]


def test_an_event_that_does_not_arrive_is_wrong_and_one_that_does_is_timed() -> None:
    assert await_event(lambda: True).state == OK
    result = await_event(lambda: False, within_s=0.05)
    assert result.state == WRONG and "python -m infra.setup" in result.text


def test_what_a_database_lacks_is_known_by_names_and_the_digest_of_the_functions() -> None:
    names = {path.stem: "digest" for path in (SCHEMA / "migrations").glob("*.sql")}
    newest = max(names)
    assert pending(names) == ["functions"]
    assert pending({name: digest for name, digest in names.items() if name != newest}) == [newest, "functions"]


@pytest.mark.parametrize(
    ("answers", "states"),
    [
        ([200, 412], [OK]),
        ([200, 200, 200, 412], [OK]),  # a worker deleted the first probe between its two uploads
        ([200] * 12, [OK, WRONG]),
    ],
)
def test_a_store_that_replaces_objects_is_told_from_a_worker_that_deletes_probes(
    monkeypatch: pytest.MonkeyPatch, answers: list[int], states: list[str]
) -> None:
    left = iter(answers)
    monkeypatch.setattr(objects, "_put", lambda url, headers: next(left))
    found = list(objects._upload(MemoryObjects(), None, "bucket", "probes/a"))
    assert [result.state for result in found] == states
    assert not list(left) or len(answers) == 12
