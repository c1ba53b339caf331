"""Fuzzing: the API answers many valid and invalid requests only as the OpenAPI document states."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from functions.api import entry, jobs
from functions.api.entry import contract
from functions.api.entry import contract as contract_of_api
from functions.api.routes import ROUTES
from functions.api.shapes import SHAPES
from functions.pipelines import STEPS
from layers import bootstrap
from layers.domain.message import Arrival
from layers.domain.page import Evidence, Extraction, Page
from layers.domain.step import Artifact, Done, Part, PlannedStep, Retry, Skip
from layers.ports import FilePlan
from tests.integration.conftest import Api, replace_ports
from tests.integration.test_api import new_dataset
from tests.making import INTAKE_DONE, Bench, nothing_follows

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CONFIG = {
    "seed": 1,
    "generation": {
        "mode": "all",
        "max-examples": 30,
        "deterministic": True,
        "database": "none",
        "with-security-parameters": False,
    },
}
UNKNOWN = "0199d0a4-0000-7000-8000-000000000000"
# Placeholders for ids that are not known yet; several for kinds that have several.
FILES = ["done-file", "retried-file", "new-file"]
EXISTING_IDS = {
    "dataset_id": ["dataset"],
    "batch_id": ["batch", "cancelled-batch"],
    "file_id": FILES,
    "removal_id": ["removal", "erased-removal"],
    "tenant_id": ["other-tenant"],
    "key_id": ["other-key"],
    "export_id": ["export"],
    "job_id": ["job", "ended-job"],
    "plan_id": ["plan"],
    "manifest_id": ["manifest"],
    "review_id": ["review"],
    "move_id": ["move"],
    "receipt_id": ["receipt"],
    "webhook_id": ["webhook", "other-webhook"],
    "event_id": ["event"],
}

JSON_LINES = "application/x-ndjson"


@schemathesis.serializer(JSON_LINES)
def json_lines(_context: Any, value: Any) -> bytes:
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(line).encode() for line in lines)


WHERES = [
    '[{"field": "total", "op": "ge", "value": 1}]',
    '[{"field": "title", "op": "contains", "value": "a"}, {"field": "@state", "op": "eq", "value": "partial"}]',
    '[{"field": "date", "op": "missing"}]',
    "[{}]",
    "x",
]


def with_existing_ids(contract: dict[str, Any]) -> dict[str, Any]:
    """The contract with existing ids, short waits, and no properties that it does not state."""
    contract = json.loads(json.dumps(contract))
    for operations in contract["paths"].values():
        for operation in operations.values():
            for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
                if media_type == JSON_LINES:
                    body["schema"] = {"type": "array", "items": body["x-line"]}
            for parameter in operation["parameters"]:
                schema = parameter["schema"]
                if parameter["in"] == "path":
                    schema["enum"] = [*EXISTING_IDS[parameter["name"]], UNKNOWN]
                elif parameter["name"] == "batch":
                    schema["enum"] = [*EXISTING_IDS["batch_id"], UNKNOWN]
                elif parameter["name"] == "around":
                    schema["enum"] = [*FILES, UNKNOWN]
                elif parameter["name"] == "where":
                    schema["enum"] = WHERES
                elif parameter["name"] == "sort":
                    schema["enum"] = ["total", "-date", "unknown"]
                elif parameter["name"] == "after":
                    schema["enum"] = ["cursor-of-changes"]
                elif parameter["name"] == "wait_s":
                    schema["maximum"] = 0
    schemas = contract["components"]["schemas"]
    removal = schemas["NewRemoval"]["properties"]
    removal["file_ids"]["anyOf"][0]["items"] = {"enum": [*FILES, UNKNOWN]}
    removal["batch_id"]["anyOf"][0] = {"enum": ["batch", UNKNOWN]}
    schemas["Reviews"]["properties"]["file_ids"]["anyOf"][0]["items"] = {"enum": [*FILES, UNKNOWN]}
    schemas["Moves"]["properties"]["file_ids"]["anyOf"][0]["items"] = {"enum": [*FILES, UNKNOWN]}
    schemas["Moves"]["properties"]["to"] = {"enum": ["other-dataset", UNKNOWN]}
    schemas["Condition"]["properties"]["field"]["enum"] = ["total", "title", "@state", "@review", "unknown"]
    schemas["Redrive"]["properties"]["step"]["anyOf"].append({"enum": list(STEPS)})
    for name in SHAPES:
        close(schemas[name])
    return contract


def close(schema: Any) -> None:
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for inner in schema.values():
            close(inner)
    elif isinstance(schema, list):
        for inner in schema:
            close(inner)


contract = schemathesis.openapi.from_dict(with_existing_ids(contract()), config=schemathesis.Config.from_dict(CONFIG))


class System:
    """A tenant with some files, and a client with an admin's key."""

    def __init__(self, api: Api) -> None:
        api.bench.empty()
        tenant_id, other = api.bench.tenant(), api.bench.tenant()
        self.url = api.url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {api.key(tenant_id, 'admin')}"
        with api.caller(tenant_id, "admin") as caller:
            dataset_id = new_dataset(caller)["id"]
            cursor = caller.get(f"/datasets/{dataset_id}/files").json()["changes_cursor"]
            files = [{"name": f"{name}.txt", "size_bytes": 10} for name in (*FILES, "removed", "erased")]
            batches = f"/datasets/{dataset_id}/batches"
            batch = caller.post(batches, json={"files": files}).json()
            cancelled = caller.post(batches, json={"files": files[:1]}).json()
            caller.post(f"/batches/{cancelled['id']}/cancel")
            ids = [file["id"] for file in batch["files"]]
            work_on(api.bench, [f"originals/{tenant_id}/{file_id}" for file_id in ids[:2]])
            webhook = {"url": "https://hooks.example/", "event_types": ["file.done"]}
            webhooks = [caller.post("/webhooks", json=webhook).json()["id"] for _ in range(2)]
            self.real = {
                **dict(zip(FILES, ids, strict=False)),
                "dataset": dataset_id,
                "other-dataset": new_dataset(caller, name="Others")["id"],
                "batch": batch["id"],
                "cancelled-batch": cancelled["id"],
                "removal": caller.delete(f"/files/{ids[3]}").json()["id"],
                "erased-removal": caller.delete(f"/files/{ids[4]}?undo_window_s=0").json()["id"],
                "other-tenant": other,
                "other-key": caller.post(f"/operations/tenants/{other}/keys", json={"role": "viewer"}).json()["id"],
                "export": caller.post(f"/datasets/{dataset_id}/exports", json={"format": "csv"}).json()["id"],
                "cursor-of-changes": cursor,
                **dict(zip(("webhook", "other-webhook"), webhooks, strict=True)),
                "event": caller.post(f"/webhooks/{webhooks[1]}/test").json()["event_id"],
                "plan": caller.post(f"/datasets/{dataset_id}/plans", json={}).json()["id"],
                "manifest": caller.post(
                    f"/datasets/{dataset_id}/manifests", content=b'{"name": "a.txt", "size_bytes": 10}'
                ).json()["id"],
                "receipt": caller.post(f"/operations/tenants/{other}/export").json()["id"],
                "review": str(uuid.uuid4()),  # of a request that changed no record
                "move": str(uuid.uuid4()),  # of a request that moved no file
                "job": caller.post("/operations/upkeep").json()["id"],
                "ended-job": caller.post(
                    f"/operations/jobs/{caller.post('/operations/pulse').json()['id']}/cancel"
                ).json()["id"],
            }

    def with_real_ids(self, value: Any) -> Any:
        """The same value with real ids instead of placeholders."""
        if isinstance(value, dict):
            return {name: self.with_real_ids(child) for name, child in value.items()}
        if isinstance(value, list):
            return [self.with_real_ids(child) for child in value]
        return self.real.get(value, value) if isinstance(value, str) else value


def work_on(bench: Bench, keys: list[str]) -> None:
    """One file gets every kind of artifact; a step of the other waits for a retry."""
    bench.store.arrive([Arrival(key, "v1") for key in keys])
    plan = [PlannedStep(name, (Part(cost_estimate_s=1.0),)) for name in ("text", "extraction", "preview", "thumbnail")]
    plan += [PlannedStep("ocr", Skip("every page has text")), PlannedStep("textract", Skip("read well"))]
    for wake_up in bench.store.dispatch({"intake": 10}):
        bench.store.record(bench.claim(wake_up), INTAKE_DONE, lambda _: FilePlan(plan), cost_s=0.1, host="h")
    found = Extraction({"total": 9.0}, ("title",), {"total": Evidence(1, "9.00", (0.1, 0.2, 0.3, 0.4))})
    page = Page(1, "Total 9.00", (), "native", 100.0, 100, 200)
    outcomes = {
        "text": Done(pages=(page,), artifacts=(Artifact("text", "t", "text/plain", 9, page_count=1, source="native"),)),
        "preview": Done(artifacts=(Artifact("preview", "p", "text/html", 9, page_count=1),)),
        "thumbnail": Done(artifacts=(Artifact("thumbnail", "i", "image/webp", 9, width=3, height=4),)),
        "extraction": Done(extraction=found, complete=False),
    }
    for wake_up in bench.store.dispatch(dict.fromkeys(outcomes, 10)):
        claim = bench.claim(wake_up)
        is_done = claim.file.object_key == keys[0]
        outcome = outcomes[claim.step] if is_done else Retry(60, "unavailable", "it is away")
        follows = (lambda _: FilePlan((), "partial")) if is_done and claim.step == "extraction" else nothing_follows
        bench.store.record(claim, outcome, follows, cost_s=0.1, host="h")


@pytest.fixture(autouse=True)
def system(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    monkeypatch.setattr(bootstrap.topics(), "dispatch_later", lambda _delay_s: None)
    monkeypatch.setattr(jobs, "LONGEST_WAIT_S", 0)  # no worker runs
    system = System(api)
    with system.session:
        yield system


@contract.parametrize()
@settings(suppress_health_check=list(HealthCheck))
def test_every_response_is_one_that_the_contract_states(case: schemathesis.Case, system: System) -> None:
    case.path_parameters = system.with_real_ids(case.path_parameters)
    case.query = system.with_real_ids(case.query)
    case.body = system.with_real_ids(case.body)
    case.call_and_validate(base_url=system.url, session=system.session, checks=CHECKS)


# The request of a report starts the job that makes it.
STARTS_JOB = {"/operations/report"}


def reads() -> list[str]:
    """The paths with a GET that is not in the audit log."""
    noted = {route.path for route in ROUTES if route.method == "GET" and route.changes}
    paths = [path for path, methods in contract_of_api()["paths"].items() if "get" in methods]
    return [path for path in paths if path not in STARTS_JOB | noted]


@pytest.mark.parametrize("path", reads())
def test_a_get_changes_nothing(path: str, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit log has every other method, so a change by a GET would escape it."""
    catalogs = entry.ports().catalogs

    @contextmanager
    def transaction() -> Iterator[Any]:
        with catalogs.transaction() as catalog:
            catalog._connection.execute("SET TRANSACTION READ ONLY")  # type: ignore[attr-defined]
            yield catalog

    replace_ports(monkeypatch, catalogs=SimpleNamespace(transaction=transaction))
    ids = {name: system.real[EXISTING_IDS[name][0]] for name in re.findall(r"{(\w+)}", path)}
    after = {"after": system.real["cursor-of-changes"]} if path.endswith("/changes") else {}
    if "event_id" in ids:
        ids["webhook_id"] = system.real["other-webhook"]
    answer = system.session.get(system.url + path.format(**ids), params=after)
    assert answer.status_code in (200, 409), answer.text


# --- errors that fuzzing has found --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/datasets", b'{"name": "x", "schema": {"a": "\\u0000"}}', "/schema"),
        ("/datasets", b'{"name": "x", "schema": {"\\ud800": 1}}', "/schema"),
        ("/datasets", b'{"name": "x", "schema": {"a": NaN}}', "/schema"),
        ("/datasets", b'{"name": "x", "schema": {"a": 1e999}}', "/schema"),
        ("/datasets", b'{"name": "x", "schema": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}", "/schema"),
        ("/operations/tenants", b'{"name": "x", "quota": {"files_a_day": NaN}}', "/quota"),
        ("/datasets/{dataset}/redrive", b'{"code": "\\u0000"}', "/code"),
    ],
)
def test_values_that_can_not_be_stored_are_refused(system: System, path: str, body: bytes, pointer: str) -> None:
    answer = system.session.post(system.url + path.format(dataset=system.real["dataset"]), data=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_a_confidence_is_stored_with_two_decimals(system: System) -> None:
    url = f"{system.url}/datasets/{system.real['dataset']}"
    for given, stored in ((5.7e-61, 0.0), (79.999, 80.0), (80.25, 80.25)):
        answer = system.session.put(url, json={"sure_from": given})
        assert (answer.status_code, answer.json()["sure_from"]) == (200, stored)


@pytest.mark.parametrize("odd", ["%23", "%0A", "%09", "%3F", "%23%2Fhistory"])
def test_no_character_of_an_id_leads_to_another_route(system: System, odd: str) -> None:
    file_id = system.real["done-file"]
    answer = system.session.delete(f"{system.url}/files/{file_id}{odd}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert system.session.get(f"{system.url}/files/{file_id}").status_code == 200


@pytest.mark.parametrize("limit", ["0000000019999", "0" * 5000 + "1"])
def test_leading_zeros_do_not_exceed_a_limit(system: System, limit: str) -> None:
    answer = system.session.get(f"{system.url}/datasets/{system.real['dataset']}/files?limit={limit}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
