"""The short form of `make chaos`: twenty files, and all faults."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.crash_points import crash_at_each_line
from tests.chaos.harness import Chaos, ChaosPlan, choose
from tests.chaos.webhook_crash_points import crash_webhooks_at_each_line
from tests.making import Urls
from tests.store_server import running_store


@pytest.mark.timeout(300)
def test_each_effect_happens_exactly_once_despite_crashes(database_urls: Urls, tmp_path: Path) -> None:
    plan = ChaosPlan(files=20, crash_chance=1 / 250, slow_chance=1 / 60, kill_every_s=0.5, timeout_s=240)
    with running_store(tmp_path) as store:
        results = Chaos(database_urls, store, plan, tmp_path).run()
    assert results.faults == [], f"seed {plan.seed}"
    assert results.effects and set(results.effects.values()) == {(1.0, 1.0, 1.0)}, results.effects
    assert results.counts["killed"] > 0 and results.counts["files done"] > 0


def test_a_run_fails_with_the_reason_when_its_workers_cannot_start(
    database_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Chaos, "_start", lambda self: subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    )
    with running_store(tmp_path) as store, pytest.raises(AssertionError, match="fork server did not start"):
        Chaos(database_urls, store, ChaosPlan(files=20), tmp_path).run()


@pytest.mark.parametrize(
    ("count", "share", "chosen"), [(2, 0.1, 1), (2, 1.0, 1), (20, 0.1, 2), (20, 1.0, 19), (9, 0.0, 0)]
)
def test_some_files_are_always_left_to_be_processed(count: int, share: float, chosen: int) -> None:
    assert len(choose(count, share, random.Random())) == chosen


def test_a_worker_can_be_killed_at_any_line_between_claim_and_commit(database_urls: Urls) -> None:
    crashes = crash_at_each_line(database_urls, every=80)
    assert crashes.faults == []
    assert crashes.lines > 10


def test_every_event_is_delivered_in_order_if_a_worker_is_killed_at_any_line(database_urls: Urls) -> None:
    crashes = crash_webhooks_at_each_line(database_urls, every=12)
    assert crashes.faults == []
    assert crashes.lines > 5
