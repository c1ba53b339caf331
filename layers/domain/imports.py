"""Imports: which objects a tenant may import, and what their files are called."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_NAME = 1024
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_allowed(sources: Iterable[str], bucket: str, key: str) -> bool:
    """Whether one of the sources, `bucket/prefix`, covers this key or this prefix of keys."""
    return any(f"{bucket}/{key}".startswith(source) for source in sources)


def name_of(key: str, prefix: str) -> str:
    """The name of the file of an object: its key after the folder in which the prefix ends."""
    folder = prefix[: prefix.rfind("/") + 1]
    name = UNSTORABLE.sub("?", key.removeprefix(folder)) or UNSTORABLE.sub("?", key)
    return name[-LONGEST_NAME:]
