"""Records for tests of the API, stored by the function that stores the outcome of an extraction."""

from __future__ import annotations

from typing import Any

import httpx
from psycopg.types.json import Jsonb

from layers.adapters.postgres.outcome_json import results_as_json
from layers.domain.page import Evidence, Extraction
from layers.domain.step import Done
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset

SCHEMA = {
    "type": "object",
    "required": ["company"],
    "properties": {
        "company": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "paid": {"type": "boolean"},
    },
}
PROOF = Evidence(1, "9.00", (0.1, 0.2, 0.3, 0.4), 90.0)


def extract(api: Api, file_id: str, found: Extraction) -> None:
    """Store what an extraction has found."""
    with api.bench.database.connection() as connection:
        connection.execute("SET ROLE fairway_worker")
        try:
            made = Jsonb(results_as_json(Done(extraction=found, complete=found.is_complete), 1))
            connection.execute("SELECT keep_what_was_made(f, %s) FROM files f WHERE file_id = %s", [made, file_id])
        finally:
            connection.execute("RESET ROLE")


def found(fields: dict[str, Any], **more: Any) -> Extraction:
    missing = () if "company" in fields else ("company",)
    return Extraction(dict(fields), missing, {"total": PROOF} if "total" in fields else {}, **more)


def dataset_with_records(
    api: Api, caller: httpx.Client, rows: list[dict[str, Any]], state: str = "done"
) -> tuple[str, list[str]]:
    """A new dataset with a settled file for each of these records. Returns its id and those of the files."""
    dataset_id = new_dataset(caller, schema=SCHEMA)["id"]
    batch = new_batch(caller, dataset_id, [f"{index}.pdf" for index in range(len(rows))])
    file_ids = [file["id"] for file in batch["files"]]
    for file_id, fields in zip(file_ids, rows, strict=True):
        extract(api, file_id, found(fields))
    api.bench.database.run(
        "UPDATE files SET state = %(s)s, uploaded_at = now() WHERE file_id = ANY (%(f)s)", s=state, f=file_ids
    )
    return dataset_id, file_ids
