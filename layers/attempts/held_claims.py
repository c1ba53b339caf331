"""The claims of one process: those that it runs, and those that it lost track of when an answer of the store was lost."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from layers.domain.errors import StoreUnreachable
from layers.domain.message import WakeUp
from layers.ports import Claim, Store

LOST_AFTER_S = 5.0  # until then, the claim may be a new one that a thread is about to run
# A lease is extended when this share of it has passed, because a busy machine makes attempts slow, but never beyond so
# many times its length, because an attempt that hangs must end.
EXTENDED_FROM = 0.4
LONGEST_TIMES = 3.0


@dataclass(slots=True)
class _Held:
    """A running claim. Its lease ends at `until` and is never extended beyond `at_most`, by the monotonic clock."""

    claim: Claim
    lease_s: float
    until: float
    at_most: float


class HeldClaims:
    """The claims under the name `owner`, which no other process may use."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._held: dict[str, _Held] = {}  # by lease
        self._unknown_since: dict[str, float] = {}
        self._in_doubt = False

    def claim(self, wake_ups: Sequence[WakeUp], lease_s: float, *, durably: bool) -> list[Claim]:
        """Claim the parts that these wake-ups name. Call `ended` once they have ended. Raises StoreUnreachable."""
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

    def held(self) -> list[Claim]:
        """The running claims."""
        return [held.claim for held in list(self._held.values())]

    def until(self, claims: Sequence[Claim]) -> float:
        """The end of the lease that ends first, by the monotonic clock."""
        return min(self._held[claim.lease_id].until for claim in claims)

    def extend(self) -> int:
        """Extend the leases of attempts that take long. Returns their number. Raises StoreUnreachable."""
        now, due = time.monotonic(), defaultdict(list)
        for held in list(self._held.values()):
            if held.until - now < (1 - EXTENDED_FROM) * held.lease_s and now + held.lease_s < held.at_most:
                due[held.claim.step, held.lease_s].append(held)
        for (_, lease_s), group in due.items():
            self._store.extend([held.claim for held in group], lease_s)
            for held in group:
                held.until = now + lease_s
        return sum(map(len, due.values()))

    def lost(self) -> list[Claim]:
        """Claims under this owner that no thread runs, once they have been unknown for `LOST_AFTER_S`."""
        if not self._in_doubt:
            return []
        now = time.monotonic()
        unknown = [claim for claim in self._store.held_by(self._owner) if claim.lease_id not in self._held]
        since = {claim.lease_id: self._unknown_since.get(claim.lease_id, now) for claim in unknown}
        lost = [claim for claim in unknown if now - since[claim.lease_id] > LOST_AFTER_S]
        self._unknown_since = {
            lease_id: at for lease_id, at in since.items() if lease_id not in {claim.lease_id for claim in lost}
        }
        self._in_doubt = bool(self._unknown_since)
        return lost
