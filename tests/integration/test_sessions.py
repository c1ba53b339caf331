"""Sessions of people: one-time codes, the keys for which they are exchanged, and their ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fairway_client import Client, Refused

from tests.integration.conftest import Api
from tests.integration.test_api import problem


def new_code(caller: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = caller.post("/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def exchange(api: Api, code: str) -> httpx.Response:
    with api.with_headers() as stranger:
        return stranger.post("/sessions/exchange", json={"code": code})


def person(api: Api, caller: httpx.Client, **body: Any) -> httpx.Client:
    """A client with the key of a new session."""
    key = exchange(api, new_code(caller, **body)["code"]).json()["api_key"]
    return api.with_headers(Authorization=f"Bearer {key}")


def test_a_code_is_exchanged_for_a_key_with_its_role_and_name(api: Api) -> None:
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id, "operator") as caller, person(api, caller, role="viewer", name="Ada") as visitor:
        me = visitor.get("/me").json()
        assert (me["tenant"]["id"], me["role"], me["name"]) == (tenant_id, "viewer", "Ada")
        assert me["expires_at"]
        problem(visitor.post("/datasets", json={"name": "x"}), 403, "forbidden")
        assert caller.get("/me").json()["expires_at"] is None


def test_a_code_works_once_even_if_it_is_exchanged_twice_at_the_same_time(api: Api) -> None:
    with api.caller() as caller:
        code = new_code(caller)["code"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: exchange(api, code), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 7
    problem(exchange(api, code), 401, "unauthorized")


def test_an_expired_code_is_refused(api: Api) -> None:
    with api.caller() as caller:
        code = new_code(caller)["code"]
    api.bench.database.run("UPDATE session_codes SET expires_at = now()")
    problem(exchange(api, code), 401, "unauthorized")


def test_an_expired_session_is_refused_by_the_policy_of_the_table_too(api: Api) -> None:
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id) as caller, person(api, caller) as visitor:
        assert visitor.get("/me").status_code == 200
        api.bench.database.run(
            "UPDATE api_keys SET expires_at = now() WHERE tenant_id = %(t)s AND expires_at IS NOT NULL", t=tenant_id
        )
        problem(visitor.get("/me"), 401, "unauthorized")
    with api.bench.catalog.transaction() as catalog:
        row = api.bench.database.row("SELECT encode(key_hash, 'hex') AS hash FROM api_keys WHERE expires_at <= now()")
        assert row
        assert catalog.key_holder(bytes.fromhex(row["hash"])) is None


@pytest.mark.parametrize(("own", "wanted"), [("viewer", "editor"), ("editor", "operator"), ("operator", "admin")])
def test_a_session_has_at_most_the_role_of_the_key_that_creates_it(api: Api, own: str, wanted: str) -> None:
    with api.caller(role=own) as caller:
        problem(caller.post("/sessions", json={"role": wanted}), 403, "forbidden")
        assert new_code(caller)["role"] == min(own, "editor", key=["viewer", "editor", "operator"].index)


def test_a_session_cannot_create_another_session(api: Api) -> None:
    with api.caller() as caller, person(api, caller) as visitor:
        problem(visitor.post("/sessions", json={}), 403, "forbidden")


def test_revoking_a_key_ends_its_sessions_and_its_codes(api: Api) -> None:
    tenant_id = api.bench.tenant()
    with api.caller(role="admin") as admin:
        made = admin.post(f"/operations/tenants/{tenant_id}/keys", json={"role": "editor"}).json()
        with api.with_headers(Authorization=f"Bearer {made['api_key']}") as caller, person(api, caller) as visitor:
            code = new_code(caller)["code"]
            keys = admin.get(f"/operations/tenants/{tenant_id}/keys").json()["keys"]
            assert [bool(key["expires_at"]) for key in keys] == [True, False]
            admin.delete(f"/operations/keys/{made['id']}")
            problem(visitor.get("/me"), 401, "unauthorized")
            problem(exchange(api, code), 401, "unauthorized")


def test_a_person_can_end_their_session(api: Api) -> None:
    with api.caller() as caller, person(api, caller) as visitor:
        assert visitor.delete("/sessions").status_code == 200
        problem(visitor.get("/me"), 401, "unauthorized")
        problem(caller.delete("/sessions"), 409, "conflict")


def test_a_repeated_request_for_a_code_gets_no_code(api: Api) -> None:
    with api.caller() as caller:
        first = caller.post("/sessions", json={}, headers={"Idempotency-Key": "k"}).json()
        again = caller.post("/sessions", json={}, headers={"Idempotency-Key": "k"}).json()
    assert first["code"]
    assert again == first | {"code": None}


def test_the_number_of_sessions_is_limited_and_leaves_the_quota_of_keys_alone(api: Api) -> None:
    tenant_id = api.bench.tenant()
    api.bench.database.run(
        """UPDATE tenants SET quota = '{"sessions": 2, "keys": 2}' WHERE tenant_id = %(t)s""", t=tenant_id
    )
    with api.caller(tenant_id) as caller, api.caller(role="admin") as admin:
        exchange(api, new_code(caller)["code"])
        new_code(caller)
        problem(caller.post("/sessions", json={}), 429, "quota_exceeded")
        assert admin.post(f"/operations/tenants/{tenant_id}/keys", json={"role": "viewer"}).status_code == 201
        api.bench.database.run("UPDATE session_codes SET expires_at = now() WHERE tenant_id = %(t)s", t=tenant_id)
        new_code(caller)


def test_the_client_exchanges_a_code(api: Api) -> None:
    tenant_id = api.bench.tenant()
    code = Client(api.url, api.key(tenant_id, "editor")).session_code("viewer", "Ada")["code"]
    assert Client.from_code(api.url, code).me()["name"] == "Ada"
    with pytest.raises(Refused):
        Client.from_code(api.url, code)
