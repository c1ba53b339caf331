"""Fuzzes our own parsers, guided by coverage, for a bounded time.

    python -m tests.fuzz [--seconds 60] [--keep] [TARGET ...]

Inputs that break a parser are left in build/fuzz. With --keep, inputs that reached what none of the corpus did are
put into tests/fuzz/corpus, from where the unit tests replay them.
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
MOST_KEPT = 40  # inputs of a target
LONGEST_S = 10  # that one input may take


def main() -> None:
    words = sys.argv[1:]
    seconds = int(words[words.index("--seconds") + 1]) if "--seconds" in words else 60
    chosen = [name for name in TARGETS if name in words] or list(TARGETS)
    broken = [name for name in chosen if not fuzz(name, max(1, seconds // len(chosen)))]
    if "--keep" in words:
        for name in chosen:
            keep(name)
    for name in broken:
        print(f"{name} broke: the input lies in {BUILD / name}.broken")
    raise SystemExit(1 if broken else 0)


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one target; whether it held."""
    found, broken = BUILD / name, BUILD / f"{name}.broken"
    shutil.rmtree(broken, ignore_errors=True)
    for folder in (found, broken, CORPUS / name):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"=== {name}, {seconds} s", flush=True)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={broken}/", f"-timeout={LONGEST_S}", "-verbosity=0"]
    options += [f"-max_len={MOST_BYTES}", "-rss_limit_mb=1024", "-print_final_stats=1"]
    return _run(name, [*options, str(found), str(CORPUS / name)]).returncode == 0


def keep(name: str) -> None:
    """Add to the corpus what takes a branch that none of it takes, the shortest first."""
    known = set().union(*(branches(name, one.read_bytes()) for one in (CORPUS / name).iterdir()))
    for one in sorted((BUILD / name).iterdir(), key=lambda found: (found.stat().st_size, found.name)):
        taken = branches(name, one.read_bytes())
        if not taken <= known and len(list((CORPUS / name).iterdir())) < MOST_KEPT:
            known |= taken
            shutil.copy(one, CORPUS / name)


def branches(name: str, data: bytes) -> set[tuple[str, int, int]]:
    """The branches of our parsers that an input takes."""
    watch = coverage.Coverage(data_file=None, branch=True, source=["layers", "functions"], config_file=False)
    with watch.collect():
        TARGETS[name](data)
    read = watch.get_data()
    return {(file, *arc) for file in read.measured_files() for arc in read.arcs(file) or ()}


def _run(name: str, options: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "tests.fuzz.one", name, *options], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
