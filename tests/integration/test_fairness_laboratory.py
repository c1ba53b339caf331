"""The scenes of the fairness laboratory, shortened, on PostgreSQL: they check the order of dispatch, not times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.fairness import scenes
from benchmarks.fairness.figures import Read, by_tenant, costs, gone_before, jain_by_cost, percentile, while_all_wait
from benchmarks.fairness.forecasts import ForecastSampler
from benchmarks.fairness.laboratory import ORDERS, Laboratory
from benchmarks.fairness.scenes import NOISY, QUIET, Scene
from tests.making import Urls

CONCURRENCY = 4


@pytest.fixture(scope="module")
def laboratory(database_urls: Urls) -> Iterator[Laboratory]:
    urls = database_urls
    yield Laboratory(urls.owner, urls.worker, urls.api, page_s=0.02, concurrency=CONCURRENCY)


def passed_over(reads: list[Read]) -> float:
    """How many parts of the noisy tenant were dispatched before a ready part of a quiet one, at the 90th percentile. Those of
    other quiet tenants don't count: if this machine pauses, many become ready at once."""
    own = by_tenant(reads)
    return percentile([gone for quiet in QUIET for gone in gone_before([*own[NOISY], *own[quiet]], [quiet])], 0.9)


@pytest.fixture(scope="module")
def noisy(laboratory: Laboratory) -> dict[str, list[Read]]:
    scene = scenes.noisy(160, concurrency=CONCURRENCY)
    return {order: laboratory.play(scene, order) for order in ("fair", "first come")}


def test_a_quiet_tenant_overtakes_a_backlog_unless_the_order_is_first_come_first_served(
    noisy: dict[str, list[Read]],
) -> None:
    assert passed_over(noisy["first come"]) > 60
    assert passed_over(noisy["fair"]) < 5


def test_every_file_is_read_once_in_either_order(noisy: dict[str, list[Read]]) -> None:
    files = sum(drop.files for drop in scenes.noisy(160, concurrency=CONCURRENCY).drops)
    for reads in noisy.values():
        assert len(reads) == len({read.file_id for read in reads}) == files


def test_a_small_batch_overtakes_the_backlog_of_its_own_tenant(noisy: dict[str, list[Read]]) -> None:
    batches: dict[str, list[Read]] = {}
    for read in by_tenant(noisy["fair"])[NOISY]:
        batches.setdefault(read.batch, []).append(read)
    backlog = max(batches.values(), key=len)
    for ten in (batch for batch in batches.values() if len(batch) == 10):
        assert sum(ten[0].queued_at < read.queued_at < ten[-1].queued_at for read in backlog) <= 15


def test_the_api_forecasts_when_each_file_will_settle(laboratory: Laboratory) -> None:
    sampler = ForecastSampler(laboratory.owner_url, laboratory.api_url, every_s=0.05)
    slower = replace(laboratory, page_s=0.15)
    reads = slower.play(Scene("two", (scenes.Drop(0.0, NOISY, 30), scenes.Drop(0.0, QUIET[0], 5))), "fair", sampler)
    assert {forecast.file_id for forecast in sampler.forecasts} <= {read.file_id for read in reads}
    assert len(sampler.forecasts) > 20
    assert all(0 <= forecast.earliest_s < forecast.latest_s for forecast in sampler.forecasts)


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_reads_every_slice_of_a_long_scan_once(laboratory: Laboratory, order: str) -> None:
    scene = Scene("scans", (scenes.Drop(0.0, NOISY, 2, 40), scenes.Drop(0.0, QUIET[0], 5)))
    reads = laboratory.play(scene, order)
    assert {tenant: len(own) for tenant, own in by_tenant(reads).items()} == {NOISY: 20, QUIET[0]: 5}


def test_service_follows_weights_whatever_the_files_cost(laboratory: Laboratory) -> None:
    scene = scenes.weights(120)
    among = while_all_wait(laboratory.play(scene))
    spent = costs(among)
    assert jain_by_cost(among, scene.weights) > 0.97
    assert spent["four"] > 2.5 * spent["one"]
    assert len(by_tenant(among)["four"]) > 5 * len(by_tenant(among)["two"])


def test_underestimated_files_give_a_tenant_no_more_service(laboratory: Laboratory) -> None:
    slower = replace(laboratory, page_s=0.15)  # differences below a tenth of a second are not corrected
    among = while_all_wait(slower.play(scenes.misjudged(30)))
    assert jain_by_cost(among, {"judged": 1.0, "misjudged": 1.0}) > 0.9
