"""A running start with everything that faults act on: its disk, clock, memory, connections and processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from benchmarks.starting import ROOT, family
from infra.local.embedded import SERVERS
from infra.local.home import read_json
from infra.local.ports import ADDRESS, choose_ports
from tests.scenarios.faults import TcpProxy
from tests.soak.host import Disk, Memory, WallClock
from tests.soak.plan import PROXIED
from tests.soak.start import Wiring

PORTS = (*SERVERS, "api")
START_AGAIN_S = 2.0
CHECK_EVERY_S = 0.1
# Workers are killed by faults here, never by a file, so that no part is quarantined.
SETTINGS = {"FAIRWAY_QUARANTINE_AT": "1000000", "FAIRWAY_MULTIPART_FROM_BYTES": "1000000", "FAIRWAY_WORKERS": "2"}


class Site:
    """`with Site(folder) as site`: a start with a home in `folder`. It is started again whenever it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.disk, self.clock, self.memory = Disk(self.home), WallClock(), Memory()
        self.missing = {
            fault: part.missing
            for fault, part in (("fill_disk", self.disk), ("step_clock", self.clock), ("press_memory", self.memory))
            if part.missing
        }
        self.starts = 0
        self._exit_stack = ExitStack()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Site:
        with self._exit_stack as stack:
            stack.callback(self.clock.close)
            stack.callback(self.memory.close)
            stack.enter_context(self.disk.mounted())
            ports = choose_ports(self.home / "ports.json", SERVERS, 0)
            self.proxies = {name: TcpProxy(ports[name]) for name in PROXIED}
            for proxy in self.proxies.values():
                stack.callback(proxy.close)
            wiring = Wiring(
                home=str(self.home),
                pids=str(self.folder / "pids.json"),
                proxies={name: proxy.port for name, proxy in self.proxies.items()},
                environment=self.clock.environment,
                cgroup=str(self.memory.folder or ""),
            )
            wiring.save(self.folder / "wiring.json")
            self._watching = threading.Thread(target=self._keep_started, name="keep-started", daemon=True)
            self._watching.start()
            stack.callback(self._stop)
            self.await_started(120)
            self._exit_stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit_stack.close()

    @property
    def api_url(self) -> str:
        """The address of the API, through its proxy."""
        return f"http://{ADDRESS}:{self.proxies['api'].port}"

    @property
    def endpoint(self) -> dict[str, Any]:
        """The content of endpoint.json, or the last content while the file does not exist."""
        if found := read_json(self.home / "endpoint.json"):
            self._endpoint = found
        return self._endpoint

    def pids(self) -> dict[str, int]:
        """The ids of the processes by name, including `supervisor`."""
        found: dict[str, int] = read_json(self.folder / "pids.json")
        return {**found, **({"supervisor": self._process.pid} if self._process else {})}

    def pids_of(self, target: str) -> set[int]:
        """The ids of the processes that a fault strikes; empty while none runs. `decoder` are all children of workers."""
        pids = self.pids()
        if target == "decoder":
            workers = [pid for name, pid in pids.items() if name.startswith("worker-")]
            return set().union(*(family(pid) - {pid} for pid in workers))
        return family(pids[target]) if target in pids else set()

    def await_started(self, within_s: float) -> float:
        """Wait until the start is ready. Returns the seconds that it took. Raises TimeoutError."""
        began = time.monotonic()
        while not (self.home / "endpoint.json").exists():
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"Fairway did not start within {within_s:.0f} s: {self._end_of_log()}")
            time.sleep(CHECK_EVERY_S)
        return time.monotonic() - began

    def _end_of_log(self) -> str:
        return (self.folder / "start.log").read_text(errors="replace")[-2000:]

    # --- the process ---------------------------------------------------------------------------------

    def _keep_started(self) -> None:
        """Start Fairway, and start it again whenever it has ended, as an operator does."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FAIRWAY_"))}
        argv = [sys.executable, "-m", "tests.soak.start", str(self.folder / "wiring.json")]
        while not self._stopping.is_set():
            with open(self.folder / "start.log", "ab") as log:
                self._process = subprocess.Popen(
                    argv, cwd=ROOT, env={**environment, **SETTINGS, **self.clock.environment}, stdout=log, stderr=log
                )
            self.starts += 1
            while self._process.poll() is None and not self._stopping.wait(CHECK_EVERY_S):
                self._follow_ports()
            with suppress(FileNotFoundError):
                (self.folder / "pids.json").unlink()
            self._stopping.wait(START_AGAIN_S)

    def _follow_ports(self) -> None:
        """Point the proxies to the current ports: a start changes a port that another program has taken meanwhile."""
        with suppress(OSError, ValueError, KeyError):
            ports = json.loads((self.home / "ports.json").read_text())
            for name, proxy in self.proxies.items():
                proxy.target_port = ports[name]

    def _stop(self) -> None:
        self._stopping.set()
        self._watching.join()
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
