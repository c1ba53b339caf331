"""Cells of the public harness in their short forms: whatever is done to them, all is done once and the workers stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.cells.__main__ import CHAOS, PRESSURE, SHORT, asked, run
from benchmarks.cells.world import CLEAN_STOP_S, Servers, servers

FILES_A_S = 20.0


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("cells")) as running:
        yield running


@pytest.mark.parametrize("name", ["postgres_restart", "repeated_kills", "idle_transaction"])
def test_all_that_is_offered_is_done_once_and_the_workers_stop_by_themselves(on: Servers, name: str) -> None:
    ended = run(on, FILES_A_S, SHORT, name, (CHAOS | PRESSURE)[name])
    assert ended.faults == []
    assert ended.stopped_s < CLEAN_STOP_S


def test_every_cell_is_played_where_none_is_named() -> None:
    assert asked([]).names == [*CHAOS, *PRESSURE]
    assert asked(["bursts", "crash"]).names == ["bursts", "crash"]
    with pytest.raises(SystemExit):
        asked(["no such cell"])
