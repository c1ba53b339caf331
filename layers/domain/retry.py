"""When a failed attempt runs again: full jitter within a budget of attempts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` attempts, a random delay of up to `base_s` doubled each time before the next.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full jitter).
    """

    max_attempts: int = 4
    base_s: float = 2.0
    longest_s: float = 300.0

    def delay_s(self, failures: int, chance: float) -> float | None:
        """Seconds until the next attempt after `failures` failed ones, or None when the budget is spent.

        `chance` is a random number in [0, 1).
        """
        if failures >= self.max_attempts:
            return None
        return chance * min(self.longest_s, self.base_s * float(2 ** (failures - 1)))
