"""The audit log: entries whose hashes form a chain, so that a change of one shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

FIRST_HASH = "0" * 64  # before the first entry


def entry_text(entry: Mapping[str, Any]) -> str:
    """An entry as it is hashed: JSON in ASCII with sorted names and no spaces."""
    return json.dumps(dict(entry), sort_keys=True, separators=(",", ":"))


def hash_of(previous_hash: str, number: int, at: str, entry: Mapping[str, Any]) -> str:
    """The hash of an entry, in hexadecimal. `at` is RFC 3339 with milliseconds, as the API shows it."""
    return hashlib.sha256(f"{previous_hash}\n{number}\n{at}\n{entry_text(entry)}".encode()).hexdigest()


def first_broken(lines: Iterable[Mapping[str, Any]]) -> int | None:
    """The number of the first exported entry that is wrong or does not follow the one before it; None if all are right.

    `lines` are entries as the API exports them, oldest first. The first of them may follow entries that retention has
    deleted.
    """
    before: Mapping[str, Any] | None = None
    for line in lines:
        follows = before is None or (line["number"] == before["number"] + 1 and line["previous_hash"] == before["hash"])
        begins = line["number"] != 1 or line["previous_hash"] == FIRST_HASH
        right = line["hash"] == hash_of(line["previous_hash"], line["number"], line["at"], line["entry"])
        if not (follows and begins and right):
            return int(line["number"])
        before = line
    return None
