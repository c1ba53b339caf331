"""Budgets of external services that all processes share through Redis; while it is down, each has a fixed share."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from layers.adapters.redis.connection import RedisConnection
from layers.domain.budget import UNTOUCHED, Budget, Rate
from layers.ports import BudgetState

SCRIPT = Path(__file__).with_name("budget.lua").read_text
KEY = "fairway:budget:"
Answer = tuple[float, float]


class RedisBudgets:
    """`rates` is by the name of the service. `url` may be empty: then this process has the whole budgets.

    `processes` returns the number of processes that spend at once. While Redis is down, each uses that fraction of the
    rate, so that all together stay within it. Tests pass `now`; otherwise Redis's clock is used, which is the same for
    all hosts.
    """

    def __init__(
        self,
        url: str,
        rates: Mapping[str, Rate],
        processes: Callable[[], int] = lambda: 1,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._redis = RedisConnection(url)
        self._rates = dict(rates)
        self._processes = processes if url else lambda: 1
        self._given_now = now
        self._now = now or time.time
        self._lock = threading.Lock()
        self._own: dict[str, Budget] = {}
        self._script: str | None = None

    def __contains__(self, name: object) -> bool:
        return name in self._rates

    def take(self, name: str, parts: int) -> tuple[int, float]:
        """How many of these parts fit into the budget, and the seconds until one more does."""

        def take(budget: Budget, rate: Rate, now: float) -> tuple[Budget, Answer]:
            after, taken = budget.take(rate, now, parts)
            return after, (taken, after.wait_s(rate, now))

        taken, wait_s = self._do(name, "take", take, parts)
        return int(taken), wait_s

    def give_back(self, name: str, parts: int) -> None:
        """Return the budget of parts that were not dispatched."""
        self._do(name, "give_back", lambda budget, rate, now: (budget.give_back(rate, now, parts), (0, 0)), parts)

    def settle(self, name: str, used: float) -> None:
        """Charge the units that a finished part has actually used."""
        self._do(name, "settle", lambda budget, rate, now: (budget.settle(rate, now, used), (0, 0)), used)

    def pace(self, name: str, units: float, most_wait_s: float) -> tuple[bool, float]:
        """Whether a call of that many units may start within `most_wait_s` seconds, and the seconds until it may."""

        def pace(budget: Budget, rate: Rate, now: float) -> tuple[Budget, Answer]:
            after, wait_s = budget.pace(rate, now, units, most_wait_s)
            return after, (wait_s <= most_wait_s, wait_s)

        granted, wait_s = self._do(name, "pace", pace, units, most_wait_s)
        return bool(granted), wait_s

    def correct(self, name: str, units: float) -> None:
        """Charge the difference between the units that a call used and those it was admitted with; may be negative."""
        self._do(name, "correct", lambda budget, rate, now: (budget.correct(rate, now, units), (0, 0)), units)

    def throttled(self, name: str, pause_s: float = 0.0) -> None:
        """Record that the service refused a call; `pause_s` is its Retry-After."""
        self._do(name, "throttled", lambda budget, rate, now: (budget.throttled(now, pause_s), (0, 0)), pause_s)

    def recovered(self, name: str) -> None:
        """Record that the service works again: discard the accumulated budget, so that calls start one by one."""
        rate = self._rates[name]
        self.pace(name, rate.ease_s * rate.per_s, math.inf)

    def states(self) -> dict[str, BudgetState]:
        """The current state of every budget."""
        return {name: self._state(name, rate) for name, rate in self._rates.items()}

    def _own_rate(self, name: str) -> Rate:
        return self._rates[name].shared_by(max(1, self._processes()))

    def _state(self, name: str, rate: Rate) -> BudgetState:
        now = self._now()
        kept = self._redis.call(lambda client: client.hgetall(KEY + name))
        if kept is None:
            budget, rate = self._own.get(name, UNTOUCHED), self._own_rate(name)
        else:
            budget = Budget.from_json({field.decode(): value for field, value in kept.items()})
        return BudgetState(rate.per_s, budget.per_s(rate, now), budget.room(rate, now), budget.wait_s(rate, now))

    def _do(
        self,
        name: str,
        act: str,
        change: Callable[[Budget, Rate, float], tuple[Budget, Answer]],
        first: float,
        second: float = 0.0,
    ) -> Answer:
        rate = self._rates[name]
        arguments = [act, "" if self._given_now is None else self._given_now()]
        arguments += [rate.per_s, rate.part, rate.burst_s, rate.ease_s, first, second]
        shared = self._redis.call(lambda client: self._run(client, KEY + name, arguments))
        if shared is not None:
            return shared
        with self._lock:
            budget, answer = change(self._own.get(name, UNTOUCHED), self._own_rate(name), self._now())
            self._own[name] = budget
        return answer

    def _run(self, client: Any, key: str, arguments: list[Any]) -> Answer:
        if self._script is None:
            self._script = SCRIPT()
        answer, wait_s = client.register_script(self._script)(keys=[key], args=arguments)
        return float(answer), float(wait_s)
