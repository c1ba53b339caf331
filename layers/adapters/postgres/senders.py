"""The memory of senders in PostgreSQL, for workers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.store import QUERIES
from layers.domain.file import File
from layers.domain.learning.memory import Example

MOST_BY_KEY = 50  # documents that are compared for one key
MOST_EXAMPLES = 50


class PostgresSenders:
    """The port `Senders`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def examples(self, file: File, keys: Collection[str]) -> Sequence[Example]:
        rows = self._database.rows(
            self._sql["known_senders"],
            tenant_id=file.tenant_id,
            dataset_id=file.dataset_id,
            file_id=file.file_id,
            keys=sorted(keys),
            by_key=MOST_BY_KEY,
            limit=MOST_EXAMPLES,
        )
        return [Example(row["values"], frozenset(row["keys"])) for row in rows]
