"""`fairway` on the command line: where it finds its key, what it prints, and how it exits."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from fairway_client.access import Access, NoAccess, find_access, keep_access, parse_link
from fairway_client.cli import main as command_line
from fairway_client.client import Client

from tests.fakes.fairway import FakeFairway

DATASET = {
    "id": "d",
    "name": "Receipts",
    "schema": {"properties": {"total": {}, "company": {}}},
    "counts": {"files": 2, "by_state": {"done": 1, "failed": 1}},
}
FAILED = {"id": "f2", "name": "b.pdf", "state": "failed", "error": {"step": "ocr", "code": "x", "detail": "unreadable"}}
RECORDS = [{"file_id": "f1", "file_name": "a, b.pdf", "fields": {"total": 9.5}}]

ZIP = b"a zip file"
ARCHIVE = {
    "name": "originals-0001.zip",
    "files": 2,
    "sha256": hashlib.sha256(ZIP).hexdigest(),
    "url": "http://files.test/zip",
}
EXPORT = {
    "id": "e1",
    "state": "done",
    "size_bytes": len(ZIP),
    "archives": [ARCHIVE],
    "manifest_url": "http://files.test/m",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FAIRWAY_CONFIG", "FAIRWAY_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("FAIRWAY_API_URL", "http://fairway.test/")
    monkeypatch.setenv("FAIRWAY_API_KEY", "fw_test")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fairway(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFairway:
    """A Fairway with one dataset, to which every command is connected."""
    fake = FakeFairway()
    answers: dict[str, Any] = {
        "GET /datasets": {"datasets": [DATASET], "next_cursor": None},
        "GET /datasets/d/files": {"files": [FAILED], "next_cursor": None},
        "GET /datasets/d/records": {"records": RECORDS, "next_cursor": None},
        "POST /datasets/d/removals": {"id": "r1", "count": 2},
        "POST /removals/r1/undo": {"id": "r1", "count": 2},
        "POST /datasets/d/moves": {"id": "m1", "count": 1, "not_moved": [{"id": "f9", "reason": "it is busy"}]},
        "POST /moves/m1/undo": {"id": "m1", "count": 1, "not_moved": []},
        "PUT /datasets/d": DATASET,
        "GET /datasets/d/routing": {
            "rules": {"receipt": {"dataset_id": "d", "name": "Receipts"}},
            "taught": {"receipt": 9},
            "model": {"is_used": True},
        },
        "POST /datasets/d/redrive": {"count": 1, "has_more": False},
        "POST /datasets/d/exports": EXPORT,
    }
    batch = {"counts": {"by_state": {"done": 1, "failed": 1}}}
    answers |= {f"GET /batches/b-m{number}": batch for number in range(2)}

    def answer(request: httpx.Request) -> httpx.Response | None:
        found = answers.get(f"{request.method} {request.url.path}")
        if request.url.host == "files.test":
            return httpx.Response(200, content=ZIP)
        return httpx.Response(200, json=found) if found else None

    fake.answer = answer
    monkeypatch.setattr(Access, "client", lambda access: fake.client())
    return fake


def run(*arguments: str) -> int:
    return command_line.main(arguments)


def printed(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# --- access ------------------------------------------------------------------------------------------


def test_options_precede_the_environment_which_precedes_the_file_and_the_local_start(home: Path) -> None:
    environment = {"HOME": str(home), "FAIRWAY_HOME": str(home / ".fairway")}
    with pytest.raises(NoAccess, match="fairway login"):
        find_access(environment={**environment, "XDG_CONFIG_HOME": str(home)})
    (home / ".fairway").mkdir()
    (home / ".fairway" / "endpoint.json").write_text('{"api_url": "http://local", "api_key": "l"}')
    environment["XDG_CONFIG_HOME"] = str(home / "config")
    assert find_access(environment=environment).api_url == "http://local"
    keep_access(Access("http://kept", "k", ""), home / "config" / "fairway" / "config.toml")
    assert (find_access(environment=environment).api_url, find_access(environment=environment).api_key) == (
        "http://kept",
        "k",
    )
    environment |= {"FAIRWAY_API_URL": "http://set/", "FAIRWAY_API_KEY": "s"}
    assert find_access(environment=environment).api_url == "http://set"
    assert find_access("http://given", environment=environment).api_url == "http://given"


def test_a_kept_key_is_readable_by_its_owner_only(home: Path) -> None:
    path = home / "fairway" / "config.toml"
    path.parent.mkdir()
    path.touch(mode=0o644)
    keep_access(Access("http://kept", 'k"\\', ""), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert find_access(environment={"FAIRWAY_CONFIG": str(path)}).api_key == 'k"\\'


def test_a_link_has_an_address_and_a_code() -> None:
    assert parse_link("http://127.0.0.1:8000/#code=fwc_x") == ("http://127.0.0.1:8000", "fwc_x")
    for bad in ("http://127.0.0.1:8000/", "fwc_x", "#code=x"):
        with pytest.raises(NoAccess):
            parse_link(bad)


def test_signing_in_keeps_the_key_of_the_session(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = {"api_key": "fw_new", "role": "editor", "expires_at": "2026-01-15T21:30:00.000Z"}
    monkeypatch.setattr(Client, "exchange", staticmethod(lambda url, code: session | {"asked": (url, code)}))
    assert run("login", "http://fairway.test/#code=fwc_x") == 0
    monkeypatch.delenv("FAIRWAY_API_URL")
    monkeypatch.delenv("FAIRWAY_API_KEY")
    assert find_access().api_key == "fw_new"


# --- commands ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(home: Path) -> Path:
    made = home / "Receipts"
    made.mkdir()
    for name in ("a.pdf", "b.pdf"):
        (made / name).write_text(name)
    return made


def test_an_upload_prints_what_was_sent_and_exits_with_0(
    fairway: FakeFairway, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("upload", str(folder), "--json", "--quiet") == 0
    (shown,) = printed(capsys)
    assert (shown["found"], shown["sent"], shown["failed"]) == (2, 2, [])
    assert shown["dataset"] == {"id": "d", "name": "Receipts"}
    assert fairway.names() == ["a.pdf", "b.pdf"]


def test_an_upload_that_waits_names_the_files_that_failed_and_exits_with_1(
    fairway: FakeFairway, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("upload", str(folder), "--wait", "--json", "--quiet") == 1
    assert printed(capsys)[0]["failed"] == [{"name": "b.pdf", "at": "ocr", "reason": "unreadable"}]
    assert run("upload", str(folder), "--wait", "--quiet") == 1
    shown = capsys.readouterr()
    assert "unreadable" in shown.out and "Processed: 1 done, 1 failed." in shown.err


def test_a_folder_that_does_not_exist_is_not_watched_and_gets_no_dataset(
    fairway: FakeFairway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Client, "dataset", lambda _, name: asked.append(name))
    assert run("watch", str(tmp_path / "nothing"), "--once") == 2
    assert asked == []


def test_an_upload_shows_its_progress_apart_from_its_result(
    fairway: FakeFairway, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("upload", str(folder), "--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["sent"] == 2
    assert "2 of 2 files" in shown.err


def test_single_files_are_uploaded_by_their_names(fairway: FakeFairway, folder: Path) -> None:
    assert run("upload", str(folder / "a.pdf"), "--dataset", "Receipts", "--quiet") == 0
    assert fairway.names() == ["a.pdf"]
    assert run("upload", str(folder), str(folder / "b.pdf"), "--dataset", "Receipts", "--quiet") == 0
    assert fairway.names() == ["Receipts/a.pdf", "Receipts/b.pdf", "a.pdf", "b.pdf"]


def test_a_watch_sends_what_is_there_and_moves_it(fairway: FakeFairway, folder: Path) -> None:
    done = folder / "done"
    assert run("watch", str(folder), "--once", "--quiet-s", "0", "--every-s", "0", "--move-to", str(done)) == 0
    assert fairway.names() == ["a.pdf", "b.pdf"]
    assert sorted(path.name for path in done.iterdir()) == ["a.pdf", "b.pdf"]


def test_datasets_and_files_are_shown_with_the_reason_of_a_failure(
    fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("status") == 0
    assert "1 done, 1 failed" in capsys.readouterr().out
    assert run("status", "Receipts") == 0
    assert "unreadable" in capsys.readouterr().out
    assert run("status", "d", "--json") == 0
    assert printed(capsys) == [FAILED]


def test_records_are_tables_lines_or_csv(fairway: FakeFairway, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("records", "Receipts", "--format", "csv") == 0
    assert capsys.readouterr().out.splitlines() == ["file,total,company", '"a, b.pdf",9.5,']
    assert run("records", "Receipts", "--json") == 0
    assert printed(capsys) == RECORDS
    assert run("records", "Receipts") == 0
    assert "9.5" in capsys.readouterr().out


def test_removals_can_be_undone_by_the_id_that_is_printed(
    fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("remove", "--dataset", "Receipts", "f1", "f2") == 0
    assert "fairway undo r1" in capsys.readouterr().err
    assert run("undo", "r1", "--json") == 0
    assert run("redrive", "--dataset", "Receipts", "--json") == 0
    assert printed(capsys)[-1] == {"count": 1}


def test_moves_name_what_stays_and_can_be_undone_by_the_id_that_is_printed(
    fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("move", "--dataset", "Receipts", "--to", "d", "f1", "f9") == 0
    told = capsys.readouterr().err
    assert "fairway move --undo m1" in told and "f9 was not moved: it is busy" in told
    assert run("move", "--undo", "m1", "--json") == 0
    assert printed(capsys) == [{"id": "m1", "count": 1, "not_moved": []}]
    assert run("route", "Receipts", "receipt=Receipts") == 0
    assert "receipt" in capsys.readouterr().out


def test_originals_are_exported_to_a_folder_and_a_damaged_zip_file_is_told(
    fairway: FakeFairway, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("export", "Receipts", "--format", "zip", "--names", "{company}") == 0
    assert "2 files in originals-0001.zip" in capsys.readouterr().err
    assert sorted(path.name for path in (home / "Receipts").iterdir()) == ["manifest.csv", "originals-0001.zip"]
    monkeypatch.setitem(ARCHIVE, "sha256", "0" * 64)
    assert run("export", "Receipts", "--format", "zip", "--output", "other") != 0
    assert "originals-0001.zip is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status", "Nothing"), 2),
        (("upload", "no-such-folder"), 2),
        (("export", "Nothing"), 2),
        (("undo", "r2"), 3),
    ],
)
def test_exit_codes_tell_what_went_wrong(fairway: FakeFairway, arguments: tuple[str, ...], code: int) -> None:
    assert run(*arguments) == code


@pytest.mark.parametrize(
    "arguments",
    [(), ("remove", "--dataset", "x"), ("redrive",), ("status", "--unknown"), ("upload", "x", "--label", "a,b")],
)
def test_wrong_use_exits_with_2(home: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2


def test_an_address_without_an_answer_exits_with_3(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_API_URL", "http://127.0.0.1:1")
    assert run("status") == 3
    assert run("doctor") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_gets_completions_of_all_commands(home: Path, capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert run("completion", shell) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in command_line.COMMANDS)
