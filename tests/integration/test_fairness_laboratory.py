"""The laboratory's short form: its scenes on the real store, judged by the order of dispatch and not by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.fairness import scenes
from benchmarks.fairness.asking import Asker
from benchmarks.fairness.figures import Read, by_tenant, costs, gone_before, jain_by_cost, percentile, while_all_wait
from benchmarks.fairness.laboratory import ORDERS, Laboratory
from benchmarks.fairness.scenes import NOISY, QUIET, Scene
from tests.making import Urls

CONCURRENCY = 4


@pytest.fixture(scope="module")
def laboratory(database_urls: Urls) -> Iterator[Laboratory]:
    urls = database_urls
    yield Laboratory(urls.owner, urls.worker, urls.api, page_s=0.02, concurrency=CONCURRENCY)


def passed_over(reads: list[Read]) -> float:
    """How many parts nearly every quiet tenant's part saw dispatched before it."""
    return percentile(gone_before(reads, QUIET), 0.9)


@pytest.fixture(scope="module")
def noisy(laboratory: Laboratory) -> dict[str, list[Read]]:
    scene = scenes.noisy(160, concurrency=CONCURRENCY)
    return {order: laboratory.play(scene, order) for order in ("fair", "first come")}


def test_a_quiet_tenant_passes_by_the_backlog_that_first_come_first_served_makes_it_wait_for(
    noisy: dict[str, list[Read]],
) -> None:
    assert passed_over(noisy["first come"]) > 60
    assert passed_over(noisy["fair"]) < 10


def test_every_file_is_read_once_in_either_order(noisy: dict[str, list[Read]]) -> None:
    files = sum(drop.files for drop in scenes.noisy(160, concurrency=CONCURRENCY).drops)
    for reads in noisy.values():
        assert len(reads) == len({read.file_id for read in reads}) == files


def test_ten_files_pass_by_their_own_tenants_backlog(noisy: dict[str, list[Read]]) -> None:
    batches: dict[str, list[Read]] = {}
    for read in by_tenant(noisy["fair"])[NOISY]:
        batches.setdefault(read.batch, []).append(read)
    backlog = max(batches.values(), key=len)
    for ten in (batch for batch in batches.values() if len(batch) == 10):
        assert sum(ten[0].queued_at < read.queued_at < ten[-1].queued_at for read in backlog) <= 15


def test_whoever_asks_is_told_when_a_file_will_have_settled(laboratory: Laboratory) -> None:
    asker = Asker(laboratory.owner_url, laboratory.api_url, every_s=0.05)
    slower = replace(laboratory, page_s=0.15)
    reads = slower.play(Scene("two", (scenes.Drop(0.0, NOISY, 30), scenes.Drop(0.0, QUIET[0], 5))), "fair", asker)
    assert {guess.file_id for guess in asker.guesses} <= {read.file_id for read in reads}
    assert len(asker.guesses) > 20
    assert all(0 <= guess.earliest_s < guess.latest_s for guess in asker.guesses)


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_reads_every_slice_of_a_long_scan_once(laboratory: Laboratory, order: str) -> None:
    scene = Scene("scans", (scenes.Drop(0.0, NOISY, 2, 40), scenes.Drop(0.0, QUIET[0], 5)))
    reads = laboratory.play(scene, order)
    assert {tenant: len(own) for tenant, own in by_tenant(reads).items()} == {NOISY: 20, QUIET[0]: 5}


def test_what_each_tenant_gets_follows_its_weight_whatever_its_files_cost(laboratory: Laboratory) -> None:
    scene = scenes.weights(120)
    among = while_all_wait(laboratory.play(scene))
    spent = costs(among)
    assert jain_by_cost(among, scene.weights) > 0.97
    assert spent["four"] > 2.5 * spent["one"]
    assert len(by_tenant(among)["four"]) > 5 * len(by_tenant(among)["two"])


def test_a_tenant_whose_files_cost_more_than_estimated_gets_no_more_than_the_other(laboratory: Laboratory) -> None:
    slower = replace(laboratory, page_s=0.15)  # what differs by less than a tenth of a second is let be
    among = while_all_wait(slower.play(scenes.misjudged(30)))
    assert jain_by_cost(among, {"judged": 1.0, "misjudged": 1.0}) > 0.9
