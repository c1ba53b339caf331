"""Originals and artifacts in separate buckets."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.adapters.aws.two_buckets import TwoBuckets
from tests.fakes import MemoryObjects


@pytest.fixture
def buckets(tmp_path: Path) -> tuple[TwoBuckets, MemoryObjects, MemoryObjects]:
    """Both as one store, with two objects of each kind; and each separately."""
    originals, artifacts = MemoryObjects(), MemoryObjects()
    both = TwoBuckets(originals, artifacts)
    (tmp_path / "up").write_bytes(b"content")
    for key in ("originals/t/1", "originals/t/2", "artifacts/t/1/text/0", "artifacts/t/2/text/0"):
        both.upload(tmp_path / "up", key, "text/plain")
    return both, originals, artifacts


Buckets = tuple[TwoBuckets, MemoryObjects, MemoryObjects]


def test_each_object_is_in_the_bucket_of_its_kind(buckets: Buckets) -> None:
    both, originals, artifacts = buckets
    assert sorted(originals.objects) == ["originals/t/1", "originals/t/2"]
    assert sorted(artifacts.objects) == ["artifacts/t/1/text/0", "artifacts/t/2/text/0"]
    assert both.size_of("artifacts/t/1/text/0", None) == both.size_of("originals/t/2", None) == 7


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_a_walk_through_everything_finds_every_key_once_in_order(buckets: Buckets, limit: int) -> None:
    both, originals, artifacts = buckets
    found: list[str] = []
    while page := both.keys_after("", found[-1] if found else "", limit):
        assert len(page) <= limit
        found += page
    assert found == sorted({**originals.objects, **artifacts.objects})


def test_a_prefix_of_one_kind_reaches_one_bucket(buckets: Buckets) -> None:
    both, originals, artifacts = buckets
    assert both.keys_after("originals/t/", "", 10) == ["originals/t/1", "originals/t/2"]
    assert both.delete_under("artifacts/t/", ["1"]) == 1
    assert both.delete_prefix("originals/t/2") == 1
    assert (list(originals.objects), list(artifacts.objects)) == (["originals/t/1"], ["artifacts/t/2/text/0"])
    assert both.delete_prefix("") == 2


def test_it_is_up_while_both_buckets_are(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    both, _, artifacts = buckets
    assert both.is_up()
    monkeypatch.setattr(artifacts, "is_up", lambda: False)
    assert not both.is_up()
