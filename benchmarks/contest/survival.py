"""What a system survives: a worker killed while it works, a decompression bomb, a file sent twice, another tenant's file."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import fairway_run
from benchmarks.contest.inputs import Entry
from benchmarks.contest.peer_runs import Bulk, Run
from benchmarks.contest.scoring import scores
from benchmarks.documents.readers import Reader
from tests.hostile.hostile_files import docx_bomb

BOMB_MB = 400
KILLED_AFTER = 1 / 3  # of the files


@dataclass(frozen=True, slots=True)
class Survival:
    """`lost`: files without usable text, which had it before. `hung`: files without an end. `bomb`: how it ended."""

    lost: int
    hung: int
    twice: str
    bomb: str
    single_file_s: float


def with_trouble(entries: Sequence[Entry], folder: Path) -> tuple[list[Path], Path, Path, Path]:
    """The files with a bomb among them; the bomb, a copy of the first file, and the file of another tenant."""
    bomb, copy, single = folder / "bomb.docx", folder / f"copy-of-{entries[0].path.name}", folder / "single.txt"
    bomb.write_bytes(docx_bomb(BOMB_MB))
    shutil.copyfile(entries[0].path, copy)
    single.write_text("Invoice 7\nDate: 2026-03-07\nTotal: 7.50 EUR\n" * 5)
    paths = [entry.path for entry in entries]
    middle = len(paths) // 2
    return [*paths[:middle], bomb, *paths[middle:]], bomb, copy, single


def of_peer(reader: Reader, entries: Sequence[Entry], usable: Sequence[bool]) -> Survival:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        paths, bomb, copy, single = with_trouble(entries, Path(name))
        sent: list[float] = []

        def trouble(bulk: Bulk, done: int) -> None:
            if not sent and done >= len(paths) * KILLED_AFTER:
                sent.append(time.monotonic() - bulk.began)
                bulk.add(single)
                bulk.add(copy)
                bulk.kill_a_worker()

        run = Bulk(reader, paths).work(trouble)
    answer = run.answers[bomb]
    ended = (
        "killed its worker, took too long, or made over 256 MiB of text"
        if answer.get("died")
        else answer.get("error") or "was read as a text"
    )
    return Survival(
        _lost(entries, usable, run), 0, "read again" if copy in run.answers else "not read",
        str(ended)[:70], run.answered_s[single] - sent[0],
    )  # fmt: skip


def of_fairway(entries: Sequence[Entry], usable: Sequence[bool]) -> Survival:
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        folder = Path(name)
        paths, bomb, copy, single = with_trouble(entries, folder)
        took_s: list[float] = []
        with fairway_run.running(folder) as fairway:
            other = fairway.client_of_new_tenant("other")
            started: list[threading.Thread] = []

            def trouble(fairway: fairway_run.Started, done: int) -> None:
                if not started and done >= len(paths) * KILLED_AFTER:
                    act = lambda: fairway_run.single_file_s(fairway, other, single)  # noqa: E731
                    started.append(fairway_run.in_background(act, took_s))
                    fairway.kill_a_worker()

            run = fairway_run.read(fairway, paths, trouble)
            started[0].join()
            (sent_again,) = fairway.client.upload(fairway.client.dataset("contest")["id"], [copy])["files"]
    answer = run.answers.get(bomb, {})
    twice = "named a duplicate" if sent_again["state"] == "duplicate" else "read again"
    return Survival(
        _lost(entries, usable, run), run.unsettled, twice, answer.get("error") or "was read as a text", took_s[0]
    )


def _lost(entries: Sequence[Entry], usable: Sequence[bool], run: Run) -> int:
    again = scores(entries, run.answers)
    return sum(before and not after.is_usable for before, after in zip(usable, again, strict=True))
