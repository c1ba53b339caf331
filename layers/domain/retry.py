"""The delay before a failed attempt is retried: full jitter, within a limited number of attempts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_attempts` attempts. The delay is random; its upper bound is `base_s` at first and doubles each time.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full jitter).
    """

    max_attempts: int = 4
    base_s: float = 2.0
    longest_s: float = 300.0

    def delay_s(self, failures: int, chance: float) -> float | None:
        """Seconds until the next attempt after `failures` failed ones, or None when no attempt is left.

        `chance` is a random number in [0, 1).
        """
        if failures >= self.max_attempts:
            return None
        return chance * min(self.longest_s, self.base_s * float(2 ** (failures - 1)))
