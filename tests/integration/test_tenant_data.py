"""A whole tenant is exported and erased by one job, which survives lost slices, and whose receipt says what is gone."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import httpx
import pytest
from fairway_client import Client, ExportFailed

from functions import jobs, tenant_data, upkeep
from functions.audit import walk_objects
from functions.tenant_data import delete_old_exports
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.tenant_data import PostgresTenantData
from layers.domain.errors import DependencyDown
from layers.domain.tenant_data import LEFT_OUT, OF_FILES, OF_TENANT
from tests.integration.conftest import Api, replace_ports
from tests.integration.test_api import new_dataset, problem
from tests.integration.test_retention import FILES, Host, host
from tests.making import Urls

__all__ = ["host"]
CONTENT = b"0123456789"


@pytest.fixture
def tenant(host: Host, database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A tenant with processed files, and the API with the same objects."""
    database = Database(database_urls.worker, prepares=not database_urls.is_pooled)
    runner = cast(Any, host.runner)
    runner.ports = replace(host.runner.ports, tenant_data=PostgresTenantData(database))
    replace_ports(monkeypatch, objects=host.objects)
    host.files()
    host.api.bench.database.run("UPDATE files SET sha256 = %(s)s", s=hashlib.sha256(CONTENT).hexdigest())
    yield host


@pytest.fixture
def admin(host: Host) -> Iterator[httpx.Client]:
    with host.api.caller(role="admin") as admin:
        yield admin


def tenant_of(host: Host) -> dict[str, str]:
    return cast(dict[str, str], host.caller.get("/me").json()["tenant"])


def run(host: Host, admin: httpx.Client, receipt_id: str) -> dict[str, Any]:
    """Run slices until the job has ended or waits. Returns the receipt."""
    while jobs.advance(host.runner):
        continue
    return cast(dict[str, Any], admin.get(f"/operations/tenant-receipts/{receipt_id}").json())


def started(answer: httpx.Response) -> str:
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def archives(host: Host, receipt: dict[str, Any]) -> tuple[dict[str, bytes], dict[str, list[dict[str, Any]]]]:
    """The files of all archives, and the rows by table."""
    files, rows = {}, {}
    for archive in receipt["exported"]["archives"]:
        content = host.objects.objects[archive["url"].removeprefix("memory:")]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (archive["size_bytes"], archive["sha256"])
        with ZipFile(io.BytesIO(content)) as opened:
            for name in opened.namelist():
                if name.startswith("rows/"):
                    table = name.removeprefix("rows/").split("-")[0].removesuffix(".jsonl")
                    rows.setdefault(table, []).extend(map(json.loads, opened.read(name).splitlines()))
                elif name != "manifest.json":
                    files[name] = opened.read(name)
    return files, rows


def test_every_table_of_a_tenant_is_exported_or_left_out_for_a_reason(api: Api) -> None:
    tables = {row["t"] for row in api.bench.database.rows("SELECT t FROM tables_of_tenants() t")}
    assert tables | {"tenants", "tenant_receipts"} == {*OF_TENANT, *OF_FILES, *LEFT_OUT}


def test_an_export_has_originals_texts_records_history_and_the_audit_log(
    tenant: Host, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_data, "ARCHIVE_FILES", 2)
    monkeypatch.setattr(tenant_data, "FILES_AT_ONCE", 2)
    tenant_id = tenant_of(tenant)["id"]
    other = tenant.api.caller()
    new_dataset(other, name="of another tenant")
    receipt = run(tenant, admin, started(admin.post(f"/operations/tenants/{tenant_id}/export")))
    assert receipt["state"] == "done" and receipt["erased"] is None
    assert len(receipt["exported"]["archives"]) == 3
    assert receipt["exported"]["files"] == FILES and receipt["exported"]["missing"] == []
    files, rows = archives(tenant, receipt)
    assert sum(name.startswith("originals/") for name in files) == FILES
    assert {content for name, content in files.items() if name.startswith("originals/")} == {CONTENT}
    assert sum(name.startswith("texts/") for name in files) == FILES
    assert {table: len(found) for table, found in rows.items() if found} == receipt["exported"]["rows"]
    assert len(rows["records"]) == len(rows["files"]) == len({row["file_id"] for row in rows["files"]}) == FILES
    assert rows["records"][0]["fields"] == {"total": 9.0}
    assert rows["attempts"] and rows["audit_log"] and [row["text"] for row in rows["pages"]] == ["Total 9.00"] * FILES
    assert {row["tenant_id"] for found in rows.values() for row in found if "tenant_id" in row} == {tenant_id}
    manifest = json.loads(tenant.objects.objects[receipt["exported"]["manifest_url"].removeprefix("memory:")])
    assert manifest["tenant_id"] == tenant_id and manifest["files"] == FILES


def test_an_export_goes_on_after_a_lost_slice(
    tenant: Host, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_data, "ARCHIVE_FILES", 2)
    monkeypatch.setattr(tenant_data, "FILES_AT_ONCE", 2)
    uploads, upload = 0, tenant.objects.upload

    def fails_once(*arguments: Any) -> int:
        nonlocal uploads
        uploads += 1
        if uploads == 2:
            upload(*arguments)  # the object was stored, and the slice did not end
            raise DependencyDown("object_store", "it is down")
        return upload(*arguments)

    monkeypatch.setattr(tenant.objects, "upload", fails_once)
    receipt_id = started(admin.post(f"/operations/tenants/{tenant_of(tenant)['id']}/export"))
    run(tenant, admin, receipt_id)
    tenant.api.bench.database.run("UPDATE jobs SET due_at = now() WHERE ended_at IS NULL")
    receipt = run(tenant, admin, receipt_id)
    files, rows = archives(tenant, receipt)
    assert receipt["exported"]["files"] == len(rows["records"]) == FILES
    assert sum(name.startswith("originals/") for name in files) == FILES


def test_an_original_that_is_lost_or_damaged_is_named(tenant: Host, admin: httpx.Client) -> None:
    lost, damaged = [
        str(row["file_id"])
        for row in tenant.api.bench.database.rows("SELECT file_id FROM files ORDER BY file_id LIMIT 2")
    ]
    keys = {key.rpartition("/")[2]: key for key in tenant.objects.objects if key.startswith("originals/")}
    del tenant.objects.objects[keys[lost]]
    tenant.objects.objects[keys[damaged]] = b"other bytes"
    receipt = run(tenant, admin, started(admin.post(f"/operations/tenants/{tenant_of(tenant)['id']}/export")))
    assert receipt["exported"]["missing"] == [lost, damaged]


def test_an_erasure_leaves_a_receipt_and_nothing_else(tenant: Host, admin: httpx.Client) -> None:
    bench, database = tenant.api.bench, tenant.api.bench.database
    of_tenant = tenant_of(tenant)
    other = tenant.api.caller()
    kept = new_dataset(other, name="kept")["id"]
    tenant.caller.delete(f"/datasets/{new_dataset(tenant.caller)['id']}")  # can still be undone
    erasure = f"/operations/tenants/{of_tenant['id']}/erasure"
    receipt_id = started(admin.post(erasure, json={"name": of_tenant["name"], "export": True}))
    assert run(tenant, admin, receipt_id)["verified"] is None
    problem(tenant.caller.get("/datasets"), 401, "unauthorized")
    problem(admin.post(f"/operations/tenants/{of_tenant['id']}/keys", json={"role": "viewer"}), 404, "not_found")
    problem(admin.post(erasure, json={"name": of_tenant["name"]}), 409, "conflict")
    upkeep.erase_removed(tenant.runner)
    tenant.objects.objects[f"originals/{of_tenant['id']}/late"] = b"an upload that came late"
    database.run("UPDATE removals SET sweep_after = now() - interval '1 second'")
    upkeep.sweep_erased(tenant.runner)
    database.run("UPDATE jobs SET due_at = now() WHERE ended_at IS NULL")
    receipt = run(tenant, admin, receipt_id)
    assert receipt["state"] == "done", receipt
    tables = len(bench.database.rows("SELECT t FROM tables_of_tenants() t"))
    assert receipt["verified"] == {"tables": tables, "rows_left": 0, "objects_left": 0}
    erased = receipt["erased"]
    assert (erased["files"], erased["objects"], erased["rows"]["datasets"]) == (FILES, 4 * FILES + 1, 2)
    assert erased["rows"]["api_keys"] == 1 and erased["rows"]["audit_log"] > 0
    for table in (row["t"] for row in database.rows("SELECT t FROM tables_of_tenants() t")):
        query = f"SELECT count(*) AS n FROM {table} WHERE tenant_id = %(t)s" + (
            " AND kind <> 'tenant'" * (table == "jobs")
        )
        assert database.rows(query, t=of_tenant["id"])[0]["n"] == 0, table
    assert not any(of_tenant["id"] in key for key in tenant.objects.objects)
    assert of_tenant["name"] not in admin.get("/operations/tenants").text
    problem(admin.post(erasure, json={"name": of_tenant["name"]}), 404, "not_found")
    assert other.get(f"/datasets/{kept}").status_code == 200
    # The export is the admin's, and outlives the tenant.
    assert len(archives(tenant, receipt)[1]["records"]) == FILES
    walk_objects(tenant.runner, rest_s=0)
    assert archives(tenant, receipt)[0]
    balance = admin.get("/operations/audit").json()
    assert (balance["lost"], balance["doubled"]) == (0, 0)


def test_an_erasure_has_to_be_confirmed_and_is_not_for_ones_own_tenant(tenant: Host, admin: httpx.Client) -> None:
    of_tenant = tenant_of(tenant)
    erasure = f"/operations/tenants/{of_tenant['id']}/erasure"
    problem(admin.post(erasure, json={"name": "another"}), 400, "invalid_request")
    problem(tenant.caller.post(erasure, json={"name": of_tenant["name"]}), 403, "forbidden")
    own = admin.get("/me").json()["tenant"]
    problem(admin.post(f"/operations/tenants/{own['id']}/erasure", json={"name": own["name"]}), 409, "conflict")
    assert tenant.caller.get("/datasets").status_code == 200


def test_a_job_that_was_cancelled_makes_room_for_another(tenant: Host, admin: httpx.Client) -> None:
    export = f"/operations/tenants/{tenant_of(tenant)['id']}/export"
    first = started(admin.post(export))
    problem(admin.post(export), 409, "conflict")
    assert admin.post(f"/operations/jobs/{first}/cancel").status_code == 200
    assert run(tenant, admin, first)["state"] == "cancelled"
    assert run(tenant, admin, started(admin.post(export)))["state"] == "done"


def test_an_export_is_deleted_after_a_week_and_its_receipt_stays(tenant: Host, admin: httpx.Client) -> None:
    receipt_id = started(admin.post(f"/operations/tenants/{tenant_of(tenant)['id']}/export"))
    run(tenant, admin, receipt_id)
    assert delete_old_exports(tenant.runner) == 0
    tenant.api.bench.database.run("UPDATE tenant_receipts SET ended_at = now() - interval '8 days'")
    assert delete_old_exports(tenant.runner) == 1
    assert not any(receipt_id in key for key in tenant.objects.objects)
    exported = admin.get(f"/operations/tenant-receipts/{receipt_id}").json()["exported"]
    assert exported["deleted_at"] and exported["manifest_url"] is None and exported["files"] == FILES


def test_the_client_downloads_an_export_and_checks_it(
    tenant: Host, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = Client(tenant.api.url, admin.headers["Authorization"].removeprefix("Bearer "))
    monkeypatch.setattr("fairway_client.client.time.sleep", lambda _s: jobs.advance(tenant.runner))

    def stored(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=tenant.objects.objects[request.url.path.lstrip("/")])

    monkeypatch.setattr(tenant.objects, "presign_get", lambda key, *_, **__: f"http://store.invalid/{key}")
    client.store = httpx.Client(transport=httpx.MockTransport(stored))
    receipt = client.export_tenant(tenant_of(tenant)["id"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive-00001.zip", "manifest.json"]
    (archive,) = (key for key in tenant.objects.objects if key.endswith(".zip"))
    tenant.objects.objects[archive] += b"damaged"
    with pytest.raises(ExportFailed, match=r"archive-00001\.zip"):
        client.fetch_tenant_export(receipt, tmp_path)
