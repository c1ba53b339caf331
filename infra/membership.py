"""A worker's membership in the fleet: registers the worker's slots, and reads which workers are live."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from layers.attempts.fleet_view import FleetView
from layers.domain.fleet import Registration
from layers.ports import Store
from layers.telemetry.log import log
from layers.version import VERSION


class Membership:
    """`slots`: how many parts of each step the worker runs at once. Each beat updates `view` and calls `share` with the
    number of live workers on this host."""

    def __init__(
        self,
        store: Store,
        view: FleetView,
        worker: str,
        slots: Mapping[str, int],
        share: Callable[[int], None] = lambda workers: None,
    ) -> None:
        self._store = store
        self._view = view
        self._share = share
        self._registration = Registration(worker, socket.gethostname(), VERSION, slots)

    def beat(self) -> None:
        """Register this worker, or renew its registration. Raises StoreUnreachable."""
        fleet = self._store.beat(self._registration)
        self._view.current = fleet
        self._share(max(1, fleet.on_host))

    def drain(self) -> None:
        """Mark this worker as draining, so that dispatch no longer counts its slots."""
        self._registration = replace(self._registration, draining=True)
        self._try("drain", self.beat)

    def leave(self) -> None:
        """Delete the registration."""
        self._try("leave", lambda: self._store.leave(self._registration.worker))

    def _try(self, act: str, do: Callable[[], Any]) -> None:
        try:
            do()
        except Exception as error:  # without a beat the registration expires
            log("membership_failed", act=act, worker=self._registration.worker, detail=str(error))
