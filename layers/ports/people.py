"""The part of the catalog for people at a page: sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from layers.ports.rows import KeyRow, Session


class PeopleCatalog(Protocol):
    """What a person at a page reads and changes, in the transaction of a `Catalog`."""

    def tenant_name(self) -> str: ...

    # --- sessions

    def create_code(self, code_hash: bytes, key_id: str, role: str, name: str | None, lifetime_s: float) -> datetime:
        """Create a one-time code of a key. Returns when it expires."""

    def exchange_code(self, code_hash: bytes, key_hash: bytes, lifetime_s: float) -> Session | None:
        """Exchange a code for the key of a session. Returns None if the code is unknown, was used or has expired, or if its
        key was revoked. Needs no tenant."""

    def end_session(self, key_id: str) -> KeyRow | None:
        """Revoke the key of a session. Returns None for any other key."""

    def revoke_sessions_of(self, key_id: str) -> list[UUID]:
        """Revoke the keys of all sessions that a key has created. Returns their ids."""

    def session_count(self) -> int:
        """The number of the tenant's codes and sessions that have not expired."""

    def forget_ended_sessions(self) -> None:
        """Delete the tenant's expired codes, and the keys of sessions that expired long ago."""
