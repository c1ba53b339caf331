"""Access: keys and roles in the API, and row-level security in the database."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from functions.api.access import FAILURES_A_MINUTE
from layers import bootstrap
from layers.adapters.postgres import transaction as postgres_transaction
from layers.adapters.postgres.database import load_queries
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem
from tests.making import Urls

TABLES_WITHOUT_TENANT = {"migrations", "lane_clocks", "backlog_looks", "step_samples", "step_outlooks", "attempt_folds"}


@pytest.fixture(scope="module")
def admin(api: Api) -> httpx.Client:
    return api.caller(role="admin")


def new_tenant(admin: httpx.Client, **options: Any) -> dict[str, Any]:
    answer = admin.post("/operations/tenants", json={"name": f"tenant {uuid.uuid4()}", **options})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def new_key(api: Api, admin: httpx.Client, tenant_id: str, role: str) -> tuple[str, httpx.Client]:
    answer = admin.post(f"/operations/tenants/{tenant_id}/keys", json={"role": role})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], api.with_headers(Authorization=f"Bearer {answer.json()['api_key']}")


# --- tenants and keys --------------------------------------------------------------------------------


def test_a_new_tenant_gets_an_operators_key_that_is_shown_once(api: Api, admin: httpx.Client) -> None:
    tenant = new_tenant(admin, weight=2.5, quota={"files_a_day": 100})
    operator = api.with_headers(Authorization=f"Bearer {tenant['api_key']}")
    assert operator.get("/datasets").json()["datasets"] == []
    problem(operator.get("/operations/tenants"), 403, "forbidden")
    listed = {tenant["id"]: tenant for tenant in admin.get("/operations/tenants").json()["tenants"]}
    assert (listed[tenant["id"]]["weight"], listed[tenant["id"]]["quota"]) == (2.5, {"files_a_day": 100})
    assert tenant["api_key"] not in admin.get("/operations/tenants").text


def test_names_of_tenants_are_unique(admin: httpx.Client) -> None:
    tenant = new_tenant(admin)
    problem(admin.post("/operations/tenants", json={"name": tenant["name"]}), 409, "conflict")


@pytest.mark.parametrize(
    "body",
    [
        {"weight": 0},
        {"weight": 101},
        {"weight": "1"},
        {"quota": []},
        {"quota": {"files": 1}},
        {"quota": {"bytes_stored": -1}},
    ],
)
def test_weights_have_bounds(admin: httpx.Client, body: dict[str, Any]) -> None:
    tenant = new_tenant(admin)
    problem(admin.put(f"/operations/tenants/{tenant['id']}", json=body), 400, "invalid_request")


def test_weight_and_quota_are_changed_independently(admin: httpx.Client) -> None:
    tenant = new_tenant(admin, weight=3, quota={"files_a_day": 5})
    assert admin.put(f"/operations/tenants/{tenant['id']}", json={"weight": 4}).json()["quota"] == {"files_a_day": 5}
    changed = admin.put(f"/operations/tenants/{tenant['id']}", json={"quota": {}}).json()
    assert (changed["weight"], changed["quota"]) == (4, {})
    problem(admin.put(f"/operations/tenants/{uuid.uuid4()}", json={"weight": 1}), 404, "not_found")


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("viewer", {"see"}),
        ("editor", {"see", "upload", "remove"}),
        ("operator", {"see", "upload", "remove", "redrive", "audit"}),
        ("admin", {"see", "upload", "remove", "redrive", "audit", "tenants"}),
    ],
)
def test_each_role_has_its_rights_and_no_others(api: Api, admin: httpx.Client, role: str, may: set[str]) -> None:
    tenant_id = new_tenant(admin)["id"]
    owner = new_key(api, admin, tenant_id, "operator")[1]
    dataset = new_dataset(owner)
    (file,) = new_batch(owner, dataset["id"], ["a.txt"])["files"]
    _, caller = new_key(api, admin, tenant_id, role)
    tried = {
        "see": caller.get(f"/files/{file['id']}"),
        "upload": caller.post(f"/files/{file['id']}/upload"),
        "redrive": caller.post(f"/datasets/{dataset['id']}/redrive", json={}),
        "audit": caller.get("/operations/audit"),
        "tenants": caller.get("/operations/tenants"),
        "remove": caller.delete(f"/files/{file['id']}"),
    }
    assert {name for name, answer in tried.items() if answer.status_code != 403} == may
    for name in set(tried) - may:
        problem(tried[name], 403, "forbidden")


def test_a_revoked_key_is_refused_at_once(api: Api, admin: httpx.Client) -> None:
    tenant_id = new_tenant(admin)["id"]
    key_id, caller = new_key(api, admin, tenant_id, "editor")
    assert caller.get("/datasets").status_code == 200
    assert admin.delete(f"/operations/keys/{key_id}").json()["revoked_at"]
    problem(caller.get("/datasets"), 401, "unauthorized")
    keys = {key["id"]: key for key in admin.get(f"/operations/tenants/{tenant_id}/keys").json()["keys"]}
    assert keys[key_id]["revoked_at"] and len(keys) == 2
    problem(admin.delete(f"/operations/keys/{uuid.uuid4()}"), 404, "not_found")


def test_keys_are_stored_as_hashes_that_need_the_pepper(api: Api, admin: httpx.Client) -> None:
    tenant = new_tenant(admin)
    rows = api.bench.database.rows("SELECT * FROM api_keys WHERE tenant_id = %(t)s", t=tenant["id"])
    assert len(rows) == 1 and tenant["api_key"].encode() not in bytes(rows[0]["key_hash"])
    assert len(bytes(rows[0]["key_hash"])) == 32


def test_guessing_keys_is_rate_limited_and_valid_keys_are_not(api: Api, admin: httpx.Client) -> None:
    guesser = api.with_headers(Authorization="Bearer fw_guess")
    answers = [guesser.get("/datasets") for _ in range(FAILURES_A_MINUTE + 2)]
    assert {answer.status_code for answer in answers[:10]} <= {401, 429}
    problem(answers[-1], 429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) > 0
    assert admin.get("/datasets").status_code == 200


# --- row-level security ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(api: Api) -> tuple[str, str]:
    """Two tenants, each with a file and everything that refers to it."""
    tenants = []
    for _ in range(2):
        tenant_id = api.bench.tenant()
        caller = api.caller(tenant_id)
        dataset = new_dataset(caller)
        new_batch(caller, dataset["id"], ["a.txt", "b.txt"])
        caller.delete(f"/files/{new_batch(caller, dataset['id'], ['c.txt'])['files'][0]['id']}")
        tenants.append(tenant_id)
    return tenants[0], tenants[1]


def as_tenant(url: str, tenant_id: str | None, query: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        if tenant_id:
            connection.execute("SELECT set_config('fairway.tenant_id', %s, true)", [tenant_id])
        return connection.execute(query).fetchall()  # type: ignore[call-overload]


def test_every_table_with_tenants_has_forced_row_level_security(database_urls: Urls) -> None:
    with psycopg.connect(database_urls.owner) as connection:
        rows = connection.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
    assert {name for name, secured in rows if not secured} == TABLES_WITHOUT_TENANT


def test_the_role_of_the_api_is_no_superuser_and_owns_nothing(database_urls: Urls) -> None:
    with psycopg.connect(database_urls.api) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid)"
            " FROM pg_roles r WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, 0)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM migrations")


@pytest.mark.parametrize("table", ["datasets", "batches", "files", "file_changes", "count_deltas", "removals"])
def test_a_query_without_a_tenant_clause_sees_only_its_own_tenant(
    database_urls: Urls, both: tuple[str, str], table: str
) -> None:
    query = f"SELECT DISTINCT tenant_id::text FROM {table}"
    assert as_tenant(database_urls.api, both[0], query) == [(both[0],)]
    assert as_tenant(database_urls.api, both[1], query) == [(both[1],)]
    assert as_tenant(database_urls.api, None, query) == []
    assert len(as_tenant(database_urls.worker, None, query)) >= 2


@pytest.mark.parametrize("query", ["files", "files_by_name", "files_by_id", "batch", "dataset", "changes", "counts_of"])
def test_a_query_that_names_another_tenant_finds_nothing(api: Api, both: tuple[str, str], query: str) -> None:
    own, other = both
    row = api.bench.database.row("SELECT * FROM files WHERE tenant_id = %(t)s AND removed_at IS NULL", t=other)
    assert row
    parameters = {
        **row, "tenant_id": other, "file_ids": [row["file_id"]], "owner_ids": [row["dataset_id"]], "after": None,
        "state": None, "limit": 10, "after_xid": 0, "after_id": uuid.UUID(int=0), "name": "%a%",
    }  # fmt: skip
    sql = load_queries(postgres_transaction.QUERIES)[query]
    if query in ("files", "files_by_name"):
        parameters["batch_id"] = None
    with api.bench.catalog.transaction() as catalog:
        catalog.act_as(own)
        assert catalog._connection.execute(sql, parameters).fetchall() == []
    with api.bench.catalog.transaction() as catalog:
        catalog.act_as(other)
        assert catalog._connection.execute(sql, parameters).fetchall() != []


def test_no_row_of_another_tenant_can_be_written(database_urls: Urls, both: tuple[str, str]) -> None:
    own, other = both
    for statement in (
        f"INSERT INTO datasets (tenant_id, name) VALUES ('{other}', 'x') RETURNING 1",
        f"INSERT INTO api_keys (tenant_id, key_hash, role) VALUES ('{other}', 'x', 'admin') RETURNING 1",
        f"UPDATE datasets SET tenant_id = '{other}' RETURNING 1",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_tenant(database_urls.api, own, statement)
    assert as_tenant(database_urls.api, own, f"DELETE FROM files WHERE tenant_id = '{other}' RETURNING 1") == []


def test_a_file_has_the_tenant_of_its_batch_even_if_its_writer_may_write_for_all(api: Api) -> None:
    bench = api.bench
    own, other = bench.tenant(), bench.tenant()
    dataset = bench.dataset(own)
    ((file_id, _),) = bench.files(own, dataset, bench.batch(own, dataset), 1)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        bench.database.run("UPDATE files SET tenant_id = %(t)s WHERE file_id = %(f)s", t=other, f=file_id)


def test_a_tenant_is_forgotten_when_its_transaction_ends(api: Api, both: tuple[str, str]) -> None:
    database = bootstrap.catalog()._database
    with api.bench.tenants(both[0]):
        pass
    for _ in range(20):
        with database.connection() as connection:
            assert connection.execute("SELECT tenant_id FROM files").fetchall() == []


def test_32_threads_of_two_tenants_see_only_their_own_rows(api: Api, both: tuple[str, str]) -> None:
    callers = [api.caller(tenant_id) for tenant_id in both]
    datasets = [caller.get("/datasets").json()["datasets"][0]["id"] for caller in callers]

    def look(number: int) -> bool:
        own_index, other_index = number % 2, 1 - number % 2
        listed = callers[own_index].get(f"/datasets/{datasets[own_index]}/files", params={"name": "."}).json()["files"]
        refused = callers[own_index].get(f"/datasets/{datasets[other_index]}/files")
        return {file["dataset_id"] for file in listed} == {datasets[own_index]} and refused.status_code == 404

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(look, range(320)))


# --- cursors -----------------------------------------------------------------------------------------


def test_a_cursor_works_only_for_its_listing_and_tenant(api: Api) -> None:
    callers = [api.caller(), api.caller()]
    datasets = [new_dataset(caller)["id"] for caller in callers]
    for caller, dataset in zip(callers, datasets, strict=True):
        new_batch(caller, dataset, ["a", "b", "c"])
    path = f"/datasets/{datasets[0]}/files"
    first = callers[0].get(path, params={"limit": 1}).json()
    cursor = first["next_cursor"]
    assert callers[0].get(path, params={"limit": 1, "cursor": cursor}).status_code == 200
    flipped = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for wrong in (
        callers[1].get(f"/datasets/{datasets[1]}/files", params={"cursor": cursor}),
        callers[0].get(path, params={"cursor": cursor, "state": "done"}),
        callers[0].get(path, params={"cursor": first["changes_cursor"]}),
        callers[0].get(f"/datasets/{datasets[0]}/records", params={"cursor": cursor}),
        callers[0].get(f"/datasets/{datasets[0]}/changes", params={"after": cursor}),
        callers[0].get(path, params={"cursor": flipped}),
        callers[0].get(path, params={"cursor": "\u00e4"}),
    ):
        problem(wrong, 400, "invalid_request")
