"""Steps while a service that they need is down, and after it has returned; on ports in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.dispatch import dispatch
from layers.attempts.dependencies import PARKS_TO_BLAME
from layers.attempts.runner import Runner
from layers.domain.breaker import RAMP_S, Mode
from layers.domain.errors import DecoderCrashed, DependencyDown, PermanentError, TransientError
from layers.domain.file import File
from layers.domain.step import Done, Pipeline
from tests.unit.test_runner import Host, identified

HOURS_2 = 7200.0


class Service:
    """A service that works, is down, or fails in a way that the file may have caused."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls = 0
        self.served = 0

    def read(self, file: File, work: Any) -> Done:
        self.calls += 1
        if self.error:
            raise self.error
        self.served += 1
        return Done()


def down(dependency: str = "extraction") -> DependencyDown:
    return DependencyDown(dependency, "the service does not answer")


def pass_time(host: Host, seconds: float, tick_s: float = 5.0) -> None:
    """Let time pass. Each tick calls the dispatcher, as delayed messages do, and works."""
    for _ in range(int(seconds / tick_s)):
        host.now += tick_s
        dispatch(host.runner)
        host.work()


def test_an_outage_of_two_hours_costs_only_probes_and_no_attempt() -> None:
    service = Service(down())
    host = Host(read=service.read, depends_on="extraction", concurrency={"intake": 100, "read": 4})
    file_ids = [host.arrive() for _ in range(200)]
    pass_time(host, HOURS_2)
    assert service.calls < 5 + HOURS_2 / 40
    outcomes = [outcome for file_id in file_ids for outcome in host.outcomes(file_id, "read")]
    assert set(outcomes) == {"parked"} and len(outcomes) < 2 * service.calls + 10
    assert {row.failures for key, row in host.store.steps.items() if key[1] == "read"} == {0}
    service.error = None
    pass_time(host, 180)
    assert {host.file(file_id).state for file_id in file_ids} == {"done"} and service.served == 200


def test_an_outage_delays_only_the_steps_that_need_the_service() -> None:
    service = Service(down())
    host = Host(read=service.read, depends_on="extraction")
    file_ids = [host.arrive() for _ in range(30)]
    pass_time(host, 30)
    assert [host.outcomes(file_id, "picture") for file_id in file_ids] == [["done"]] * 30
    assert {host.file(file_id).state for file_id in file_ids} == {"processing"}
    assert host.breakers.states()["extraction"].reason == "the service does not answer"


def test_no_further_call_is_made_by_parts_in_flight_after_the_breaker_opened() -> None:
    service = Service(down())
    host = Host(read=service.read, depends_on="extraction", concurrency={"intake": 50, "read": 20})
    for _ in range(25):
        host.arrive()
    host.work()
    assert service.calls == 5


def test_the_load_rises_gradually_after_an_outage() -> None:
    service = Service(down())
    host = Host(read=service.read, depends_on="extraction", concurrency={"intake": 50, "read": 16})
    for _ in range(60):
        host.arrive()
    host.work()
    service.error = None
    host.now = host.breakers.state("extraction").probe_at
    host.store.wake_due(500)
    host.runner.dispatch({"read"})
    while host.breakers.state("extraction").mode is not Mode.CLOSED:
        host.runner.run(host.topics.published.pop(0))
    assert len([wake_up for wake_up in host.topics.published if wake_up.step == "read"]) <= 2
    host.topics.published.clear()
    host.now += RAMP_S
    host.runner.dispatch({"read"})
    assert len([wake_up for wake_up in host.topics.published if wake_up.step == "read"]) > 15


def with_read(host: Host, **fields: Any) -> Host:
    main, *others = host.runner.pipelines
    read = replace(main.steps[0], **fields)
    pipelines = (Pipeline("main", (read, *main.steps[1:])), *others)
    host.runner = Runner(host.runner.ports, host.runner.steps["intake"], pipelines, {}, chance=lambda: 0.5)
    return host


def test_a_step_with_a_fallback_fails_at_once_instead_of_parking() -> None:
    host = Host(read=Service(down("ocr")).read, depends_on="ocr", continues_after_failure=True)
    with_read(host, fallback="another reader")
    file_ids = [host.arrive() for _ in range(20)]
    host.work()
    assert {host.file(file_id).state for file_id in file_ids} == {"done"}
    assert {row.error for key, row in host.store.steps.items() if key[1] == "read"} == {
        ("ocr_down", "the service does not answer")
    }


def test_a_step_whose_fallback_is_down_too_is_parked() -> None:
    service = Service(down("ocr"))
    host = with_read(Host(read=service.read, depends_on="ocr", continues_after_failure=True), fallback="another reader")
    for _ in range(5):
        host.breakers.failed("another reader", "down as well")
    file_id = host.arrive()
    host.work()
    assert host.outcomes(file_id, "read") == ["parked"]
    service.error = None
    pass_time(host, 60)
    assert host.file(file_id).state == "done" and host.outcomes(file_id, "read")[-1] == "done"


@pytest.mark.parametrize(("does_without", "outcome"), [(True, "failed"), (False, "parked")])
def test_a_step_fails_or_parks_as_does_without_decides_for_the_file(does_without: bool, outcome: str) -> None:
    host = Host(read=Service(down("textract")).read, depends_on="textract", continues_after_failure=True)
    with_read(host, does_without=lambda file: does_without)
    file_ids = [host.arrive() for _ in range(20)]
    pass_time(host, 100)
    assert {host.outcomes(file_id, "read")[0] for file_id in file_ids} == {outcome}
    # Parked parts are not dispatched at every probe.
    assert sum(len(host.outcomes(file_id, "read")) for file_id in file_ids) < 2 * len(file_ids)


def test_parked_parts_are_woken_when_the_service_is_back() -> None:
    service = Service(down("textract"))
    host = Host(read=service.read, depends_on="textract", continues_after_failure=True)
    with_read(host, does_without=lambda file: False)
    file_ids = [host.arrive() for _ in range(20)]
    pass_time(host, 30)
    service.error = None
    pass_time(host, 120)
    assert {host.file(file_id).state for file_id in file_ids} == {"done"}


def test_a_reader_that_fails_on_every_file_opens_its_breaker_and_is_probed_until_it_works() -> None:
    reader = Service(TransientError("decoder_failed", "it fails on every file"))
    host = Host(read=reader.read, depends_on="ocr", continues_after_failure=True, concurrency={"intake": 100})
    with_read(host, fallback="another reader")
    first = [host.arrive() for _ in range(60)]
    pass_time(host, 120)
    assert {host.file(file_id).state for file_id in first} == {"done"}
    assert reader.calls < 60 and host.breakers.state("ocr").mode is Mode.OPEN
    reader.error = None
    pass_time(host, 60)
    late = [host.arrive() for _ in range(30)]
    pass_time(host, 60)
    assert reader.served == 30 and {host.file(file_id).state for file_id in late} == {"done"}


def test_an_unreachable_object_store_parks_every_step() -> None:
    store = Service(down("object_store"))

    def identify(file: File, work: Any) -> Done:
        store.read(file, work)
        return identified(file, work)

    host = Host(identify=identify, read=store.read, picture=store.read)
    file_ids = [host.arrive() for _ in range(20)]
    pass_time(host, 600)
    assert {host.file(file_id).state for file_id in file_ids} == {"processing"}
    assert store.calls < 5 + 20 and {row.failures for row in host.store.steps.values()} == {0}
    store.error = None
    pass_time(host, 300)
    assert {host.file(file_id).state for file_id in file_ids} == {"done"}


def test_a_file_that_parks_while_others_succeed_fails_in_the_end() -> None:
    victim = ""

    def read(file: File, work: Any) -> Done:
        if file.file_id == victim:
            raise down()
        return Done()

    host = Host(read=read, depends_on="extraction")
    victim = host.arrive()
    for _ in range(60):
        host.arrive()
        pass_time(host, 30)
    outcomes = host.outcomes(victim, "read")
    assert outcomes[: PARKS_TO_BLAME + 1] == ["parked"] * PARKS_TO_BLAME + ["retried"]
    assert host.file(victim).state == "failed" and host.file(victim).error[1] == "extraction_down"


def test_a_damaged_file_does_not_count_against_the_service() -> None:
    host = Host(read=Service(PermanentError("corrupt", "damaged")).read, depends_on="ocr")
    for _ in range(30):
        host.arrive()
    host.work()
    assert host.breakers.states() == {}


def test_files_that_need_no_service_neither_wait_for_it_nor_close_its_breaker() -> None:
    service = Service(down("preview"))
    need_service: set[str] = set()

    def show(file: File, work: Any) -> Done:
        return service.read(file, work) if file.file_id in need_service else Done()

    host = with_read(Host(read=show), depends_on="preview", needs_service=lambda file: file.file_id in need_service)
    need_service |= {host.arrive() for _ in range(10)}
    host.work()
    assert host.breakers.state("preview").mode is Mode.OPEN
    others = [host.arrive() for _ in range(30)]
    host.work()
    assert {host.file(file_id).state for file_id in others} == {"done"}
    assert {host.file(file_id).state for file_id in need_service} == {"processing"} and service.calls == 5
    assert host.breakers.state("preview").mode is Mode.OPEN
    service.error = None
    pass_time(host, 90)
    assert {host.file(file_id).state for file_id in need_service} == {"done"}
    assert {row.failures for row in host.store.steps.values()} == {0}


def test_successes_without_the_service_do_not_hide_its_outage() -> None:
    host = Host(read=Service(down("preview")).read)
    dependent = host.arrive()
    with_read(host, depends_on="preview", needs_service=lambda file: file.file_id == dependent)
    for _ in range(4):
        host.breakers.failed("preview", "no answer")
    host.arrive()
    host.work()
    assert host.breakers.state("preview").mode is Mode.OPEN


def crashed(dependency: str | None) -> DecoderCrashed:
    error = DecoderCrashed("decoder_crashed", "it died")
    error.dependency = dependency
    return error


@pytest.mark.parametrize(("dependency", "mode"), [("ocr", Mode.OPEN), (None, Mode.CLOSED)])
def test_crashes_on_every_file_open_the_breaker_of_the_decoders_service(dependency: str | None, mode: Mode) -> None:
    reader = Service(crashed(dependency))
    host = Host(read=reader.read, depends_on="ocr", continues_after_failure=True, concurrency={"intake": 100})
    with_read(host, fallback="another reader")
    first = [host.arrive() for _ in range(60)]
    pass_time(host, 120)
    assert {host.file(file_id).state for file_id in first} == {"done"}
    assert host.breakers.state("ocr").mode is mode
    assert (reader.calls < 60) is (mode is Mode.OPEN)
