"""Runs a cluster of real servers on this machine until Ctrl-C: `python -m infra.cluster [--files FOLDER]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from infra.cluster import cluster
from infra.cluster.programs import Missing
from infra.local.__main__ import run_until_stopped

DEFAULT_HOME = ".fairway-cluster"


def main() -> int:
    home = Path(os.environ.get("FAIRWAY_HOME") or DEFAULT_HOME)
    return run_until_stopped(lambda port: cluster.start(home, port, adopts=True), refusals=(Missing,))


if __name__ == "__main__":
    sys.exit(main())
