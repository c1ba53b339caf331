"""Malware scanning at intake with a stand-in that speaks the protocol of ClamAV's daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from layers.adapters.clamav_scanner import ClamavScanner
from layers.domain.errors import DependencyDown, PermanentError
from layers.domain.page import Identity
from tests.hostile.hostile_files import EICAR
from tests.hostile.settling import Bench, end_of
from tests.standins.clamd import Clamd, clamd


@pytest.fixture
def daemon() -> Iterator[Clamd]:
    with clamd() as running:
        yield running


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "original"
    path.write_bytes(content)
    return path


def test_the_scanner_names_the_malware(daemon: Clamd, tmp_path: Path) -> None:
    assert ClamavScanner(daemon.address).scan(write(tmp_path, b"before " + EICAR)) == "Eicar-Test-Signature"


def test_every_byte_of_a_clean_file_is_scanned(daemon: Clamd, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1200
    assert ClamavScanner(daemon.address).scan(write(tmp_path, content)) is None
    assert daemon.scanned == [content]


def test_a_unix_socket_works(tmp_path: Path) -> None:
    with clamd(tmp_path / "clamd.sock") as daemon:
        scanner = ClamavScanner(daemon.address)
        assert scanner.is_up()
        assert scanner.scan(write(tmp_path, EICAR)) == "Eicar-Test-Signature"
    assert not scanner.is_up()


def test_a_file_that_is_too_large_for_the_scanner_is_refused(daemon: Clamd, tmp_path: Path) -> None:
    daemon.most_bytes = 1000
    with pytest.raises(PermanentError) as caught:
        ClamavScanner(daemon.address).scan(write(tmp_path, bytes(300_000)))
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("answer", [b"", b"stream: Can't allocate memory ERROR\0", b"\xff\xff\0", b"OK"])
def test_any_other_answer_means_that_the_scanner_is_down(daemon: Clamd, tmp_path: Path, answer: bytes) -> None:
    daemon.instead = answer
    with pytest.raises(DependencyDown):
        ClamavScanner(daemon.address).scan(write(tmp_path, b"x"))


def test_a_scanner_that_can_not_be_reached_is_down(tmp_path: Path) -> None:
    away = ClamavScanner("127.0.0.1:1")
    assert not away.is_up()
    with pytest.raises(DependencyDown) as caught:
        away.scan(write(tmp_path, b"x"))
    assert caught.value.dependency == "scanner"


# --- at intake ---------------------------------------------------------------------------------------


class Identifies:
    """Documents that only identify files."""

    def identify(self, path: Path, name: str) -> Identity:
        assert EICAR not in path.read_bytes(), "an infected file reached a decoder"
        raise PermanentError("unsupported_type", "reached the decoders")


def test_an_infected_file_fails_before_any_decoder_sees_it(daemon: Clamd) -> None:
    bench = Bench(cast(Any, Identifies()), ClamavScanner(daemon.address))
    row = bench.settle("a.txt", EICAR)
    assert end_of(row) == "infected"
    assert "Eicar-Test-Signature" in row.error[2]
    assert end_of(bench.settle("b.txt", b"clean")) == "unsupported_type"


def test_while_the_scanner_is_down_files_wait_without_spending_attempts(daemon: Clamd) -> None:
    bench = Bench(cast(Any, Identifies()), ClamavScanner("127.0.0.1:1"))
    row = bench.settle("a.txt", b"clean")
    assert row.state == "processing"
    assert {outcome for _, _, _, outcome in row.attempts} == {"parked"}
    assert daemon.scanned == []
