"""The acceptance tests of the embedded start, on a cluster with Kafka and versitygw: `make test-cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_embedded import (
    Start,
    samples,
    test_a_large_file_is_uploaded_in_parts_and_resumed_after_an_interruption,
    test_a_mixed_pdf_is_read_from_its_text_and_by_ocr,
    test_a_photo_is_read_by_ocr_and_has_its_total,
    test_a_redrive_runs_a_step_again,
    test_a_removed_file_disappears_at_once_and_is_erased_soon,
    test_an_invoice_is_read_from_its_own_text_with_evidence,
    test_an_unreadable_file_fails_with_a_reason,
    test_an_upload_url_is_valid_once_and_for_its_object_only,
    test_every_readable_sample_becomes_a_record,
    test_history_shows_every_attempt,
    test_previews_and_thumbnails_have_a_limited_size,
    test_the_members_of_an_archive_become_files_of_its_batch,
    test_the_original_is_downloaded_under_its_own_name,
    test_the_same_content_again_is_a_duplicate,
)

pytestmark = pytest.mark.timeout(600)
START_S = 480.0
__all__ = [
    "samples",
    "test_a_large_file_is_uploaded_in_parts_and_resumed_after_an_interruption",
    "test_a_mixed_pdf_is_read_from_its_text_and_by_ocr",
    "test_a_photo_is_read_by_ocr_and_has_its_total",
    "test_a_redrive_runs_a_step_again",
    "test_a_removed_file_disappears_at_once_and_is_erased_soon",
    "test_an_invoice_is_read_from_its_own_text_with_evidence",
    "test_an_unreadable_file_fails_with_a_reason",
    "test_an_upload_url_is_valid_once_and_for_its_object_only",
    "test_every_readable_sample_becomes_a_record",
    "test_history_shows_every_attempt",
    "test_previews_and_thumbnails_have_a_limited_size",
    "test_the_members_of_an_archive_become_files_of_its_batch",
    "test_the_original_is_downloaded_under_its_own_name",
    "test_the_same_content_again_is_a_duplicate",
]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    running = Start(tmp_path_factory.mktemp("cluster") / "home", "infra.cluster", START_S).up()
    try:
        yield running
    finally:
        running.down()


def test_no_file_is_lost_or_doubled(start: Start) -> None:
    audit = start.client.call("GET", "/operations/audit")
    assert (audit["lost"], audit["doubled"]) == (0, 0), audit


def test_ctrl_c_stops_every_process(start: Start) -> None:
    pids = start.endpoint["processes"]
    assert {"postgres", "valkey", "kafka", "store", "api", "api-2", "host-a", "host-b"} <= set(pids)
    assert start.down() == 0
    assert not [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]
    assert not (start.home / "endpoint.json").exists()
