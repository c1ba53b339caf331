"""The short form of `make chaos`: some dozens of files, and everything that may happen to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.harness import Chaos, Plan
from tests.chaos.lines import die_at_each_line
from tests.making import Urls
from tests.parts import store_parts


@pytest.mark.timeout(300)
def test_each_effect_comes_once_whatever_dies(database_urls: Urls, tmp_path: Path) -> None:
    plan = Plan(files=20, death=1 / 250, slow=1 / 60, kill_every_s=0.5, longest_s=240)
    with store_parts(tmp_path) as store:
        books = Chaos(database_urls, store, plan, tmp_path).run()
    assert books.faults == []
    assert books.effects and set(books.effects.values()) == {(1.0, 1.0, 1.0)}, books.effects
    assert books.counts["killed"] > 0 and books.counts["files done"] > 0


def test_a_worker_may_be_killed_at_any_line_between_claim_and_commit(database_urls: Urls) -> None:
    deaths = die_at_each_line(database_urls, every=80)
    assert deaths.faults == []
    assert deaths.lines > 10
