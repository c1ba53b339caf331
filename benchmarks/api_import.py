"""How long the API's function takes to begin on Lambda: the import of `app` from the package, by a bare Python 3.12.

    make package STAGE=dev && python -m benchmarks.api_import [--times 9]

Beside it the import of boto3 in the same way, which is what the function would pay were it not put off.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from benchmarks.starting import ROOT
from infra.aws import archives

PACKAGE = ROOT / "build" / "aws" / "dev" / "function.zip"
PYTHON = ROOT / "build" / "lambda-venv" / "bin" / "python"
PROGRAM = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import {}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def taken_ms(module: str, path: Path, times: int) -> tuple[float, float]:
    """The least of wall and CPU time."""
    wall, cpu = [], []
    for _ in range(times):
        command = [str(PYTHON), "-S", "-c", PROGRAM.format(module)]
        ran = subprocess.run(command, env={"PYTHONPATH": str(path)}, capture_output=True, text=True, check=True)
        one_wall, one_cpu = map(float, ran.stdout.split())
        wall.append(one_wall * 1000)
        cpu.append(one_cpu * 1000)
    return min(wall), min(cpu)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    asked.add_argument("--times", type=int, default=9)
    times = asked.parse_args().times
    with tempfile.TemporaryDirectory(prefix="fairway-import-") as scratch:
        path = archives.unpack(PACKAGE, Path(scratch))
        for module in ("app", "boto3", "pydantic, psycopg, chalice"):
            wall, cpu = taken_ms(module, path, times)
            print(f"import {module:28} {wall:6.0f} ms, {cpu:.0f} ms of CPU")


if __name__ == "__main__":
    main()
