"""The claims of one process: those that it runs, and those that the store made for it while the answer was lost."""

from __future__ import annotations

import time
from collections.abc import Sequence

from layers.domain.errors import StoreUnreachable
from layers.domain.message import WakeUp
from layers.ports import Claim, Store

STRANGE_S = 5.0


class HeldClaims:
    """Nobody else makes claims under `owner`."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._run: set[str] = set()  # leases
        self._strange_since: dict[str, float] = {}
        self._in_doubt = False

    def claim(self, wake_ups: Sequence[WakeUp], lease_s: float, *, durably: bool) -> list[Claim]:
        """Claim what these wake-ups name; to be told of when it has ended. Raises StoreUnreachable."""
        try:
            claims = self._store.claim_all(wake_ups, self._owner, lease_s, durably=durably)
        except StoreUnreachable:
            self._in_doubt = True
            raise
        self._run |= {claim.lease_id for claim in claims}
        return claims

    def ended(self, claims: Sequence[Claim]) -> None:
        self._run -= {claim.lease_id for claim in claims}

    def lost(self) -> list[Claim]:
        """Claims that nobody runs. One is strange for some time before it counts as lost: it may have been made just
        now, for a thread that is about to run it."""
        if not self._in_doubt:
            return []
        now = time.monotonic()
        strange = [claim for claim in self._store.held_by(self._owner) if claim.lease_id not in self._run]
        seen_at = {claim.lease_id: self._strange_since.get(claim.lease_id, now) for claim in strange}
        lost = [claim for claim in strange if now - seen_at[claim.lease_id] > STRANGE_S]
        self._strange_since = {one: at for one, at in seen_at.items() if one not in {claim.lease_id for claim in lost}}
        self._in_doubt = bool(self._strange_since)
        return lost
