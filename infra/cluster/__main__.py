"""Runs a cluster of real servers on this machine until Ctrl-C: `python -m infra.cluster [--files FOLDER]`.

With FAIRWAY_CLUSTER_DOLPHINSCHEDULER=1 a DolphinScheduler runs its scheduled work.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from infra.cluster import cluster, dolphinscheduler
from infra.cluster.programs import Missing
from infra.dolphinscheduler.client import DolphinSchedulerError
from infra.local.__main__ import run_until_stopped
from infra.local.embedded import Embedded

DEFAULT_HOME = ".fairway-cluster"
WITH_DOLPHINSCHEDULER = "FAIRWAY_CLUSTER_DOLPHINSCHEDULER"


def main() -> int:
    home = Path(os.environ.get("FAIRWAY_HOME") or DEFAULT_HOME)
    return run_until_stopped(lambda port: start(home, port), refusals=(Missing, DolphinSchedulerError))


def start(home: Path, port: int) -> Embedded:
    if not os.environ.get(WITH_DOLPHINSCHEDULER):
        return cluster.start(home, port, adopts=True)
    os.environ["FAIRWAY_SCHEDULES"] = "off"  # of the workers
    running = cluster.start(home, port, adopts=True)
    try:
        dolphinscheduler.attach(running)
    except BaseException:
        running.stop()
        raise
    return running


if __name__ == "__main__":
    sys.exit(main())
