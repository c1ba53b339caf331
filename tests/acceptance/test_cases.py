"""Files that were once read wrongly, through the HTTP API of one embedded start, each held against its expectation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fairway_client import Client, is_settled

from tests.acceptance.expectations import SCHEMA, member_shortfalls, shortfalls
from tests.acceptance.test_embedded import Start

FOLDER = Path(__file__).resolve().parent.parent / "samples" / "cases"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text())
SETTLE_S = 600
# Cases that are not read as expected yet. Each is expected to fail, so that it is taken off once it is read.
NOT_YET: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    running = Start(tmp_path_factory.mktemp("cases") / "home").up()
    try:
        yield running.client
    finally:
        running.down()


@pytest.fixture(scope="module")
def lacking(client: Client) -> dict[str, list[str]]:
    """What each case lacks of its expectation, by its name."""
    dataset_id = client.call("POST", "/datasets", {"name": "cases", "schema": SCHEMA})["id"]
    archives = {name for name, case in CASES.items() if case["expect"].get("expand")}
    batch = client.upload(dataset_id, [FOLDER / name for name in CASES if name not in archives], allow_duplicates=True)
    of_archives = {name: _upload_archive(client, dataset_id, FOLDER / name) for name in archives}
    lacks = {
        file["name"]: list(shortfalls(CASES[file["name"]]["expect"], file, _text(file)))
        for file in _settled(client, dataset_id, batch)
    }
    for name, one in of_archives.items():
        members = [file for file in _settled(client, dataset_id, one) if file["name"] != name]
        lacks[name] = list(member_shortfalls(CASES[name]["expect"], members))
    return lacks


def _upload_archive(client: Client, dataset_id: str, path: Path) -> dict[str, Any]:
    described = {"name": path.name, "size_bytes": path.stat().st_size}
    body = {"files": [described], "allow_duplicates": True, "expand_archives": True}
    batch: dict[str, Any] = client.call("POST", f"/datasets/{dataset_id}/batches", body)
    client.resume(batch["files"][0]["id"], path)
    return batch


def _settled(client: Client, dataset_id: str, batch: dict[str, Any]) -> list[dict[str, Any]]:
    *_, files = client.follow(dataset_id, batch["id"], within_s=SETTLE_S)
    unsettled = [(file["name"], file["pipelines"]) for file in files if not is_settled(file)]
    assert not unsettled
    return files


def _text(file: dict[str, Any]) -> str:
    artifact = file["artifacts"]["text"]
    return httpx.get(artifact["url"]).raise_for_status().text if artifact else ""


def _case(name: str) -> Any:
    marks = [pytest.mark.xfail(strict=True)] if name in NOT_YET else []
    return pytest.param(name, id=name, marks=marks)


@pytest.mark.timeout(SETTLE_S + 120)
@pytest.mark.parametrize("name", [_case(name) for name in sorted(CASES)])
def test_a_case_is_read_as_expected(lacking: dict[str, list[str]], name: str) -> None:
    assert lacking[name] == []
