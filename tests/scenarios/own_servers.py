"""Scenarios in which a server of Fairway's own fails under load: Redis, the topics, PostgreSQL, the object store."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from layers.domain.errors import StoreUnreachable
from tests.scenarios.faults import killed_and_kept_down
from tests.scenarios.measurements import Measurement, at_least, at_most, exactly
from tests.scenarios.services import SPENT
from tests.scenarios.system import System, scans, texts, wait_until
from tests.standins.tesseract import UNSURE

REPUBLISHED_S = 30.0
MODEL_S = 0.3
STATEMENT_S = 0.05
WakeUps = set[tuple[str, str, int, int]]
SHUTDOWNS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # PostgreSQL's fast and immediate shutdown, and a crash


def without_redis(
    system: System, *, count: int, seconds: float, least_share: float, within_s: float
) -> list[Measurement]:
    """Redis is killed under load and kept down; the throughput is compared with that before and after."""
    system.model.reset()
    system.model.change(delay_s=MODEL_S)  # so that the model limits the throughput, not other load on the machine
    batch_id = _upload_at_once(system, "without redis", count)
    wait_until(lambda: _done(system, batch_id) > 0, within_s, "the first record")
    before = _files_per_s(system, batch_id, seconds / 3)
    with killed_and_kept_down(system.pid("valkey"), system.running.installation.ports["valkey"]):
        without = _files_per_s(system, batch_id, seconds)
    wait_until(lambda: "valkey" in system.pids(), 30, "Redis runs again")
    after = _files_per_s(system, batch_id, seconds / 3)
    if not system.files(batch_id)["processing"]:
        raise AssertionError("all files were done before the measurement ended; use more files")
    wait_until(lambda: system.is_settled(batch_id), within_s, "all files are done")
    with_redis = (before + after) / 2
    return [
        exactly("files not done", count - system.files(batch_id)["done"], 0),
        at_least(
            f"throughput during {seconds:g} s without Redis, relative", round(without / with_redis, 2), least_share
        ),
        Measurement("files/s with Redis", round(with_redis, 1)),
        Measurement("files/s without Redis", round(without, 1)),
    ]


def wiped_topics(system: System, *, count: int, times: int, sets_clock: bool, within_s: float) -> list[Measurement]:
    """All topics lose all messages several times under load. The first time, the notifications of all uploads are lost.

    `sets_clock` omits the first time, and sets the clock forward instead of waiting.
    """
    system.model.reset()
    system.model.change(delay_s=MODEL_S)  # so that some files always wait for their turn
    batch_id = _upload_at_once(system, "wiped", count, and_then=None if sets_clock else system.wipe_topics)
    found_after_s = wait_until(lambda: not system.files(batch_id)["uploading"], within_s, "all uploads are found")
    wiped = [_wipe(system, batch_id, turn / (times + 1), sets_clock, within_s) for turn in range(times)]
    wait_until(lambda: system.is_settled(batch_id), within_s, "all files are done")
    audit = system.audit()
    return [
        exactly("files not done", count - system.files(batch_id)["done"], 0),
        at_least("wake-ups lost in a wipe, minimum", min(lost for lost, _ in wiped), 1),
        at_most("seconds until all lost wake-ups have run", max(seconds for _, seconds in wiped), REPUBLISHED_S),
        Measurement("seconds until all uploads are found", round(found_after_s, 1)),
        exactly("audit: lost, doubled", (audit["lost"], audit["doubled"]), (0, 0)),
    ]


def restarts(system: System, *, count: int, scanned: int, times: int, within_s: float) -> list[Measurement]:
    """PostgreSQL is stopped in several ways under load, and restarted by its supervisor."""
    system.model.reset()
    system.textract.reset()
    system.tesseract.read(UNSURE)
    contents = texts(count, "restarts") | scans(scanned, "restarts")
    batch_id = system.send(system.dataset("restarts"), contents)
    with _api_client(system) as answers:
        down_s = [_restart(system, batch_id, turn, times, within_s) for turn in range(times)]
        wait_until(lambda: system.is_settled(batch_id), within_s, "all files are done")
    audit, outcomes = system.audit(), system.outcomes(batch_id)
    return [
        exactly("files not done", len(contents) - system.files(batch_id)["done"], 0),
        exactly("parts done twice", system.done_twice(batch_id), 0),
        exactly("pages sent to Textract", system.textract.counts["sent_pages"], scanned),
        exactly("calls to the model", system.model.counts["completions"], len(contents)),
        exactly("audit: lost, doubled", (audit["lost"], audit["doubled"]), (0, 0)),
        exactly("attempts that failed or were lost", outcomes["failed"] + outcomes["lost"], 0),
        exactly("kinds of API answers", sorted(answers), ["200", "503 with Retry-After"]),
        Measurement("seconds down, maximum", round(max(down_s), 1)),
    ]


def object_store_down(system: System, *, count: int, within_s: float) -> list[Measurement]:
    """The workers cannot reach the object store for ten minutes of their clock."""
    system.model.reset()
    system.object_store_proxy.block()
    batch_id = system.send(system.dataset("store down"), texts(count, "store down"))
    wait_until(lambda: system.steps(batch_id, "intake")["parked"] >= 3, within_s, "the first files are parked")
    for _ in range(20):
        # Otherwise the clock would end the leases of running steps.
        wait_until(lambda: not _in_flight(system, batch_id), within_s, "no step is queued or running")
        _advance_clock(system, 30)
        time.sleep(0.05)
    wait_until(lambda: not system.steps(batch_id, "intake")["running"], within_s, "the last probe has ended")
    during = system.outcomes(batch_id)
    reasons = system.rows(
        "SELECT DISTINCT left(a.error_detail, 16) AS reason FROM attempts a JOIN files USING (file_id)"
        " WHERE batch_id = %(id)s AND outcome = 'parked'",
        id=batch_id,
    )
    system.object_store_proxy.unblock()
    wait_until(lambda: _advance_clock(system, 5) and system.is_settled(batch_id), within_s, "all files are done")
    return [
        exactly("files done after recovery", system.files(batch_id)["done"], count),
        exactly("outcomes during the outage", sorted(during), ["parked"]),
        exactly("attempts spent", sum(system.outcomes(batch_id)[outcome] for outcome in SPENT), 0),
        exactly("reasons of parked attempts", [row["reason"] for row in reasons], ["the object store"]),
    ]


def _in_flight(system: System, batch_id: str) -> int:
    states = system.steps(batch_id, "intake")
    return states["queued"] + states["running"]


def _advance_clock(system: System, seconds: float) -> bool:
    """Set the clock forward, and wake the dispatcher like a message that became due in between. Returns True."""
    system.clock.forward(seconds)
    system.wake_dispatcher()
    return True


# --- load ------------------------------------------------------------------------------------------------


def _workers(system: System) -> list[int]:
    return [pid for name, pid in system.pids().items() if name.startswith("worker-")]


def _pause_workers(system: System) -> None:
    for pid in _workers(system):
        os.kill(pid, signal.SIGSTOP)


def _resume_workers(system: System) -> None:
    for pid in _workers(system):
        os.kill(pid, signal.SIGCONT)


def _upload_at_once(system: System, name: str, count: int, and_then: Callable[[], None] | None = None) -> str:
    """Upload a batch of texts while the workers are paused, so that uploads do not compete with the measured work."""
    _pause_workers(system)
    try:
        batch_id = system.send(system.dataset(name), texts(count, name))
        if and_then:
            and_then()
        return batch_id
    finally:
        _resume_workers(system)


def _done(system: System, batch_id: str) -> int:
    return system.files(batch_id)["done"]


def _share_done(system: System, batch_id: str) -> float:
    """The share of a batch's files that are done."""
    files = system.files(batch_id)
    return files["done"] / max(1, files.total())


def _files_per_s(system: System, batch_id: str, seconds: float) -> float:
    began, before = time.monotonic(), _done(system, batch_id)
    time.sleep(seconds)
    return (_done(system, batch_id) - before) / (time.monotonic() - began)


def _queued(system: System, batch_id: str) -> WakeUps:
    """The wake-ups that are published and not claimed, each as file, step, part and attempt."""
    rows = system.rows(
        "SELECT file_id, step, part, attempt FROM steps WHERE batch_id = %(id)s AND state = 'queued'", id=batch_id
    )
    return {(str(row["file_id"]), row["step"], row["part"], row["attempt"]) for row in rows}


def _queued_while_paused(system: System, batch_id: str) -> WakeUps:
    """Pause the workers. Returns the wake-ups that are queued then; if there are none, the workers run again."""
    _pause_workers(system)
    time.sleep(STATEMENT_S)  # PostgreSQL ends the statements that paused workers have sent
    if queued := _queued(system, batch_id):
        return queued
    _resume_workers(system)
    if system.is_settled(batch_id):
        raise AssertionError(f"no wake-up was queued at any check: {dict(system.files(batch_id))}")
    return set()


def _wipe(system: System, batch_id: str, share_done: float, sets_clock: bool, within_s: float) -> tuple[int, float]:
    """Delete all messages when this share of a batch is done. Returns the number of lost wake-ups, and the seconds until
    all of them have run."""
    wait_until(lambda: _share_done(system, batch_id) > share_done, within_s, f"{share_done:.0%} of the records")
    lost: WakeUps = set()

    def some_are_queued() -> bool:
        lost.update(_queued_while_paused(system, batch_id))
        return bool(lost)

    wait_until(some_are_queued, within_s, "some wake-ups are queued")
    system.wipe_topics()
    if sets_clock:
        system.clock.forward(REPUBLISHED_S)
    _resume_workers(system)
    took_s = wait_until(lambda: not lost & _queued(system, batch_id), within_s, "all lost wake-ups have run")
    return len(lost), round(took_s, 1)


def _restart(system: System, batch_id: str, turn: int, times: int, within_s: float) -> float:
    """Stop PostgreSQL when a share of a batch is done, which grows with each turn. Returns the seconds until it answers
    again."""
    share_done = turn / (times + 1)
    wait_until(lambda: _share_done(system, batch_id) > share_done, within_s, f"{share_done:.0%} of the records")
    before, began = system.pid("postgres"), time.monotonic()
    os.kill(before, SHUTDOWNS[turn % len(SHUTDOWNS)])
    wait_until(
        lambda: system.pids().get("postgres", before) != before and _database_answers(system),
        within_s,
        "PostgreSQL answers again",
    )
    return time.monotonic() - began


def _database_answers(system: System) -> bool:
    try:
        return bool(system.rows("SELECT 1"))
    except StoreUnreachable:
        return False


@contextmanager
def _api_client(system: System) -> Iterator[Counter[str]]:
    """Call the API ten times a second during the block. Yields the number of answers by kind."""
    answers: Counter[str] = Counter()
    ended = threading.Event()
    thread = threading.Thread(target=_call_api, args=(system, answers, ended))
    thread.start()
    try:
        yield answers
    finally:
        ended.set()
        thread.join()


def _call_api(system: System, answers: Counter[str], ended: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {system.api_key}"}
    with httpx.Client(base_url=system.api_url, headers=headers, trust_env=False, timeout=30) as client:
        while not ended.wait(0.1):
            try:
                answer = client.get("/datasets")
            except httpx.HTTPError as error:
                answers[f"none ({type(error).__name__})"] += 1
                continue
            header = " with Retry-After" if "Retry-After" in answer.headers else ""
            answers[f"{answer.status_code}{header}"] += 1
