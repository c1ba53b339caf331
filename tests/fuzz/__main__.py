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
    """Add to the corpus what reaches further than it, the shortest first."""
    least = BUILD / f"{name}.least"
    shutil.rmtree(least, ignore_errors=True)
    least.mkdir(parents=True)
    for one in (CORPUS / name).iterdir():
        shutil.copy(one, least)
    before = {one.name for one in least.iterdir()}
    _run(name, ["-merge=1", "-verbosity=0", str(least), str(BUILD / name)])
    new = sorted((one for one in least.iterdir() if one.name not in before), key=lambda one: one.stat().st_size)
    for one in new[: max(0, MOST_KEPT - len(before))]:
        shutil.copy(one, CORPUS / name)


def _run(name: str, options: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "tests.fuzz.one", name, *options], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
