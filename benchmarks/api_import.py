"""Measures the import of `app` from the Lambda package, with a bare Python 3.12: most of a cold start.

    make package STAGE=dev && python -m benchmarks.api_import [--times 9]

It also measures the import of boto3, which `app` defers, for comparison.
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


def import_ms(module: str, path: Path, times: int) -> tuple[float, float]:
    """The minimum of wall time and of CPU time, in milliseconds."""
    wall, cpu = [], []
    for _ in range(times):
        command = [str(PYTHON), "-S", "-c", PROGRAM.format(module)]
        result = subprocess.run(command, env={"PYTHONPATH": str(path)}, capture_output=True, text=True, check=True)
        one_wall, one_cpu = map(float, result.stdout.split())
        wall.append(one_wall * 1000)
        cpu.append(one_cpu * 1000)
    return min(wall), min(cpu)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--times", type=int, default=9)
    times = options.parse_args().times
    with tempfile.TemporaryDirectory(prefix="fairway-import-") as scratch:
        path = archives.unpack(PACKAGE, Path(scratch))
        for module in ("app", "boto3", "pydantic, psycopg, chalice"):
            wall, cpu = import_ms(module, path, times)
            print(f"import {module:28} {wall:6.0f} ms, {cpu:.0f} ms of CPU")


if __name__ == "__main__":
    main()
