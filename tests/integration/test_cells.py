"""Some of the nine benchmark cells in short form: despite the disturbance, each file is done once and workers stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.cells.__main__ import CHAOS, PRESSURE, SHORT, parse_arguments, run_cell
from benchmarks.cells.cell_run import CLEAN_STOP_S, Servers, servers

FILES_PER_S = 20.0


@pytest.fixture(scope="module")
def running_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("cells")) as running:
        yield running


@pytest.mark.parametrize("name", ["postgres_restart", "repeated_kills", "idle_transaction"])
def test_each_file_is_done_once_and_the_workers_stop_by_themselves(running_servers: Servers, name: str) -> None:
    result = run_cell(running_servers, FILES_PER_S, SHORT, name, (CHAOS | PRESSURE)[name])
    assert result.faults == []
    assert result.stopped_s < CLEAN_STOP_S


def test_all_cells_run_if_none_is_named() -> None:
    assert parse_arguments([]).names == [*CHAOS, *PRESSURE]
    assert parse_arguments(["bursts", "crash"]).names == ["bursts", "crash"]
    with pytest.raises(SystemExit):
        parse_arguments(["no such cell"])
