"""Webhooks: workers deliver the events of tenants to their endpoints.

A delivery is no step of a file: it begins when the work on the file has ended, may outlive the file, goes to any number of
endpoints, and waits for somebody else's server for up to a day. So it has a queue of its own, in which tenants take turns,
and threads of its own, which only wait for the network.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from layers.domain.errors import StoreUnreachable
from layers.domain.webhook import WebhookEvent, after_attempt, headers
from layers.ports.webhooks import Delivery, WebhookConnection, Webhooks, WebhookSender
from layers.telemetry.log import log

CHECK_EVERY_S = 0.5
USE_CHECK_EVERY_S = 5.0
THREADS = 8
SLICE_S = 5.0  # a thread sends to one endpoint for so long
LEASE_S = 60.0  # a slice, one more attempt, and a slow name server
FORGOTTEN_AT_ONCE = 10_000


class Deliverer:
    """Delivers with several threads of one process. Each sends a slice of one endpoint's deliveries at a time, so that an
    endpoint that hangs delays nobody else."""

    def __init__(
        self,
        webhooks: Webhooks,
        sender: WebhookSender,
        *,
        threads: int = THREADS,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._webhooks, self._sender, self._most = webhooks, sender, threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="webhooks")
        self._free = threading.BoundedSemaphore(threads)
        self._now, self._monotonic, self._chance = now, monotonic, chance
        self._is_used, self._use_checked_at = False, -USE_CHECK_EVERY_S

    def start_due(self, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Start threads while deliveries are due and threads are free. Does not wait for them."""
        try:
            self._start_due(is_stopping)
        except StoreUnreachable:
            self._is_used, self._use_checked_at = False, self._monotonic()  # try again in a few seconds
            raise

    def finish(self, within_s: float) -> None:
        """Wait until the attempts that have begun are recorded, but no longer than this: they would be repeated."""
        until = self._monotonic() + within_s
        for _ in range(self._most):
            if not self._free.acquire(timeout=max(0.0, until - self._monotonic())):
                return

    def _start_due(self, is_stopping: Callable[[], bool]) -> None:
        while self._are_used() and not is_stopping() and self._free.acquire(blocking=False):
            started = False
            try:
                if claimed := self._webhooks.claim(LEASE_S):
                    self._threads.submit(self._run, claimed, is_stopping)
                    started = True
            finally:
                if not started:
                    self._free.release()
            if not started:
                return

    def run_for(self, most_s: float) -> None:
        """Deliver what becomes due within this time, and wait for the end of all attempts that have begun."""
        until = self._monotonic() + most_s
        running: set[Future[bool]] = set()
        while self._are_used() and self._monotonic() < until:
            claimed = self._webhooks.claim(LEASE_S) if len(running) < self._most else []
            if claimed:
                running.add(self._threads.submit(self._send_slice, claimed, lambda: self._monotonic() > until))
            elif running:
                running = set(wait(running, return_when=FIRST_COMPLETED).not_done)
            else:
                break
        wait(running)

    def _are_used(self) -> bool:
        """Whether there are endpoints at all: without, nothing is claimed twice a second in vain."""
        if self._monotonic() - self._use_checked_at >= USE_CHECK_EVERY_S:
            self._is_used, self._use_checked_at = self._webhooks.are_used(), self._monotonic()
        return self._is_used

    def _run(self, claimed: list[Delivery], is_stopping: Callable[[], bool]) -> None:
        """Send a slice, and then the next ones that are due."""
        try:
            while claimed and self._send_slice(claimed, is_stopping):
                claimed = [] if is_stopping() else self._webhooks.claim(LEASE_S)
        except StoreUnreachable as error:
            log("webhooks_interrupted", detail=str(error))
        finally:
            self._free.release()

    def _send_slice(self, claimed: list[Delivery], is_stopping: Callable[[], bool]) -> bool:
        """Send deliveries of one endpoint. Returns whether the store could record it: otherwise the leases expire, and then
        the deliveries are repeated."""
        try:
            self._deliver(claimed, is_stopping)
            return True
        except StoreUnreachable as error:
            log("webhooks_interrupted", detail=str(error))
        except Exception as error:
            log("webhooks_failed", error=error)
        return False

    def _deliver(self, claimed: list[Delivery], is_stopping: Callable[[], bool]) -> None:
        """Send deliveries of one endpoint, until one fails or the time of a slice is over."""
        connection, until = self._sender.connect(claimed[0].url), self._monotonic() + SLICE_S
        done = 0
        try:
            for delivery in claimed:
                if is_stopping() or self._monotonic() > until:
                    break
                done += 1
                if not self._attempt(connection, delivery):
                    break
        finally:
            connection.close()
        if claimed[done:]:
            self._webhooks.give_back(claimed[done:])

    def _attempt(self, connection: WebhookConnection, delivery: Delivery) -> bool:
        """Send one delivery and record what came of it. Returns whether the endpoint accepted it."""
        message_id, body = str(delivery.event_id), _event(delivery).body()
        sent = connection.post(headers(delivery.secrets, message_id, int(self._now()), body), body)
        verdict = after_attempt(
            sent,
            attempts=delivery.attempts,
            age_s=delivery.age_s + sent.took_s,
            failures=delivery.failures,
            chance=self._chance(),
        )
        if not self._webhooks.end(delivery, sent, verdict):
            log("webhook_lease_lost", endpoint_id=str(delivery.endpoint_id), event_id=message_id)
        if verdict.disables:
            log("webhook_disabled", endpoint_id=str(delivery.endpoint_id), detail=verdict.disables)
        return sent.is_accepted


def _event(delivery: Delivery) -> WebhookEvent:
    source = f"/datasets/{delivery.dataset_id}" if delivery.dataset_id else f"/webhooks/{delivery.endpoint_id}"
    return WebhookEvent(
        str(delivery.event_id),
        delivery.event_seq,
        delivery.event_type,
        source,
        str(delivery.subject_id),
        delivery.occurred_at,
        delivery.data,
    )


def forget_old(webhooks: Webhooks, kept_days: int) -> int:
    """Delete events that are older, with the log of their deliveries. Returns their number."""
    return webhooks.forget(kept_days, FORGOTTEN_AT_ONCE)
