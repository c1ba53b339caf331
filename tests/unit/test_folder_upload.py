"""The upload of a folder by the client: each file once, whatever is interrupted, and what failed with its reason."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from fairway_client import memory, sending, transfer, uploading
from fairway_client.client import Refused
from fairway_client.folder import Found, checksum, find
from fairway_client.memory import Busy, Memory
from fairway_client.transfer import Patience, Stopped
from fairway_client.uploading import Report, Silent, Upload

from tests.fakes.fairway import FakeFairway, problem

NAMES = [f"{number}.txt" for number in range(10)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    for name in NAMES:
        (made / name).write_text(f"content of {name}")
    return made


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr(uploading, "QUOTA_PAUSE_S", 0.001)


def run(fairway: FakeFairway, folder: Path, state: Path, **values: Any) -> Report:
    with Memory(state) as kept:
        return Upload(fairway.client(), "d", kept, patience=Patience(0.05), **values).run(find(folder))


def test_every_file_of_a_folder_is_sent_with_its_content(folder: Path, state: Path) -> None:
    fairway = FakeFairway()
    (folder / "in").mkdir()
    (folder / "in" / "deep.txt").write_text("deep")
    (folder / ".hidden").write_text("x")
    report = run(fairway, folder, state)
    assert (report.found, report.sent, report.duplicates, report.failures) == (11, 11, 0, [])
    assert fairway.names() == sorted([*NAMES, "in/deep.txt"])
    assert set(fairway.objects.values()) == {*(f"content of {name}".encode() for name in NAMES), b"deep"}
    lines = fairway.manifests["m0"]["lines"]
    assert all(line["sha256"] == checksum(folder / line["name"]) for line in lines)


def test_what_the_dataset_has_is_not_sent(folder: Path, state: Path) -> None:
    fairway = FakeFairway()
    fairway.known = {checksum(folder / name): "f" for name in NAMES[:4]}
    report = run(fairway, folder, state)
    assert (report.sent, report.duplicates) == (6, 4)
    assert len(fairway.puts) == 6


def test_checksums_are_computed_once_for_each_version_of_a_file(
    folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return checksum(path)

    monkeypatch.setattr(uploading, "checksum", counted)
    run(FakeFairway(), folder, state)
    (folder / NAMES[3]).write_text("another content")
    run(FakeFairway(), folder, state)
    assert sorted(read) == sorted([*NAMES, NAMES[3]])


class Interrupting(Silent):
    """Stops an upload after some files, as Ctrl-C does, or as a crash."""

    def __init__(self, after: int, error: BaseException) -> None:
        self.left, self.error = after, error

    def sent(self, size_bytes: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error


@pytest.mark.parametrize("after", [1, 4, 9])
@pytest.mark.parametrize("sends_events", [True, False])
def test_an_interrupted_upload_continues_and_makes_each_file_once(
    folder: Path, state: Path, after: int, sends_events: bool
) -> None:
    fairway = FakeFairway(sends_events=sends_events)
    with pytest.raises(KeyboardInterrupt):
        run(fairway, folder, state, watcher=Interrupting(after, KeyboardInterrupt()))
    report = run(fairway, folder, state)
    assert (report.sent, report.failures) == (10, [])
    assert fairway.names() == NAMES
    assert len(fairway.objects) == 10
    assert list(fairway.manifests) == ["m0"]


def test_a_crash_that_noted_nothing_costs_time_only(folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fairway = FakeFairway(sends_events=False)
    with monkeypatch.context() as patch:
        patch.setattr(Memory, "mark", lambda *values: None)
        patch.setattr(Memory, "forget", lambda *values: None)
        run(fairway, folder, state)
    report = run(fairway, folder, state)
    assert report.sent == 10
    assert fairway.names() == NAMES
    assert len(fairway.puts) == 20  # answered with 412, which counts as arrived


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_request(folder: Path, state: Path) -> None:
    fairway, lost = FakeFairway(), []

    def lose(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and not lost:
            lost.append(fairway._create(request))
            raise httpx.ReadError("the connection was lost")
        return None

    fairway.answer = lose
    report = run(fairway, folder, state)
    assert report.sent == 10
    assert fairway.names() == NAMES


def test_a_process_that_died_before_the_answer_sends_the_same_request_again(folder: Path, state: Path) -> None:
    fairway = FakeFairway()

    def die(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST":
            fairway._create(request)
            raise KeyboardInterrupt
        return None

    fairway.answer = die
    with pytest.raises(KeyboardInterrupt):
        run(fairway, folder, state)
    fairway.answer = lambda request: None
    assert run(fairway, folder, state).sent == 10
    assert fairway.names() == NAMES


def test_a_file_that_is_changed_between_two_runs_is_described_again(folder: Path, state: Path) -> None:
    fairway = FakeFairway()
    with pytest.raises(KeyboardInterrupt):
        run(fairway, folder, state, watcher=Interrupting(1, KeyboardInterrupt()))
    for name in NAMES:
        (folder / name).write_text(f"longer content of {name}")
    report = run(fairway, folder, state)
    assert (report.sent, report.failures) == (10, [])
    assert {f"longer content of {name}".encode() for name in NAMES} <= set(fairway.objects.values())


def test_a_file_that_is_changed_while_it_is_sent_fails_with_this_reason(folder: Path, state: Path) -> None:
    fairway = FakeFairway()

    def change(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/uploads"):
            (folder / NAMES[0]).write_text("changed")
        return None

    fairway.answer = change
    report = run(fairway, folder, state)
    assert [(failure.name, failure.reason) for failure in report.failures] == [
        (NAMES[0], "was changed while it was being sent")
    ]
    assert report.sent == 9


def test_files_that_fail_are_named_and_the_next_run_tries_them_again(folder: Path, state: Path) -> None:
    fairway = FakeFairway()
    fairway.answer = lambda request: httpx.Response(503) if request.url.path == "/m0-2" else None
    report = run(fairway, folder, state)
    assert [failure.name for failure in report.failures] == [NAMES[2]]
    assert "can't be reached" in report.failures[0].reason
    fairway.answer = lambda request: None
    report = run(fairway, folder, state)
    assert (report.sent, report.failures) == (10, [])
    assert fairway.names() == NAMES
    assert len(fairway.objects) == 10


def test_what_the_store_refuses_is_not_tried_for_ever(folder: Path, state: Path) -> None:
    fairway = FakeFairway()
    fairway.answer = lambda request: httpx.Response(400, text="<Code>x</Code>") if request.url.path == "/m0-2" else None
    assert [failure.name for failure in run(fairway, folder, state).failures] == [NAMES[2]]
    with Memory(state) as kept:
        assert kept.manifests() == []


def test_an_expired_url_is_renewed(folder: Path, state: Path) -> None:
    fairway = FakeFairway()

    def expire(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/m0-1":
            return httpx.Response(403)
        if request.url.path == "/files/m0-1/upload":
            return httpx.Response(200, json={"upload": {"url": "http://store.test/renewed", "headers": {}}})
        return None

    fairway.answer = expire
    assert run(fairway, folder, state).sent == 10
    assert "renewed" in fairway.objects


def test_short_outages_are_waited_for(folder: Path, state: Path) -> None:
    fairway, failures = FakeFairway(), [0]

    def away(request: httpx.Request) -> httpx.Response | None:
        failures[0] += 1
        if failures[0] % 3 == 0:
            raise httpx.ConnectError("away")
        return None

    fairway.answer = away
    with Memory(state) as kept:
        report = Upload(fairway.client(), "d", kept, patience=Patience(30)).run(find(folder))
    assert (report.sent, report.failures) == (10, [])
    assert fairway.names() == NAMES


def test_a_full_quota_is_waited_for_with_smaller_manifests(folder: Path, state: Path) -> None:
    fairway = FakeFairway(room=3)
    waits: list[str] = []

    class Waiting(Silent):
        def waiting(self, reason: str) -> None:
            waits.append(reason)
            fairway.room += 4

    report = run(fairway, folder, state, watcher=Waiting())
    assert (report.sent, report.failures) == (10, [])
    assert fairway.names() == NAMES
    assert "it says" in waits[0]


def test_files_that_the_api_refuses_by_their_lines_do_not_hold_up_the_others(folder: Path, state: Path) -> None:
    fairway = FakeFairway()

    def refuse(request: httpx.Request) -> httpx.Response | None:
        lines = request.content.decode().splitlines() if request.method == "POST" else []
        errors = [
            {"pointer": f"/lines/{number}/size_bytes", "detail": "it is too large"}
            for number, line in enumerate(lines)
            if json.loads(line)["name"] in NAMES[3:5]
        ]
        problem = {"status": 413, "code": "too_large", "detail": "some lines are not valid", "errors": errors[:1]}
        return httpx.Response(413, json=problem) if errors else None

    fairway.answer = refuse
    report = run(fairway, folder, state)
    assert [(failure.name, failure.reason) for failure in report.failures] == [
        (name, "is refused: it is too large") for name in NAMES[3:5]
    ]
    assert (report.sent, fairway.names()) == (8, [*NAMES[:3], *NAMES[5:]])


def test_a_refusal_ends_the_upload_and_leaves_nothing_to_continue(folder: Path, state: Path) -> None:
    fairway = FakeFairway()
    fairway.answer = lambda request: problem(403, "forbidden") if request.method == "POST" else None
    with pytest.raises(Refused):
        run(fairway, folder, state)
    with Memory(state) as kept:
        assert kept.manifests() == []


def test_a_manifest_that_was_removed_is_sent_anew(folder: Path, state: Path) -> None:
    fairway = FakeFairway()
    with pytest.raises(KeyboardInterrupt):
        run(fairway, folder, state, watcher=Interrupting(1, KeyboardInterrupt()))
    fairway.manifests.clear()
    fairway.objects.clear()
    assert run(fairway, folder, state).sent == 10


def test_stopping_ends_after_the_files_that_are_being_sent(folder: Path, state: Path) -> None:
    fairway, patience = FakeFairway(), Patience(1)

    def stop(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "store.test":
            patience.stopping.set()
        return None

    fairway.answer = stop
    with Memory(state) as kept, pytest.raises(Stopped):
        Upload(fairway.client(), "d", kept, patience=patience).run(find(folder))
    assert 1 <= len(fairway.objects) <= sending.SENT_AT_ONCE
    assert run(fairway, folder, state).sent == 10


def test_one_process_at_a_time_uploads_a_folder(state: Path) -> None:
    with Memory(state), pytest.raises(Busy):
        Memory(state)
    Memory(state).close()


def test_a_request_is_not_sent_again_once_its_key_has_expired(
    folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Memory(state) as kept:
        found = find(folder)
        begun = kept.begin([(each, each.line("0" * 64)) for each in found])
        monkeypatch.setattr(memory, "KEY_S", 0.0)
        assert not begun.may_continue
    assert run(FakeFairway(), folder, state).sent == 10


def test_links_to_folders_and_broken_links_are_left_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.txt").write_text("x")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "broken.txt").symlink_to(tmp_path / "nothing")
    (folder / "one.txt").symlink_to(tmp_path / "elsewhere" / "x.txt")
    assert [found.name for found in find(folder)] == sorted([*NAMES, "one.txt"])


def test_a_name_that_is_not_utf8_is_sent_as_text_that_is(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    assert "caf?.txt" in [found.name for found in find(folder)]


def test_a_file_knows_whether_it_was_changed(folder: Path) -> None:
    found: Found = find(folder / NAMES[0])[0]
    assert found.is_unchanged
    (folder / NAMES[0]).write_text("more content than before")
    assert not found.is_unchanged
