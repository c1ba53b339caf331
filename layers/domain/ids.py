"""Ids: UUIDs of version 7, which begin with the milliseconds since 1970, so that a range of ids is a range of time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

FIRST_ID = str(UUID(int=0))


def first_id_at(moment: datetime) -> str:
    """The lowest id that a row created at this moment can have."""
    return str(UUID(int=max(0, int(moment.timestamp() * 1000)) << 80))
