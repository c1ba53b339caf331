"""The audit log: every route that changes something adds an entry, in the transaction of the change; the chain of hashes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from functions.api import rates
from functions.api.answering import answer
from functions.api.entry import contract
from functions.api.requests import Request
from functions.api.routes import ROUTES, Route
from infra.audit_log import main as check_export
from layers.domain.audit_log import FIRST_HASH, entry_text, first_broken, hash_of
from layers.domain.keys import hash_key
from layers.ports.rows import KeyHolder, StoredResponse
from layers.settings import Settings

KEY, PEPPER = "fw_key", "pepper"
KEY_ID = uuid.uuid4()
MADE = str(uuid.uuid4())
# The caller of a public route is known to its handler only, which adds the entry: see tests/integration/test_audit_log.py.
PUBLIC = {"POST /sessions/exchange"}


class Catalog:
    """Notes in which order things happen in each transaction."""

    def __init__(self, role: str, stored: StoredResponse | None = None) -> None:
        self.role, self.stored = role, stored
        self.happened: list[str] = []
        self.entries: list[dict[str, Any]] = []

    @contextmanager
    def transaction(self) -> Iterator[Catalog]:
        yield self
        self.happened.append("commit")

    def key_holder(self, key_hash: bytes) -> KeyHolder:
        return KeyHolder(KEY_ID, uuid.uuid4(), self.role, "Ada", None, key_hash)

    def add_to_audit_log(self, action: str, key_id: str, entry: str) -> int:
        self.happened.append(action)
        self.entries.append(json.loads(entry))
        return 1

    def take_request(self, _key: str, _digest: bytes) -> StoredResponse | None:
        return self.stored

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: {}


def call(route: Route, catalog: Catalog, *, body: bytes = b"{}", fails: bool = False, **headers: str) -> Any:
    """The response of a route whose handler only notes that it ran."""

    def handler(_request: Request, **_ids: str) -> tuple[int, Any]:
        catalog.happened.append("handler")
        if fails:
            raise RuntimeError
        return 201, {"id": MADE}

    repeat = route.repeat and (lambda _request, stored: stored)
    settings = Settings(key_pepper=PEPPER)
    limits = SimpleNamespace(count=lambda *_, **__: 1)
    ports = SimpleNamespace(settings=settings, catalogs=catalog, limits=limits)
    sent = {"authorization": f"Bearer {KEY}", "user-agent": "test", **headers}
    request = SimpleNamespace(
        headers=sent, query_params={}, raw_body=body, context={"identity": {"sourceIp": "192.0.2.7"}}
    )
    rates.forget_rates()
    ids = dict.fromkeys(route.ids, str(uuid.uuid4()))
    return answer(replace(route, handler=handler, repeat=repeat), request, ids, lambda: ports)  # type: ignore[arg-type,return-value]


def documented() -> list[tuple[str, Route]]:
    """Every operation of the OpenAPI document, with its route."""
    routes = {route.name: route for route in ROUTES}
    named = [f"{method.upper()} {path}" for path, methods in contract()["paths"].items() for method in methods]
    return [(name, routes[name]) for name in named]


@pytest.mark.parametrize(("name", "route"), documented(), ids=[name for name, _ in documented()])
def test_each_operation_but_reads_adds_one_entry_in_its_transaction(name: str, route: Route) -> None:
    if name in PUBLIC:
        return
    catalog = Catalog("admin")
    assert call(route, catalog).status == 201
    if not route.changes:
        assert name.startswith("GET ") and catalog.entries == []
        return
    before_commit = catalog.happened[: catalog.happened.index("commit")]
    if route.waits:  # its transaction is over when its handler runs
        assert before_commit == [name]
    else:
        assert before_commit == ["handler", name]
    for entry in catalog.entries:
        assert (entry["action"], entry["key_id"], entry["person"], entry["address"]) == (
            name, str(KEY_ID), "Ada", "192.0.2.7",
        )  # fmt: skip
        assert set(entry["ids"]) == set(route.ids)


def test_only_known_public_operations_change_something() -> None:
    assert {route.name for route in ROUTES if route.is_public and route.method != "GET"} == PUBLIC


def test_what_failed_is_not_in_the_log() -> None:
    catalog = Catalog("admin")
    assert call(route_of("DELETE /files/{file_id}"), catalog, fails=True).status == 500
    assert catalog.entries == []


def test_a_repeated_request_changes_nothing_and_adds_no_entry() -> None:
    route, headers = route_of("POST /datasets"), {"idempotency-key": "k"}
    first = Catalog("admin")
    assert call(route, first, **headers).status == 201
    assert len(first.entries) == 1
    digests: list[bytes] = []
    again = Catalog("admin")
    again.take_request = lambda _key, digest: digests.append(digest) or StoredResponse(digest, 201, {"id": MADE})  # type: ignore[method-assign,func-returns-value]
    assert call(route, again, **headers).status == 201
    assert digests and again.entries == []


def test_an_entry_names_what_was_created_and_the_members_of_the_body_but_no_values() -> None:
    catalog = Catalog("admin")
    call(route_of("POST /datasets"), catalog, body=b'{"name": "Salaries", "Not A Name!": 1, "schema": {}}')
    (entry,) = catalog.entries
    assert (entry["created"], entry["members"], entry["status"]) == (MADE, ["name", "schema"], 201)
    assert "Salaries" not in json.dumps(entry) and KEY not in json.dumps(entry)
    assert hash_key(KEY, PEPPER).hex() not in json.dumps(entry)


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"[" * 5000, b'"\\ud800"', b"\xff"])
def test_a_body_that_is_no_object_has_no_members(body: bytes) -> None:
    catalog = Catalog("admin")
    call(route_of("POST /datasets"), catalog, body=body)
    assert catalog.entries[0]["members"] == []


def route_of(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)


# --- the chain ---------------------------------------------------------------------------------------


def chain(count: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        entry, at = {"action": "a", "n": number, "text": "ä\n"}, f"2026-01-15T09:30:{number:02}.000Z"
        previous = lines[-1]["hash"] if lines else FIRST_HASH
        lines.append(
            {
                "number": number,
                "at": at,
                "entry": entry,
                "previous_hash": previous,
                "hash": hash_of(previous, number, at, entry),
            }
        )
    return lines


def test_a_chain_is_intact_also_after_its_beginning_was_deleted() -> None:
    assert first_broken(chain(5)) is None
    assert first_broken(chain(5)[2:]) is None
    assert first_broken([]) is None


def test_every_change_of_an_entry_shows() -> None:
    for change in ({"at": "2026-01-15T09:30:03.001Z"}, {"entry": {"action": "b"}}, {"hash": "0" * 64}, {"number": 9}):
        lines = chain(5)
        lines[2] = lines[2] | change
        assert first_broken(lines) == lines[2]["number"]
    lines = chain(5)
    del lines[2]
    assert first_broken(lines) == 4
    lines = chain(5)
    lines[2], lines[3] = lines[3], lines[2]
    assert first_broken(lines) == 4


def test_a_first_entry_that_follows_another_one_shows() -> None:
    (line,) = chain(1)
    previous = "1" * 64
    forged = line | {"previous_hash": previous, "hash": hash_of(previous, 1, line["at"], line["entry"])}
    assert first_broken([forged]) == 1


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("\n".join(json.dumps(line) for line in chain(5)), 0, "5 entries are intact; the last is 5"),
        ("\n".join(json.dumps(line) for line in chain(5) if line["number"] != 3), 1, "entry 4 was changed"),
        ("not JSON", 2, "can't be read as entries of an audit log"),
        ('{"entries": []}', 2, "can't be read as entries of an audit log"),
        (None, 2, "can't be read as entries of an audit log"),
    ],
)
def test_an_export_is_checked_without_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, code: int, said: str
) -> None:
    path = tmp_path / "audit-log.jsonl"
    if content is not None:
        path.write_text(content)
    assert check_export(str(path)) == code
    shown = capsys.readouterr()
    assert said in shown.out + shown.err


def test_an_entry_is_hashed_as_ascii_in_a_fixed_order() -> None:
    assert entry_text({"b": "ä", "a": 1}) == '{"a":1,"b":"\\u00e4"}'
