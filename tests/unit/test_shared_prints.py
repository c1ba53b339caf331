"""A document's preview and thumbnail share one print, and a print that fails stops neither."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from infra.preview_service import shared_prints
from infra.preview_service.shared_prints import KEPT_S, SharedPrints
from layers.domain.errors import PermanentError


class Prints:
    def __init__(self, folder: Path) -> None:
        self.kept, self.now, self.made = folder / "kept", 0.0, 0
        self.kept.mkdir()
        self.into = folder / "into"
        self.into.mkdir()
        self.shared = SharedPrints(self.kept, clock=lambda: self.now)

    def make(self) -> Path:
        self.made += 1
        path = self.into / f"made-{self.made}.pdf"
        path.write_bytes(b"%PDF " + str(self.made).encode())
        return path

    def get(self, use: str, key: str = "a") -> bytes | None:
        path = self.shared.get(key, use, self.make, self.into, 5)
        return path.read_bytes() if path else None


@pytest.fixture
def prints(tmp_path: Path) -> Prints:
    return Prints(tmp_path)


@pytest.mark.parametrize("uses", [("all", "first"), ("first", "all")])
def test_the_second_use_gets_the_first_ones_print_and_nothing_is_kept(prints: Prints, uses: tuple[str, str]) -> None:
    assert [prints.get(use) for use in uses] == [b"%PDF 1"] * 2
    assert not list(prints.kept.iterdir())
    assert prints.get(uses[0]) == b"%PDF 2"


def test_a_use_that_is_repeated_gets_the_same_print(prints: Prints) -> None:
    assert [prints.get("all") for _ in range(3)] == [b"%PDF 1"] * 3


def test_other_documents_have_other_prints(prints: Prints) -> None:
    assert [prints.get("all", key) for key in "ab"] == [b"%PDF 1", b"%PDF 2"]


def test_a_print_is_kept_for_a_minute(prints: Prints) -> None:
    prints.get("all")
    prints.now = KEPT_S + 1
    prints.shared.drop_old()
    assert not list(prints.kept.iterdir())
    assert prints.get("first") == b"%PDF 2"


def test_few_prints_are_kept(prints: Prints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_prints, "MOST_KEPT_BYTES", 20)
    for number in range(9):
        prints.get("all", str(number))
    assert len(list(prints.kept.iterdir())) <= 4
    assert prints.get("first", "8") == b"%PDF 9"


def test_of_requests_at_the_same_time_one_prints(prints: Prints) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slowly() -> Path:
        begun.set()
        may_end.wait(5)
        return prints.make()

    got: list[Path | None] = []
    first = threading.Thread(target=lambda: got.append(prints.shared.get("a", "all", slowly, prints.into, 5)))
    first.start()
    assert begun.wait(5)
    other = threading.Thread(target=lambda: got.append(prints.shared.get("a", "first", prints.make, prints.into, 5)))
    other.start()
    may_end.set()
    first.join()
    other.join()
    assert prints.made == 1
    assert [path.read_bytes() for path in got if path] == [b"%PDF 1"] * 2


def test_a_document_that_can_not_be_printed_is_tried_once(prints: Prints) -> None:
    def fail() -> Path:
        prints.made += 1
        raise PermanentError("timeout", "it takes too long")

    with pytest.raises(PermanentError):
        prints.shared.get("a", "all", fail, prints.into, 5)
    assert prints.shared.get("a", "first", fail, prints.into, 5) is None
    assert prints.made == 1


def test_after_a_busy_host_the_next_request_prints(prints: Prints) -> None:
    def busy() -> Path:
        raise RuntimeError("no slot")

    with pytest.raises(RuntimeError):
        prints.shared.get("a", "all", busy, prints.into, 5)
    assert prints.get("first") == b"%PDF 1"


def test_a_print_that_can_not_be_kept_keeps_nobody_waiting(prints: Prints) -> None:
    prints.kept.rmdir()
    with pytest.raises(FileNotFoundError):
        prints.get("all")
    prints.kept.mkdir()
    assert prints.get("first") == b"%PDF 2"


def test_who_has_waited_long_enough_gets_nothing(prints: Prints) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slowly() -> Path:
        begun.set()
        may_end.wait(5)
        return prints.make()

    first = threading.Thread(target=lambda: prints.shared.get("a", "all", slowly, prints.into, 5))
    first.start()
    assert begun.wait(5)
    assert prints.shared.get("a", "first", prints.make, prints.into, 0.01) is None
    may_end.set()
    first.join()
