"""A cluster whose worker hosts are started and killed by the tests; nothing restarts them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairway_client import Client, is_settled

from infra.cluster import cluster
from infra.local import embedded
from infra.local.api_and_workers import ROOT, own_steps
from infra.local.embedded import Embedded
from infra.local.installation import Installation
from infra.local.process import Process, Running, kill_group
from layers.adapters.kafka.access import Access

SETTLE_S = 240.0
START_S = 240.0
HOSTS = ("host-a", "host-b")


class Ground:
    """A running cluster, and its worker hosts by name. `prepare` is passed to `cluster.start`.

    `tree` is the folder of the sources that a host or an API runs: this repository's, or that of an older release.
    """

    def __init__(
        self,
        home: Path,
        *,
        apis: Sequence[str] = cluster.APIS,
        prepare: Callable[[Installation], None] = embedded.bring_up_to_date,
    ) -> None:
        self.cluster: Embedded = cluster.start(home, 0, hosts=(), apis=apis, prepare=prepare)
        self.hosts: dict[str, subprocess.Popen[bytes]] = {}
        end = self.cluster.endpoint
        self.client = Client(end["api_url"], end["api_key"])
        self.access = Access(cluster.brokers(self.cluster.installation))

    def start_host(self, name: str, tree: Path = ROOT) -> None:
        """Start a worker on a host of this name."""
        environment = self._environment()
        if tree == ROOT:  # an older release has other steps
            # All hosts are on one machine, so each gets half of its concurrency.
            environment |= own_steps(len(HOSTS), 0)
        self._spawn(cluster.worker(self.cluster.installation, name, environment), tree)
        wait_for(lambda: self.events("worker_ready", name), START_S)

    def start_api(self, name: str, tree: Path = ROOT) -> Client:
        """Start an API, which can be killed like a worker host. Returns a client of it."""
        api = cluster.api(self.cluster.installation, name, self._environment())
        self._spawn(api, tree)
        wait_for(api.is_ready, START_S)
        return Client(self.cluster.installation.url(name), self.cluster.endpoint["api_key"])

    def _environment(self) -> dict[str, str]:
        return cluster.program_environment(self.cluster.installation, self.cluster.run_id)

    def _spawn(self, process: Process, tree: Path) -> None:
        # Older releases report readiness in another way.
        running = Running(replace(process, cwd=tree, reports_ready=False), generation=1)
        self.hosts[process.name] = running.spawn(self.cluster.installation.home.logs / f"{process.name}.log")

    def kill_host(self, name: str) -> None:
        """End a host with everything on it, as a power failure does."""
        host = self.hosts.pop(name)
        kill_group(host.pid)
        host.wait()

    def stop_host(self, name: str) -> None:
        host = self.hosts.pop(name)
        host.send_signal(signal.SIGTERM)
        host.wait(60)

    def pid_of(self, server: str) -> int:
        return int(self.cluster.supervisor.pids()[server])

    def kill(self, server: str) -> None:
        """Kill a server with SIGKILL; the cluster's supervisor starts it again."""
        os.kill(self.pid_of(server), signal.SIGKILL)

    def stop(self) -> None:
        for name in list(self.hosts):
            self.kill_host(name)
        self.cluster.stop()

    # --- work ----------------------------------------------------------------------------------------

    def upload(
        self, folder: Path, count: int, *, client: Client | None = None, more: Sequence[Path] = ()
    ) -> tuple[str, str]:
        """Upload `count` different texts, and `more` files, to a new dataset. Returns the ids of the dataset and the batch."""
        client = client or self.client
        folder.mkdir()
        paths = [folder / f"{folder.name}-{number}.txt" for number in range(count)]
        for number, path in enumerate(paths):
            path.write_text(
                f"Invoice {folder.name}-{number}\nDate: 2026-03-{number % 28 + 1:02}\nTotal: EUR {number}.50\n"
            )
        dataset = client.dataset(folder.name)
        return dataset["id"], client.upload(dataset["id"], [*paths, *more])["id"]

    def settled(self, dataset_id: str, batch_id: str, *, client: Client | None = None) -> list[dict[str, Any]]:
        """The files of a batch, once all their pipelines have ended. Each must be done."""
        *_, files = (client or self.client).follow(dataset_id, batch_id, within_s=SETTLE_S)
        unsettled = [(file["name"], file["state"], file.get("waiting")) for file in files if not is_settled(file)]
        assert not unsettled, unsettled[:5]
        assert {file["state"] for file in files} == {"done"}, [(file["name"], file.get("error")) for file in files]
        return files

    def balance(self) -> dict[str, Any]:
        """The audit's report, once it has been checked that no file is lost or doubled."""
        audit: dict[str, Any] = self.client.call("GET", "/operations/audit")
        assert (audit["lost"], audit["doubled"]) == (0, 0), audit
        return audit

    def attempts(self, files: Sequence[dict[str, Any]]) -> int:
        """How many attempts the ledger has for these files."""
        return sum(len(self.client.call("GET", f"/files/{file['id']}/history")["attempts"]) for file in files)

    def events(self, name: str, host: str = "host-*") -> int:
        """How many log lines of an event the hosts have written."""
        mark = f'"event": "{name}"'
        return sum(path.read_text().count(mark) for path in self.cluster.installation.home.logs.glob(f"{host}.log"))


def wait_for(holds: Callable[[], Any], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen within {within_s:.0f} s"
        time.sleep(0.2)
