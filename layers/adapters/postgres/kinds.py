"""The rules and lessons of kinds in PostgreSQL, for workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.store import QUERIES
from layers.domain.file import File
from layers.domain.kept import Kept
from layers.domain.kinds.decision import RULES_ALONE
from layers.domain.kinds.learnt import SURE_FROM, Example, Model, trained, words_of
from layers.domain.kinds.rules import MOST_CHARACTERS, Kind, looks_of, scores
from layers.domain.page import Page
from layers.ports.kinds import Routes

# The parameters of `kind_examples`: how many files of a dataset teach, the newest.
EXAMPLES = {"most_lessons": 200, "most_undisputed": 100, "sure_from": 100 * SURE_FROM, "characters": MOST_CHARACTERS}
MOST_KEPT, KEPT_S = 50, 600.0  # models in a process


class PostgresKinds:
    """The port `Kinds`. A model is kept in the process until its dataset is taught something else, for some minutes at most."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)
        self._models = Kept[Model](MOST_KEPT, KEPT_S)

    def routes(self, file: File) -> Routes:
        row = self._database.row(self._sql["routes"], file_id=file.file_id, most_lessons=EXAMPLES["most_lessons"])
        if row is None:
            return Routes()
        return Routes(row["targets"], row["names"], row["chosen_by_person"], row["taught"])

    def model(self, file: File, taught: str) -> Model:
        if not taught:
            return RULES_ALONE
        return self._models.get(file.dataset_id, taught, time.monotonic(), lambda: trained(self._examples(file)))

    def _examples(self, file: File) -> Sequence[Example]:
        keys = {"tenant_id": file.tenant_id, "dataset_id": file.dataset_id}
        rows = self._database.rows(self._sql["kind_examples"], **keys, **EXAMPLES)
        return [example_of(row["kind"], row["taught"], row["pages"]) for row in rows]


def example_of(kind: Kind, taught: bool, pages: Sequence[Sequence[Any]]) -> Example:
    """An example from the columns of `kind_examples`."""
    looks = looks_of(
        [Page(n, text, width=w, height=h, turned=turned, source="native") for n, text, w, h, turned, _ in pages]
    )
    looks = replace(looks, has_data=any(page[-1] for page in pages))
    return Example(kind, words_of(looks), scores(looks), taught)
