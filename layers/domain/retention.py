"""Retention: what a dataset no longer keeps after some days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from layers.domain.ids import first_id_at

# What can be erased, in this order, and the option that says after how many days. `records`: the whole files.
OPTIONS = {"records": "records_days", "originals": "originals_days", "text": "text_days"}
KINDS = tuple(OPTIONS)


def first_kept(retention: Mapping[str, int], kind: str, now: datetime) -> str | None:
    """The lowest id that a file created recently enough can have; None if the dataset keeps this kind for good."""
    days = retention.get(OPTIONS[kind])
    return None if days is None else first_id_at(now - timedelta(days=days))


def following(kind: str) -> str | None:
    """The kind that is purged after this one; None after the last."""
    position = KINDS.index(kind) + 1
    return KINDS[position] if position < len(KINDS) else None
