"""What goes wrong outside is weather: the scenarios in their short forms, by real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios import parts, services
from tests.scenarios.figures import Figure
from tests.scenarios.stage import Stage

WITHIN_S = 120


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("scenarios")) as running:
        yield running


def held(figures: list[Figure]) -> None:
    for one in figures:
        print(f"{one.what}: {one.value}" + (f" (to reach: {one.reach})" if one.reach else ""))
    assert [one for one in figures if not one.holds] == []


def test_a_service_that_limits_calls_fails_no_file(stage: Stage) -> None:
    held(services.throttled(stage, count=8, pages=2, calls_per_s=10, least_used=0.0, within_s=WITHIN_S))


def test_a_service_that_is_down_for_long_costs_no_attempt_and_is_not_run_over_when_it_is_back(stage: Stage) -> None:
    held(services.down_for_hours(stage, count=20, hours=0.25, calls_per_s=20, within_s=WITHIN_S))


def test_pages_that_ocr_fails_at_are_read_by_textract_and_ocr_is_used_again_when_it_works(stage: Stage) -> None:
    held(services.ocr_fails(stage, count=24, again_count=3, within_s=WITHIN_S))


def test_while_documents_can_not_be_printed_everything_else_is_shown(stage: Stage) -> None:
    held(services.printer_down(stage, count=3, others=3, within_s=WITHIN_S))


def test_without_redis_work_goes_on(stage: Stage) -> None:
    held(parts.without_redis(stage, count=80, seconds=1.5, least_share=0.0, within_s=WITHIN_S))


def test_topics_that_lose_everything_lose_no_file(stage: Stage) -> None:
    held(parts.wiped_topics(stage, count=40, times=1, at_once=True, within_s=WITHIN_S))


def test_a_restart_of_postgresql_loses_and_doubles_nothing_and_callers_are_told_to_come_again(stage: Stage) -> None:
    held(parts.restarts(stage, count=20, scanned=5, times=1, within_s=WITHIN_S))


def test_an_object_store_that_is_away_parks_what_needs_it(stage: Stage) -> None:
    held(parts.object_store_away(stage, count=10, within_s=WITHIN_S))
