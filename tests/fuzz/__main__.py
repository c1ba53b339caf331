"""Fuzzes Fairway's parsers, guided by coverage, for a limited time.

    python -m tests.fuzz [--seconds 60] [--keep] [TARGET ...]

Inputs that make a target fail are stored in build/fuzz. With --keep, inputs that cover new branches are added to
tests/fuzz/corpus, which the unit tests replay.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import coverage

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
BUILD = ROOT / "build" / "fuzz"
MOST_BYTES = 2048
MOST_KEPT = 40  # inputs in the corpus of a target
LONGEST_S = 10  # time limit for one input


def main() -> None:
    arguments = sys.argv[1:]
    seconds = int(arguments[arguments.index("--seconds") + 1]) if "--seconds" in arguments else 60
    chosen = [name for name in TARGETS if name in arguments] or list(TARGETS)
    failed = [name for name in chosen if not fuzz(name, max(1, seconds // len(chosen)))]
    if "--keep" in arguments:
        for name in chosen:
            keep(name)
    for name in failed:
        print(f"{name} failed: the input is in {BUILD / name}.failed")
    raise SystemExit(1 if failed else 0)


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one target. Returns False if an input made it fail."""
    found, failed = BUILD / name, BUILD / f"{name}.failed"
    shutil.rmtree(failed, ignore_errors=True)
    for folder in (found, failed, CORPUS / name):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"=== {name}, {seconds} s", flush=True)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={failed}/", f"-timeout={LONGEST_S}", "-verbosity=0"]
    options += [f"-max_len={MOST_BYTES}", "-rss_limit_mb=1024", "-print_final_stats=1"]
    return _run(name, [*options, str(found), str(CORPUS / name)]).returncode == 0


def keep(name: str) -> None:
    """Add the inputs that cover new branches to the corpus, the shortest first."""
    known = set().union(*(branches(name, path.read_bytes()) for path in (CORPUS / name).iterdir()))
    for path in sorted((BUILD / name).iterdir(), key=lambda found: (found.stat().st_size, found.name)):
        covered = branches(name, path.read_bytes())
        if not covered <= known and len(list((CORPUS / name).iterdir())) < MOST_KEPT:
            known |= covered
            shutil.copy(path, CORPUS / name)


def branches(name: str, data: bytes) -> set[tuple[str, int, int]]:
    """The branches of Fairway's code that an input covers."""
    tracer = coverage.Coverage(data_file=None, branch=True, source=["layers", "functions"], config_file=False)
    with tracer.collect():
        TARGETS[name](data)
    data_read = tracer.get_data()
    return {(file, *arc) for file in data_read.measured_files() for arc in data_read.arcs(file) or ()}


def _run(name: str, options: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "tests.fuzz.one", name, *options], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
