"""The claims of one process: those that it runs, and those that the store made for it while the answer was lost."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from layers.domain.errors import StoreUnreachable
from layers.domain.message import WakeUp
from layers.ports import Claim, Store

STRANGE_S = 5.0
# A lease that has come so far is extended while its attempt goes on, as long as it is within so many times its length:
# an attempt may have to wait for its turn, or for a machine that is full.
EXTENDED_FROM = 0.4
LONGEST_TIMES = 3.0


@dataclass(slots=True)
class _Held:
    """A claim that is at work. `until` is when its lease ends, by the monotonic clock, and `at_most` may end."""

    claim: Claim
    lease_s: float
    until: float
    at_most: float


class HeldClaims:
    """Nobody else makes claims under `owner`."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._held: dict[str, _Held] = {}  # by lease
        self._strange_since: dict[str, float] = {}
        self._in_doubt = False

    def claim(self, wake_ups: Sequence[WakeUp], lease_s: float, *, durably: bool) -> list[Claim]:
        """Claim what these wake-ups name; to be told of when it has ended. Raises StoreUnreachable."""
        now = time.monotonic()
        try:
            claims = self._store.claim_all(wake_ups, self._owner, lease_s, durably=durably)
        except StoreUnreachable:
            self._in_doubt = True
            raise
        at_most = now + LONGEST_TIMES * lease_s
        self._held |= {claim.lease_id: _Held(claim, lease_s, now + lease_s, at_most) for claim in claims}
        return claims

    def ended(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self._held.pop(claim.lease_id, None)

    def until(self, claims: Sequence[Claim]) -> float:
        """When the first of these leases ends, by the monotonic clock."""
        return min(self._held[claim.lease_id].until for claim in claims)

    def extend(self) -> int:
        """Extend the leases of attempts that go on for long; how many. Raises StoreUnreachable."""
        now, due = time.monotonic(), defaultdict(list)
        for held in list(self._held.values()):
            if held.until - now < (1 - EXTENDED_FROM) * held.lease_s and now + held.lease_s < held.at_most:
                due[held.claim.step, held.lease_s].append(held)
        for (_, lease_s), some in due.items():
            self._store.extend([held.claim for held in some], lease_s)
            for held in some:
                held.until = now + lease_s
        return sum(map(len, due.values()))

    def lost(self) -> list[Claim]:
        """Claims that nobody runs. One is strange for some time before it counts as lost: it may have been made just
        now, for a thread that is about to run it."""
        if not self._in_doubt:
            return []
        now = time.monotonic()
        strange = [claim for claim in self._store.held_by(self._owner) if claim.lease_id not in self._held]
        seen_at = {claim.lease_id: self._strange_since.get(claim.lease_id, now) for claim in strange}
        lost = [claim for claim in strange if now - seen_at[claim.lease_id] > STRANGE_S]
        self._strange_since = {one: at for one, at in seen_at.items() if one not in {claim.lease_id for claim in lost}}
        self._in_doubt = bool(self._strange_since)
        return lost
