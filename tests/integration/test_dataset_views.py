"""Views of datasets: typed values for a login of one tenant, which sees nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from functions.dataset_views import refresh_views
from infra import readers
from layers.adapters.postgres.dataset_views import PostgresDatasetViews, role_of
from layers.domain.page import Extraction
from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records, extract, found
from tests.integration.test_api import new_dataset
from tests.making import Urls

ROWS = [
    {"company": "A", "total": 9.5, "date": "2026-01-02", "paid": True},
    {"company": "B", "total": "seven", "date": "2026-02-30", "former": [1]},
    {"company": "C", "total": None, "date": "02.01.2026"},
]


class Reader:
    """A tenant with a login, and its connection."""

    def __init__(self, api: Api, urls: Urls, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.api, self.urls = api, urls
        self.tenant_id = api.bench.tenant()
        self.caller = api.caller(self.tenant_id)
        self.views = PostgresDatasetViews(api.bench.store._database)
        monkeypatch.setenv("FAIRWAY_OWNER_DATABASE_URL", urls.owner)
        monkeypatch.setattr(readers, "_urls", lambda _home: (urls.owner, urls.worker))
        assert readers.main(["give", self.tenant_id]) == 0
        self.shown = capsys.readouterr().out
        self.url = next(word for word in self.shown.split() if word.startswith("postgresql://"))

    def refresh(self) -> None:
        refresh_views(self.views, self.tenant_id)

    def rows(self, query: str, *values: Any) -> list[Any]:
        server = conninfo_to_dict(self.urls.owner)
        with psycopg.connect(make_conninfo(self.url, host=server["host"], port=server["port"])) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def view_of(self, dataset_id: str) -> str:
        ((name,),) = self.rows("SELECT view_name FROM all_datasets WHERE dataset_id = %s", dataset_id)
        return str(name)


@pytest.fixture
def make_reader(api: Api, database_urls: Urls, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Any]:
    made: list[Reader] = []

    def make() -> Reader:
        made.append(Reader(api, database_urls, monkeypatch, capsys))
        return made[-1]

    yield make
    for reader in made:
        assert readers.main(["drop", reader.tenant_id]) == 0


def test_a_view_has_typed_columns_and_counts_what_does_not_fit(api: Api, make_reader: Any) -> None:
    reader = make_reader()
    dataset_id, file_ids = dataset_with_records(api, reader.caller, ROWS)
    reader.caller.patch(f"/files/{file_ids[2]}/record", json={"fields": {"total": 7}}, headers={"If-Match": "*"})
    further = Extraction({"company": "D", "total": 1}, (), {})
    extract(api, file_ids[0], found(ROWS[0], further=(further,)))
    reader.refresh()
    view = reader.view_of(dataset_id)
    rows = reader.rows(
        f"SELECT company, total, date::text, paid, document, unparsed_values, other_values FROM {view} ORDER BY company"
    )
    assert rows == [
        ("A", 9.5, "2026-01-02", True, 1, 0, None),
        ("B", None, None, None, 1, 2, {"total": "seven", "date": "2026-02-30", "former": [1]}),
        ("C", 7, None, None, 1, 1, {"date": "02.01.2026"}),
        ("D", 1, None, None, 2, 0, None),
    ]
    types = dict(
        reader.rows(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass", view
        )
    )
    assert {name: types[name] for name in ("company", "total", "date", "paid")} == {
        "company": "text",
        "total": "numeric",
        "date": "date",
        "paid": "boolean",
    }


def test_a_reader_of_another_tenant_sees_nothing(api: Api, make_reader: Any) -> None:
    first, second = make_reader(), make_reader()
    dataset_id, _ = dataset_with_records(api, first.caller, ROWS)
    first.refresh()
    view = first.view_of(dataset_id)
    assert len(first.rows(f"SELECT * FROM {view}")) == 3
    assert second.rows("SELECT * FROM all_datasets") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        second.rows(f"SELECT * FROM {view}")
    # Even with the right to the view itself, row-level security shows no row of another tenant.
    api.bench.database.run(f"GRANT SELECT ON {view} TO {role_of(second.tenant_id)}")
    assert second.rows(f"SELECT * FROM {view}") == []
    forged = (
        f"SELECT set_config('fairway.tenant_id', '{first.tenant_id}', false), set_config('fairway.system', 'on', false)",
        f"SELECT * FROM {view}",
    )
    server = conninfo_to_dict(first.urls.owner)
    with psycopg.connect(make_conninfo(second.url, host=server["host"], port=server["port"])) as connection:
        connection.execute(forged[0])  # type: ignore[arg-type]
        assert connection.execute(forged[1]).fetchall() == []  # type: ignore[arg-type]
        for table in ("files", "records", "tenants", "api_keys", "readers", "dataset_views"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT * FROM public.{table}")  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("SELECT * FROM public.search_files(%s, '%%', NULL, NULL, NULL, 10)", [dataset_id])
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):  # views that join are never written
            connection.execute(f"DELETE FROM {view}")  # type: ignore[arg-type]


def test_only_fairways_own_roles_call_functions_with_the_rights_of_their_owner(api: Api) -> None:
    open_to_all = api.bench.database.rows(
        "SELECT p.oid::regprocedure::text AS function FROM pg_proc p JOIN pg_roles o ON o.oid = p.proowner "
        "WHERE p.prosecdef AND o.rolname IN ('fairway_worker', 'fairway_views', current_user) "
        "AND (p.proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) a WHERE a.grantee = 0))"
    )
    assert open_to_all == []


def test_views_follow_schemas_names_and_removals(api: Api, make_reader: Any) -> None:
    reader = make_reader()
    dataset_id, _ = dataset_with_records(api, reader.caller, ROWS)
    reader.caller.put(f"/datasets/{dataset_id}", json={"name": "Month 1 & 2"})
    reader.refresh()
    assert reader.view_of(dataset_id) == "fairway.dataset_month_1_2"
    schema = {"type": "object", "properties": {"former": {"type": "array", "items": {"type": "integer"}}}}
    assert reader.caller.put(f"/datasets/{dataset_id}/schema", json={"schema": schema}).status_code == 200
    reader.caller.put(f"/datasets/{dataset_id}", json={"name": "領収書"})
    reader.refresh()
    view = reader.view_of(dataset_id)
    assert view == 'fairway."dataset_領収書"'
    assert [row[0] for row in reader.rows(f"SELECT former FROM {view} ORDER BY former")] == [[1], None, None]
    removal = reader.caller.delete(f"/datasets/{dataset_id}").json()["id"]
    assert reader.rows(f"SELECT * FROM {view}") == []
    reader.refresh()
    assert reader.rows("SELECT * FROM all_datasets") == []
    reader.caller.post(f"/removals/{removal}/undo")
    reader.refresh()
    assert len(reader.rows(f"SELECT * FROM {reader.view_of(dataset_id)}")) == 3


def test_datasets_of_one_name_have_different_views(api: Api, make_reader: Any) -> None:
    one, other = make_reader(), make_reader()
    ids = [new_dataset(reader.caller, name="Same name")["id"] for reader in (one, one, other)]
    for reader in (one, other):
        reader.refresh()
    views = [one.view_of(ids[0]), one.view_of(ids[1]), other.view_of(ids[2])]
    assert views[0] == "fairway.dataset_same_name" and len(set(views)) == 3
    assert views[1].startswith(views[0]) and views[2].startswith(views[0])


def test_names_that_need_quotes_or_collide_and_many_fields(api: Api, make_reader: Any) -> None:
    reader = make_reader()
    names = [
        'Total "net"',
        "file_id",
        "total",
        "Total",
        "select",
        "a" * 70,
        "a" * 71,
        "xmin",
        "%s",
        "é" * 40,
        "'; DROP",
    ]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    dataset_id = new_dataset(reader.caller, name='x"; DROP VIEW y; --' + "z" * 180, schema=schema)["id"]
    reader.refresh()
    view = reader.view_of(dataset_id)
    columns = [
        row[0]
        for row in reader.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 8 ORDER BY attnum", view
        )
    ]
    assert columns[:5] == ['Total "net"', "fields.file_id", "total", "Total", "select"]
    assert len(columns) == len(names) + 2 and len(set(columns)) == len(columns)
    wide = {"type": "object", "properties": {f"field {index}": {"type": "number"} for index in range(500)}}
    api.bench.database.run(
        "UPDATE schema_versions SET schema = %(schema)s::json WHERE dataset_id = %(d)s",
        schema=psycopg.types.json.Json(wide),
        d=dataset_id,
    )
    api.bench.database.run("UPDATE dataset_views SET schema_version = 0 WHERE dataset_id = %(d)s", d=dataset_id)
    reader.refresh()
    assert reader.rows(f'SELECT count("field 499") FROM {reader.view_of(dataset_id)}') == [(0,)]


def test_a_view_that_a_query_holds_is_replaced_later(api: Api, make_reader: Any) -> None:
    reader = make_reader()
    dataset_id, _ = dataset_with_records(api, reader.caller, ROWS)
    reader.refresh()
    view = reader.view_of(dataset_id)
    reader.caller.put(f"/datasets/{dataset_id}", json={"name": "Renamed"})
    with psycopg.connect(reader.urls.owner) as held:
        held.execute(f"SELECT * FROM {view}")  # type: ignore[arg-type]
        reader.refresh()
        assert reader.view_of(dataset_id) == view
        assert "lock timeout" in readers.views_of(reader.urls.owner, reader.tenant_id)[0]["problem"]
    reader.refresh()
    assert reader.view_of(dataset_id) == "fairway.dataset_renamed"


def test_a_tenant_without_a_login_has_no_views(api: Api) -> None:
    caller = api.caller()
    dataset_id = new_dataset(caller, name="Nobody reads this")["id"]
    refresh_views(PostgresDatasetViews(api.bench.store._database))
    rows = api.bench.database.rows("SELECT * FROM dataset_views WHERE dataset_id = %(d)s", d=dataset_id)
    assert rows == []


def test_the_command_names_what_is_missing(capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert readers.main(["show", "x", "--home", str(tmp_path)]) == 1
    assert "FAIRWAY_OWNER_DATABASE_URL" in capsys.readouterr().err
