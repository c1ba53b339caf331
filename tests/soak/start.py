"""Runs the embedded start under test in a separate process: `python -m tests.soak.start WIRING`.

Unlike a usual start, connections between its processes go through proxies, the clock of all processes can be stepped,
and the database records every forbidden change of a state.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psycopg

from infra.local import embedded
from infra.local.api_and_workers import ROOT, own_programs
from infra.local.home import write_json
from infra.local.installation import Installation
from infra.local.ports import ADDRESS
from infra.local.process import Process

PIDS_EVERY_S = 0.2
VIOLATIONS_SQL = ROOT / "tests" / "chaos" / "violations.sql"


@dataclass(frozen=True, slots=True)
class Wiring:
    """How the processes of a start are connected. `proxies` are the ports of the proxies by the name of the port behind
    them. `environment` is added to that of each process. `pids` is the file, outside of the home, to which the ids of the
    running processes are written."""

    home: str
    pids: str
    proxies: dict[str, int]
    environment: dict[str, str]
    cgroup: str = ""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    def wired(self, processes: Sequence[Process], ports: dict[str, int]) -> list[Process]:
        return [
            replace(process, env={**self._through_proxies(process, ports), **self.environment}) for process in processes
        ]

    def _through_proxies(self, process: Process, ports: dict[str, int]) -> dict[str, str]:
        environment = dict(process.env)
        for name, port in self.proxies.items():
            for variable, value in environment.items():
                environment[variable] = value.replace(f"{ADDRESS}:{ports[name]}", f"{ADDRESS}:{port}")
        return environment


def _bootstrap(installation: Installation) -> None:
    embedded.bring_up_to_date(installation)
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        connection.execute(VIOLATIONS_SQL.read_text())


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    wiring = Wiring(**json.loads(Path(sys.argv[1]).read_text()))
    if wiring.cgroup:
        (Path(wiring.cgroup) / "cgroup.procs").write_text(str(os.getpid()))
    servers, programs = embedded.servers, own_programs
    embedded.servers = lambda installation, *rest: wiring.wired(servers(installation, *rest), dict(installation.ports))
    running = embedded.start(
        Path(wiring.home),
        0,
        bootstrap=_bootstrap,
        programs=lambda installation, run_id: wiring.wired(programs(installation, run_id), dict(installation.ports)),
        adopts=True,
    )
    written: dict[str, int] = {}
    while not stop.wait(PIDS_EVERY_S):
        if (pids := running.supervisor.pids()) != written:
            write_json(Path(wiring.pids), pids)
            written = pids
    running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
