"""Hostile and broken files through intake and all pipelines with real decoders: the short form of `make hostile`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest

from layers.decoding.documents import Documents
from tests.hostile.cases import CASES, Case
from tests.hostile.endless_zip import zip_that_contains_itself
from tests.hostile.settling import Bench, Listener, end_of, listening

QUICK = [case for case in CASES if not case.slow]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    documents = Documents(max_children=2)
    yield Bench(documents)
    documents.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.what)
def test_a_bad_file_ends_as_expected(bench: Bench, listener: Listener, case: Case) -> None:
    row = bench.settle(case.name, case.make(listener.url))
    assert end_of(row) in case.ends, row.error
    if row.error:
        assert len(row.error[2]) > 10 and "/given/" not in row.error[2]


@pytest.mark.parametrize("case", [case for case in QUICK if "calls out" in case.what], ids=lambda case: case.what)
def test_no_address_in_a_file_is_called(bench: Bench, listener: Listener, case: Case) -> None:
    bench.settle(case.name, case.make(listener.url))
    assert listener.calls == []


def test_the_endless_zip_contains_itself() -> None:
    content = zip_that_contains_itself()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("z") == content
