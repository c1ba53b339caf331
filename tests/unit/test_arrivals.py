"""Which objects are looked up because an event is incomplete, and which events are dropped."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.arrivals import take_arrivals
from layers.domain.errors import DependencyDown
from layers.domain.file import original_key
from layers.domain.message import Arrival
from layers.ports import StoredObject
from tests.unit.test_runner import TENANT, Host


class Looked:
    """Answers for the object store, and the keys of its calls."""

    def __init__(self, answer: Callable[[], StoredObject | None]) -> None:
        self.answer = answer
        self.keys: list[str] = []

    def __call__(self, key: str) -> StoredObject | None:
        self.keys.append(key)
        return self.answer()


def down() -> StoredObject | None:
    raise DependencyDown("object_store", "no answer")


@pytest.fixture
def host() -> Host:
    return Host()


def looked(host: Host, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], StoredObject | None]) -> Looked:
    lookup = Looked(answer)
    monkeypatch.setattr(host.objects, "look_up", lookup)
    return lookup


def events(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]


def test_an_event_with_a_version_is_believed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    lookup, file_id = looked(host, monkeypatch, lambda: StoredObject("v9", 5)), host.upload()
    take_arrivals(host.runner, [Arrival(original_key(TENANT, file_id), "v1")])
    assert lookup.keys == [] and host.file(file_id).file.version_id == "v1"


def test_the_store_is_asked_for_the_version_that_an_event_does_not_name(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookup, file_id = looked(host, monkeypatch, lambda: StoredObject("v9", 5)), host.upload()
    take_arrivals(host.runner, [Arrival(original_key(TENANT, file_id))])
    assert lookup.keys == [original_key(TENANT, file_id)] and host.file(file_id).file.version_id == "v9"


def test_a_file_arrives_without_a_version_where_the_store_keeps_none(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked(host, monkeypatch, lambda: StoredObject(None, 5))
    file_id = host.upload()
    take_arrivals(host.runner, [Arrival(original_key(TENANT, file_id))])
    assert host.file(file_id).state == "processing" and host.file(file_id).file.version_id is None


def test_an_announced_object_that_is_not_there_changes_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked(host, monkeypatch, lambda: None)
    file_id = host.upload()
    take_arrivals(host.runner, [Arrival(original_key(TENANT, file_id))])
    assert host.file(file_id).state == "uploading" and host.topics.published == []
    assert events(capsys) == ["object_missing"]


def test_while_the_store_is_down_events_that_name_a_version_still_arrive(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked(host, monkeypatch, down)
    known, unknown = host.upload(), host.upload()
    take_arrivals(host.runner, [Arrival(original_key(TENANT, known), "v1"), Arrival(original_key(TENANT, unknown))])
    assert host.file(known).state == "processing" and host.file(unknown).state == "uploading"
    assert "object_not_checked" in events(capsys)


@pytest.mark.parametrize(
    "key", ["artifacts/0190a3f2-7c1e-7b3a-9d2f-1a2b3c4d5e6f/x/text/0-1/a.txt", "artifacts%2Fa%2Fb"]
)
def test_events_of_artifacts_are_dropped_without_a_question_or_a_line(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    lookup = looked(host, monkeypatch, lambda: StoredObject("v9", 5))
    take_arrivals(host.runner, [Arrival(key)] * 10)
    assert lookup.keys == [] and events(capsys) == [] and host.topics.published == []


def test_an_object_of_a_removed_file_that_cannot_be_deleted_holds_up_no_arrival(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_prefix: str) -> int:
        raise DependencyDown("object_store", "no answer")

    removed, file_id = host.upload(), host.upload()
    monkeypatch.setattr(host.objects, "delete_prefix", refuse)
    monkeypatch.setattr(
        host.store,
        "arrive",
        lambda arrivals: {
            arrival.object_key: "removed" if removed in arrival.object_key else "arrived" for arrival in arrivals
        },
    )
    dispatched: list[set[str]] = []
    monkeypatch.setattr(host.runner, "dispatch", dispatched.append)
    take_arrivals(host.runner, [Arrival(original_key(TENANT, name), "v1") for name in (removed, file_id)])
    assert dispatched == [{"intake"}] and events(capsys) == ["object_not_deleted"]
