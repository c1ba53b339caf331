"""Parts of Fairway's own that are lost under load: Redis, topics, PostgreSQL, the object store."""

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
from tests.scenarios.faults import killed_and_kept_away
from tests.scenarios.figures import Figure, at_least, at_most, exactly
from tests.scenarios.services import SPENT
from tests.scenarios.stage import Stage, scans, texts, wait_until
from tests.standins.tesseract import UNSURE

REPUBLISHED_S = 30.0
MODEL_S = 0.3
STOPS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # fast, at once, and as a crash


def without_redis(stage: Stage, *, count: int, seconds: float, least_share: float, within_s: float) -> list[Figure]:
    """Redis is killed and kept away under load; the rate then, beside that before and after."""
    stage.model.reset()
    stage.model.change(delay_s=MODEL_S)  # so that the model sets the rate, and not what else the machine does
    batch_id = _all_arrived(stage, "without redis", count)
    wait_until(lambda: _done(stage, batch_id) > 0, within_s, "the first record")
    before = _rate(stage, batch_id, seconds / 3)
    with killed_and_kept_away(stage.pid("valkey"), stage.running.installation.ports["valkey"]):
        without = _rate(stage, batch_id, seconds)
    wait_until(lambda: "valkey" in stage.pids(), 30, "Redis again")
    after = _rate(stage, batch_id, seconds / 3)
    if not stage.files(batch_id)["processing"]:
        raise AssertionError("the load ended before the measurement did")
    wait_until(lambda: stage.is_settled(batch_id), within_s, "every file")
    with_redis = (before + after) / 2
    return [
        exactly("files that failed", count - stage.files(batch_id)["done"], 0),
        at_least(f"of the rate, {seconds:g} s without Redis", round(without / with_redis, 2), least_share),
        Figure("files a second with it", round(with_redis, 1)),
        Figure("files a second without it", round(without, 1)),
    ]


def wiped_topics(stage: Stage, *, count: int, times: int, at_once: bool, within_s: float) -> list[Figure]:
    """Every topic loses every message, several times, under load; the first time all news of what was uploaded.

    `at_once`: the first time is left out, and the clock set forward in place of waiting.
    """
    stage.model.reset()
    stage.model.change(delay_s=MODEL_S)  # so that some always wait for their turn
    batch_id = _all_arrived(stage, "wiped", count, and_then=None if at_once else stage.wipe_topics)
    found_after_s = wait_until(lambda: not stage.files(batch_id)["uploading"], within_s, "the uploads")
    wiped = [_wipe(stage, batch_id, turn / (times + 1), at_once, within_s) for turn in range(times)]
    wait_until(lambda: stage.is_settled(batch_id), within_s, "every file")
    audit = stage.audit()
    return [
        exactly("files lost", count - stage.files(batch_id)["done"], 0),
        at_least("wake-ups wiped, the fewest at a time", min(lost for lost, _ in wiped), 1),
        at_most("seconds until the last of them was run", max(seconds for _, seconds in wiped), REPUBLISHED_S),
        Figure("seconds until all uploads were known", round(found_after_s, 1)),
        exactly("lost and doubled by the audit", (audit["lost"], audit["doubled"]), (0, 0)),
    ]


def restarts(stage: Stage, *, count: int, scanned: int, times: int, within_s: float) -> list[Figure]:
    """PostgreSQL is stopped in several ways under load, and started anew by who keeps it."""
    stage.model.reset()
    stage.textract.reset()
    stage.tesseract.read(UNSURE)
    contents = texts(count, "restarts") | scans(scanned, "restarts")
    batch_id = stage.send(stage.dataset("restarts"), contents)
    with _caller(stage) as answers:
        away_s = [_restart(stage, batch_id, turn, times, within_s) for turn in range(times)]
        wait_until(lambda: stage.is_settled(batch_id), within_s, "every file")
    audit, outcomes = stage.audit(), stage.outcomes(batch_id)
    doubled = stage.rows(
        "SELECT count(*) AS n FROM (SELECT 1 FROM attempts JOIN files USING (file_id) WHERE batch_id = %(id)s"
        " AND outcome = 'done' GROUP BY file_id, step, part HAVING count(*) > 1) d",
        id=batch_id,
    )[0]["n"]
    return [
        exactly("files lost", len(contents) - stage.files(batch_id)["done"], 0),
        exactly("steps done twice", doubled, 0),
        exactly("pages paid for, of as many", stage.textract.counts["sent_pages"], scanned),
        exactly("calls of the model, of as many", stage.model.counts["completions"], len(contents)),
        exactly("lost and doubled by the audit", (audit["lost"], audit["doubled"]), (0, 0)),
        exactly("attempts that failed or were lost", outcomes["failed"] + outcomes["lost"], 0),
        exactly("what callers were answered", sorted(answers), ["200", "503 with Retry-After"]),
        Figure("seconds away, the longest", round(max(away_s), 1)),
    ]


def object_store_away(stage: Stage, *, count: int, within_s: float) -> list[Figure]:
    """The workers can't reach the object store for ten minutes by their clock."""
    stage.model.reset()
    stage.objects.shut()
    batch_id = stage.send(stage.dataset("away"), texts(count, "away"))
    wait_until(lambda: stage.steps(batch_id, "intake")["parked"] >= 3, within_s, "the first parked")
    for _ in range(20):
        wait_until(lambda: not _under_way(stage, batch_id), within_s, "what is under way")  # no lease ends by our clock
        _later(stage, 30)
        time.sleep(0.05)
    wait_until(lambda: not stage.steps(batch_id, "intake")["running"], within_s, "the last probe's end")
    during = stage.outcomes(batch_id)
    reasons = stage.rows(
        "SELECT DISTINCT left(a.error_detail, 16) AS said FROM attempts a JOIN files USING (file_id)"
        " WHERE batch_id = %(id)s AND outcome = 'parked'",
        id=batch_id,
    )
    stage.objects.open()
    wait_until(lambda: _later(stage, 5) and stage.is_settled(batch_id), within_s, "every file")
    return [
        exactly("files done after it was back", stage.files(batch_id)["done"], count),
        exactly("outcomes while it was away", sorted(during), ["parked"]),
        exactly("attempts spent", sum(stage.outcomes(batch_id)[word] for word in SPENT), 0),
        exactly("what the parked said", [row["said"] for row in reasons], ["the object store"]),
    ]


def _under_way(stage: Stage, batch_id: str) -> int:
    states = stage.steps(batch_id, "intake")
    return states["queued"] + states["running"]


def _later(stage: Stage, seconds: float) -> bool:
    """It is so much later, and the dispatcher is woken as by a message that was due in between."""
    stage.clock.forward(seconds)
    stage.wake_dispatcher()
    return True


# --- load ------------------------------------------------------------------------------------------------


def _workers(stage: Stage) -> list[int]:
    return [pid for name, pid in stage.pids().items() if name.startswith("worker-")]


def _pause(stage: Stage) -> None:
    for pid in _workers(stage):
        os.kill(pid, signal.SIGSTOP)


def _go_on(stage: Stage) -> None:
    for pid in _workers(stage):
        os.kill(pid, signal.SIGCONT)


def _all_arrived(stage: Stage, name: str, count: int, and_then: Callable[[], None] | None = None) -> str:
    """A batch of texts whose upload costs the measurement nothing: workers stand still until it is over."""
    _pause(stage)
    try:
        batch_id = stage.send(stage.dataset(name), texts(count, name))
        if and_then:
            and_then()
        return batch_id
    finally:
        _go_on(stage)


def _done(stage: Stage, batch_id: str) -> int:
    return stage.files(batch_id)["done"]


def _share(stage: Stage, batch_id: str) -> float:
    """How much of a batch is done."""
    files = stage.files(batch_id)
    return files["done"] / max(1, files.total())


def _rate(stage: Stage, batch_id: str, seconds: float) -> float:
    began, before = time.monotonic(), _done(stage, batch_id)
    time.sleep(seconds)
    return (_done(stage, batch_id) - before) / (time.monotonic() - began)


def _queued(stage: Stage, batch_id: str) -> set[tuple[str, str, int, int]]:
    """The wake-ups that are on their way."""
    rows = stage.rows(
        "SELECT file_id, step, part, attempt FROM steps WHERE batch_id = %(id)s AND state = 'queued'", id=batch_id
    )
    return {(str(row["file_id"]), row["step"], row["part"], row["attempt"]) for row in rows}


def _paused_with_some_queued(stage: Stage, batch_id: str) -> bool:
    """Whether workers stand still while some wake-ups are on their way; else they go on."""
    _pause(stage)
    if _queued(stage, batch_id):
        return True
    _go_on(stage)
    return False


def _wipe(stage: Stage, batch_id: str, once_done: float, at_once: bool, within_s: float) -> tuple[int, float]:
    """Once so much of a batch is done, all topics are wiped: how many wake-ups, and seconds until all of them ran."""
    wait_until(lambda: _share(stage, batch_id) > once_done, within_s, "some records")
    wait_until(lambda: _paused_with_some_queued(stage, batch_id), within_s, "wake-ups on their way")
    stage.wipe_topics()
    wanted = _queued(stage, batch_id)
    if at_once:
        stage.clock.forward(REPUBLISHED_S)
    _go_on(stage)
    return len(wanted), round(wait_until(lambda: not wanted & _queued(stage, batch_id), within_s, "the wiped"), 1)


def _restart(stage: Stage, batch_id: str, turn: int, times: int, within_s: float) -> float:
    """Once so much of a batch is done, PostgreSQL is stopped; seconds until another one answers."""
    wait_until(lambda: _share(stage, batch_id) > turn / (times + 1), within_s, "some records")
    before, began = stage.pid("postgres"), time.monotonic()
    os.kill(before, STOPS[turn % len(STOPS)])
    wait_until(lambda: stage.pids().get("postgres", before) != before and _answers(stage), within_s, "PostgreSQL")
    return time.monotonic() - began


def _answers(stage: Stage) -> bool:
    try:
        return bool(stage.rows("SELECT 1"))
    except StoreUnreachable:
        return False


@contextmanager
def _caller(stage: Stage) -> Iterator[Counter[str]]:
    """Somebody who calls the API all the while; what the answers were."""
    answers: Counter[str] = Counter()
    ended = threading.Event()
    thread = threading.Thread(target=_call, args=(stage, answers, ended))
    thread.start()
    try:
        yield answers
    finally:
        ended.set()
        thread.join()


def _call(stage: Stage, answers: Counter[str], ended: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {stage.api_key}"}
    with httpx.Client(base_url=stage.api_url, headers=headers, trust_env=False, timeout=30) as client:
        while not ended.wait(0.1):
            try:
                answer = client.get("/datasets")
            except httpx.HTTPError as error:
                answers[f"none ({type(error).__name__})"] += 1
                continue
            told = " with Retry-After" if "Retry-After" in answer.headers else ""
            answers[f"{answer.status_code}{told}"] += 1
