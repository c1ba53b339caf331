"""The parts of a request's transaction that concern routing and moves."""

from __future__ import annotations

from uuid import UUID

from layers.adapters.postgres.database import load_queries
from layers.adapters.postgres.kinds import EXAMPLES, example_of
from layers.adapters.postgres.transaction import STORE_QUERIES, Transaction
from layers.domain.kinds.learnt import Example
from layers.ports.moves import MoveRow


class MoveQueries(Transaction):
    """The port `MoveCatalog`. Its queries are in `moves.sql`."""

    def datasets_named(self, name: str) -> list[UUID]:
        return [dataset_id for (dataset_id,) in self._tuples("datasets_named", name=name)]

    def has_routing(self, file_id: str) -> bool:
        return self._value("has_routing", file_id=file_id) is True

    def move_file(
        self,
        file_id: str,
        target: str,
        home: str,
        kind: str | None,
        request_id: str,
        key_id: str,
        person: str | None,
    ) -> bool:
        return bool(
            self._value(
                "move_file",
                file_id=file_id,
                target=target,
                home=home,
                kind=kind,
                request_id=request_id,
                key_id=key_id,
                person=person,
            )
        )

    def moves_of(self, request_id: str) -> list[MoveRow]:
        return self._rows(MoveRow, "moves_of", request_id=request_id)

    def undo_move(self, move_id: UUID, key_id: str, person: str | None) -> bool:
        return bool(self._value("undo_move", move_id=move_id, key_id=key_id, person=person))

    def lessons_version(self, dataset_id: str) -> str:
        return str(self._value("lessons_version", dataset_id=dataset_id, most_lessons=EXAMPLES["most_lessons"]))

    def kind_examples(self, dataset_id: str) -> list[Example]:
        query = load_queries(STORE_QUERIES)["kind_examples"]
        keys = {"tenant_id": self._tenant_id, "dataset_id": dataset_id}
        rows = self._connection.execute(query, keys | EXAMPLES).fetchall()
        return [example_of(row["kind"], row["taught"], row["pages"]) for row in rows]
