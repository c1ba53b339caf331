"""Dispatching: publish wake-ups for ready steps, within each step's in-flight cap and its service's budget."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping

from layers.attempts.dependencies import Dependencies
from layers.attempts.fleet_view import FleetView
from layers.domain.errors import StoreUnreachable
from layers.domain.fairness import in_flight_cap
from layers.domain.fleet import Limit, limit
from layers.domain.message import WakeUp, bundles
from layers.domain.step import Step
from layers.ports import Ports
from layers.telemetry.log import log

BACKLOG_SAMPLE_EVERY_S = 3.0  # for all processes together: the store skips a sample that comes too early


class Dispatcher:
    """Publishes wake-ups. `concurrency` is how many parts of each step run at once if no workers register. `ceilings` is
    how many may run at once on all workers; a step without an entry has no ceiling."""

    def __init__(
        self,
        ports: Ports,
        steps: Mapping[str, Step],
        concurrency: Mapping[str, int],
        dependencies: Dependencies,
        fleet: FleetView,
        ceilings: Mapping[str, int],
    ) -> None:
        self._ports = ports
        self._steps = steps
        self._concurrency = concurrency
        self._dependencies = dependencies
        self._fleet = fleet
        self._ceilings = ceilings
        self._next_sample_at = 0.0
        self._has_backlog = False
        self._not_dispatched: set[str] = set()

    def dispatch(self, steps: Iterable[str]) -> int:
        """Publish wake-ups for ready parts of these steps. Returns their number. Raises StoreUnreachable."""
        wake_ups = self._dispatched(steps)
        self._ports.topics.publish(wake_ups)
        return len(wake_ups)

    def dispatch_and_keep(self, steps: Iterable[str], kept: Collection[tuple[str, str]]) -> list[WakeUp]:
        """Like `dispatch`, but returns the wake-ups of bundles whose files and steps are all among `kept`, for the caller
        to run, in the order of the pipelines, and publishes only the others."""
        own: list[list[WakeUp]] = []
        others: list[WakeUp] = []
        for bundle in bundles(self._dispatched(steps)):
            if all((wake_up.file_id, wake_up.step) in kept for wake_up in bundle):
                own.append(bundle)
            else:
                others += bundle
        self._ports.topics.publish(others)
        in_order = list(self._steps)
        return [
            wake_up for bundle in sorted(own, key=lambda bundle: in_order.index(bundle[0].step)) for wake_up in bundle
        ]

    def _dispatched(self, steps: Iterable[str]) -> list[WakeUp]:
        """Queue ready parts of these steps in fair order, within the caps and the budgets."""
        limits = {name: self._limit(name) for name in steps if name in self._steps}
        caps = {name: self._dependencies.cap(self._steps[name], bound.cap) for name, bound in limits.items()}
        caps = {name: cap for name, cap in caps.items() if cap}
        taken = self._dependencies.take(caps)
        # A part that may be a breaker's probe, or that uses a budget, gets a separate message.
        bundle_sizes = {
            name: self._steps[name].parts_per_message
            for name, cap in caps.items()
            if cap == limits[name].cap and name not in taken
        }
        try:
            ceilings = {name: bound.ceiling for name, bound in limits.items() if bound.ceiling is not None}
            wake_ups = self._ports.store.dispatch(caps, taken, bundle_sizes, ceilings)
        except StoreUnreachable:
            # An attempt that ends requests a dispatch only once: a redelivery of its message finds nothing to do.
            self._not_dispatched |= set(caps)
            raise
        self._dependencies.give_back(taken, caps, wake_ups)
        self._sample_backlogs()
        return wake_ups

    def _limit(self, step: str) -> Limit:
        if self._fleet.current is None:
            return Limit(in_flight_cap(self._concurrency.get(step, 1)))
        return limit(self._fleet.current.slots.get(step, 0), self._ceilings.get(step))

    def tick(self) -> None:
        """Dispatch what could not be dispatched while the store was away, and sample backlogs until they are empty.

        A host that keeps running calls it every second.
        """
        steps = list(self._not_dispatched)
        self._not_dispatched.difference_update(steps)
        if steps:
            try:
                self.dispatch(steps)
            except Exception as error:  # the next pulse dispatches every step that has a backlog
                log("dispatch_postponed", steps=sorted(steps), detail=str(error))
        if self._has_backlog:
            self._sample_backlogs()

    def _sample_backlogs(self) -> None:
        """Measure from time to time how much waits in the lanes and how fast it is served, for forecasts of waits."""
        now = time.monotonic()
        if now < self._next_sample_at:
            return
        self._next_sample_at = now + BACKLOG_SAMPLE_EVERY_S
        try:
            waiting = self._ports.store.measure_backlogs(BACKLOG_SAMPLE_EVERY_S)
            self._has_backlog = self._has_backlog if waiting is None else waiting > 0
        except Exception as error:  # only forecasts depend on it
            log("backlog_sample_failed", detail=str(error))
