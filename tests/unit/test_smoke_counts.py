"""The counts of `make bench-smoke`: what is compared, and what a change is called."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.smoke.comparing import falls, least, rises
from benchmarks.smoke.counting import _trips

RECORDED = {"text": {"statements": {"claim": 5, "dispatch": 6}, "WAL bytes": {"all": 50_000}}}


def counted(**changes: int) -> dict[str, dict[str, dict[str, int]]]:
    statements = {"claim": 5, "dispatch": 6} | changes
    return {"text": {"statements": statements, "WAL bytes": {"all": 50_000}}}


def test_equal_counts_are_no_change() -> None:
    assert not rises(RECORDED, counted())
    assert not falls(RECORDED, counted())


def test_a_rise_is_named_with_the_kind_of_file_and_both_counts() -> None:
    assert rises(RECORDED, counted(claim=6)) == ["text: statements: claim: 5 -> 6"]


def test_a_new_statement_and_a_new_kind_of_file_are_rises() -> None:
    assert rises(RECORDED, counted(pages=1)) == ["text: statements: pages: 0 -> 1"]
    assert rises(RECORDED, counted() | {"scan": {"statements": {"claim": 1}}}) == ["scan: statements: claim: 0 -> 1"]


def test_a_fall_does_not_hide_a_rise_of_the_same_group() -> None:
    now = counted(claim=4, dispatch=7)
    assert rises(RECORDED, now) == ["text: statements: dispatch: 6 -> 7"]
    assert falls(RECORDED, now) == ["text: statements: claim: 5 -> 4"]


def test_bytes_of_the_log_may_differ_by_a_twentieth() -> None:
    assert not rises(RECORDED, {"text": {**counted()["text"], "WAL bytes": {"all": 52_400}}})
    assert rises(RECORDED, {"text": {**counted()["text"], "WAL bytes": {"all": 52_600}}})


def test_what_happens_only_with_some_files_is_not_counted() -> None:
    files = [{"S3 calls": Counter(GET=1, PUT=2)}, {"S3 calls": Counter(GET=1, PUT=3, LIST=1)}]
    assert least(files) == {"S3 calls": {"GET": 1, "PUT": 2}}


def test_round_trips_are_counted_by_the_messages_of_the_client(tmp_path: Path) -> None:
    messages = tmp_path / "messages"
    messages.write_text(
        'F\t41\tParse\t "" "SELECT 1\nF or Sync" 0\nF\t12\tBind\t "" ""\nF\t4\tSync\nB\t5\tReadyForQuery\t I\n'
        'F\t10\tQuery\t "BEGIN"\nB\t5\tReadyForQuery\t T\n'
    )
    assert _trips(messages) == 2
