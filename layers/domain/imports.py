"""Imports: which objects a tenant may import, what their files are called, and the keys of originals that stay in place."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_NAME = 1024
OWN, IN_PLACE = "originals/", "in-place/"
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_allowed(sources: Iterable[str], bucket: str, key: str) -> bool:
    """Whether one of the sources, `bucket/prefix`, covers this key or this prefix of keys."""
    return any(f"{bucket}/{key}".startswith(source) for source in sources)


def name_of(key: str, prefix: str) -> str:
    """The name of the file of an object: its key after the folder in which the prefix ends."""
    folder = prefix[: prefix.rfind("/") + 1]
    name = UNSTORABLE.sub("?", key.removeprefix(folder)) or UNSTORABLE.sub("?", key)
    return name[-LONGEST_NAME:]


def key_in_place(own_key: str, bucket: str, source_key: str) -> str:
    """The key of an original that stays in its bucket. `own_key` is where a copy of it would be stored, or already this key."""
    return own_key if own_key.startswith(IN_PLACE) else f"{IN_PLACE}{own_key.removeprefix(OWN)}/{bucket}/{source_key}"


def place_of(object_key: str) -> tuple[str, str] | None:
    """The bucket and the key of an original that stays in place; None for all other objects."""
    if not object_key.startswith(IN_PLACE):
        return None
    _prefix, _tenant_id, _file_id, bucket, source_key = object_key.split("/", 4)
    return bucket, source_key


def file_id_of(object_key: str) -> str:
    """The id of the file whose original has this key."""
    return object_key.split("/", 3)[2]
