"""Counts what one file of each kind costs: statements, round trips, rows, WAL, S3, queue and Redis calls. Measures no time.

    make bench-smoke             compare with benchmarks/smoke/counts.json; fails if a count has risen
    make bench-smoke ACCEPT=1    write the counts to that file, to be committed with the reason for the change

Of each kind, some files are processed that warm up, and then others that are counted, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.servers import running_servers
from benchmarks.smoke.comparing import WAL_TOLERANCE, Groups, falls, least, rises
from benchmarks.smoke.counting import Tally, counting, without_clocks
from benchmarks.smoke.driving import Driver, running_driver
from benchmarks.smoke.inputs import KINDS
from benchmarks.starting import ROOT

RECORDED = Path(__file__).with_name("counts.json")
LOG = ROOT / "build" / "bench" / "smoke.log"
WARM_UP, COUNTED = 3, 4
# A page that changes is written to the log as a whole once after each checkpoint, and autovacuum starts when its minute comes:
# neither belongs to a file.
POSTGRES_SETTINGS = {"full_page_writes": "off", "autovacuum": "off", "checkpoint_timeout": "1h"}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--accept", action="store_true", help="record the counts instead of comparing them")
    accepts = arguments.parse_args().accept
    began = time.monotonic()
    with logged_to(LOG):
        counted = count()
    show(counted)
    print(f"{time.monotonic() - began:.0f} seconds")
    if accepts:
        RECORDED.write_text(json.dumps(counted, indent=1, sort_keys=True) + "\n")
        print(f"Recorded in {RECORDED.relative_to(ROOT)}.")
        return 0
    recorded = json.loads(RECORDED.read_text())
    if lower := falls(recorded, counted):
        print("\nFewer than recorded (keep this with `make bench-smoke ACCEPT=1`):", *lower, sep="\n  ")
    if risen := rises(recorded, counted):
        print("\nA file costs more than before:", *risen, sep="\n  ", file=sys.stderr)
        print(
            f"\nEach line is a kind of file, what was counted, and the counts before and now. Bytes of WAL may differ by"
            f" {WAL_TOLERANCE:.0%}. If the change is intended, run `make bench-smoke ACCEPT=1` and commit"
            f" {RECORDED.relative_to(ROOT)} with the reason.",
            file=sys.stderr,
        )
        return 1
    return 0


def count() -> dict[str, Groups]:
    """The counts of one file of each kind; of several that are uploaded together, the sum."""
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        folder = Path(name)
        with running_servers(folder, POSTGRES_SETTINGS) as servers, without_clocks():
            tally = Tally(folder, servers.owner_url, servers.redis_url)
            with counting(tally), running_driver(servers) as driver:
                return {kind: count_kind(driver, tally, kind) for kind in KINDS}


def count_kind(driver: Driver, tally: Tally, kind: str) -> Groups:
    dataset_id = driver.dataset(kind)
    for number in range(WARM_UP):
        driver.process(dataset_id, KINDS[kind](number))
    tally.since_last()
    files = []
    for number in range(WARM_UP, WARM_UP + COUNTED):
        driver.process(dataset_id, KINDS[kind](number))
        files.append(tally.since_last())
    return least(files)


def show(counted: dict[str, Groups]) -> None:
    groups = list(next(iter(counted.values())))
    table = Table("", *groups)
    for kind, counts in counted.items():
        table.add_row(kind, *(str(sum(counts[group].values())) for group in groups))
    Console(width=150).print(table)


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Write standard error, which has Fairway's log, to a file. After an error the file is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    except BaseException:
        os.write(kept, f"The log is in {path}.\n".encode())
        raise
    finally:
        os.dup2(kept, 2)
        os.close(kept)


if __name__ == "__main__":
    sys.exit(main())
