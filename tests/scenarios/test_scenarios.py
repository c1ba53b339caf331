"""Outage scenarios in short form, with real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios import own_servers, services
from tests.scenarios.measurements import Measurement
from tests.scenarios.system import System

WITHIN_S = 120


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("scenarios")) as running:
        yield running


def check(measurements: list[Measurement]) -> None:
    """Print the measurements, and assert that each reaches its target."""
    for measurement in measurements:
        print(
            f"{measurement.name}: {measurement.value}"
            + (f" (target: {measurement.target})" if measurement.target else "")
        )
    assert [measurement for measurement in measurements if not measurement.is_reached] == []


def test_no_file_fails_when_a_service_throttles_calls(system: System) -> None:
    check(services.throttled(system, count=8, pages=2, calls_per_s=10, least_used=0.0, within_s=WITHIN_S))


def test_a_long_outage_spends_no_attempts_and_the_service_is_not_flooded_after_recovery(system: System) -> None:
    check(services.down_for_hours(system, count=20, hours=0.25, calls_per_s=20, within_s=WITHIN_S))


def test_textract_reads_the_pages_while_ocr_fails_and_ocr_is_used_again_after_recovery(system: System) -> None:
    check(services.ocr_fails(system, count=24, again_count=3, within_s=WITHIN_S))


def test_other_files_get_previews_while_office_documents_cannot_be_converted(system: System) -> None:
    check(services.printer_down(system, count=3, others=3, within_s=WITHIN_S))


def test_files_are_processed_without_redis(system: System) -> None:
    check(own_servers.without_redis(system, count=80, seconds=1.5, least_share=0.0, within_s=WITHIN_S))


def test_no_file_is_lost_when_the_topics_lose_all_messages(system: System) -> None:
    check(own_servers.wiped_topics(system, count=40, times=1, sets_clock=True, within_s=WITHIN_S))


def test_a_restart_of_postgresql_loses_and_doubles_nothing_and_the_api_answers_retry_after(system: System) -> None:
    check(own_servers.restarts(system, count=20, scanned=5, times=1, within_s=WITHIN_S))


def test_steps_that_need_an_unreachable_object_store_are_parked(system: System) -> None:
    check(own_servers.object_store_down(system, count=10, within_s=WITHIN_S))
