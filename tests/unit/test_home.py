"""The home of an embedded start: who may use it, and the messages if it can't be used."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from infra.doctor import __main__ as doctor
from infra.doctor.verify import NOT_CHECKED
from infra.local import __main__ as local_start
from infra.local import embedded, top
from infra.local.environments import whole_number
from infra.local.home import Home, HomeUnusable, explain, write_json
from infra.local.supervisor import StartFailed

STRANGER = 12_345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file that belongs to another user")


def opened(path: Path) -> None:
    home = Home(path)
    home.open_lock()
    home.release_lock()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("open_mode", [0o777, 0o770, 0o755])
@pytest.mark.parametrize("is_used", [True, False])
def test_a_home_that_others_could_access_is_closed(tmp_path: Path, open_mode: int, is_used: bool) -> None:
    home = tmp_path / "home"
    home.mkdir()
    if is_used:
        opened(home)
    home.chmod(open_mode)
    opened(home)
    assert mode(home) == 0o700


@pytest.mark.parametrize("shared_mode", [0o777, 0o1777])
def test_a_shared_folder_with_other_content_is_refused_and_left_as_it_is(tmp_path: Path, shared_mode: int) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "something").touch()
    (tmp_path / "shared").chmod(shared_mode)
    with pytest.raises(HomeUnusable, match="Other users may write to"):
        opened(tmp_path / "shared")
    assert mode(tmp_path / "shared") == shared_mode
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["something"]


def test_a_readable_folder_with_other_content_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "something").touch()
    (tmp_path / "disk").chmod(0o755)
    opened(tmp_path / "disk")
    assert mode(tmp_path / "disk") == 0o755 and mode(tmp_path / "disk" / "logs") == 0o700


@as_root
@pytest.mark.parametrize("name", ["secrets.json", "objects", "logs"])
def test_what_another_user_put_into_a_home_is_not_used(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    opened(home)
    home.chmod(0o777)
    path = home / name
    path.mkdir(exist_ok=True) if name != "secrets.json" else path.write_text("{}")
    os.chown(path, STRANGER, STRANGER)
    with pytest.raises(HomeUnusable, match=f"{path} belongs to another user"):
        opened(home)


@as_root
def test_root_may_use_the_home_of_a_user_and_leaves_it_to_that_user(tmp_path: Path) -> None:
    home = tmp_path / "home"
    opened(home)
    for path in (home, *home.iterdir()):
        os.chown(path, STRANGER, STRANGER)
    home.chmod(0o755)
    opened(home)
    assert mode(home) == 0o700 and home.stat().st_uid == STRANGER


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk of /the/home is full"),
        (errno.EDQUOT, "The disk of /the/home is full"),
        (errno.EROFS, "/the/home is on a read-only disk"),
        (errno.EACCES, "This user has no access to /the/home"),
        (errno.ENOTDIR, "/the/home is not a folder"),
        (errno.EIO, "/the/home can't be used"),
    ],
)
def test_each_reason_has_its_sentence_and_says_what_to_do(number: int, sentence: str) -> None:
    text = explain(OSError(number, os.strerror(number)), Path("/the/home"))
    assert text.startswith(sentence) and os.strerror(number) in text and "FAIRWAY_HOME" in text


def started(home: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("FAIRWAY_HOME", str(home))
    monkeypatch.setattr("sys.argv", ["infra.local"])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return local_start.main()


def test_a_start_on_what_is_no_folder_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        assert started(home, monkeypatch) == 1
        assert f"{home} is not a folder" in capsys.readouterr().err


def test_a_start_with_damaged_secrets_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(tmp_path)
    for damaged in ('{"database_pass', "[]", "\xff"):
        (tmp_path / "secrets.json").write_text(damaged)
        assert started(tmp_path, monkeypatch) == 1
        assert "secrets.json is damaged" in capsys.readouterr().err


def test_new_secrets_are_not_made_for_an_existing_database(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    with pytest.raises(HomeUnusable, match=r"secrets\.json is missing"):
        Home(tmp_path).secrets()
    assert not (tmp_path / "secrets.json").exists()


def test_a_setting_that_is_no_number_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_WORKERS", "two")
    with pytest.raises(StartFailed, match="FAIRWAY_WORKERS must be a whole number, not 'two'"):
        whole_number("FAIRWAY_WORKERS", 2)


def test_a_failed_start_on_a_full_disk_names_the_disk_and_not_only_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StartFailed("postgres did not start. The end of its log:\n")

    monkeypatch.setattr(embedded, "_installation", fail)
    with pytest.raises(StartFailed):
        embedded.start(tmp_path / "home", 0)
    monkeypatch.setattr(Home, "problem", lambda _: OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(HomeUnusable, match=r"is full (?s:.*)postgres did not start"):
        embedded.start(tmp_path / "home", 0)


def test_a_file_that_can_not_be_replaced_is_kept_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_json(tmp_path / "ports.json", {"api": 1})
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_json(tmp_path / "ports.json", {"api": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["ports.json"]
    assert Home(tmp_path).problem() is not None and [path.name for path in tmp_path.iterdir()] == ["ports.json"]


@pytest.mark.parametrize("content", [None, "", '{"api_url": "http', "[]"])
def test_top_and_doctor_say_that_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    if content is not None:
        (tmp_path / "endpoint.json").write_text(content)
    monkeypatch.setenv("FAIRWAY_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["top", "--once"])
    assert top.main() == 1
    assert ("can't be read" if content is not None else "is missing") in capsys.readouterr().err
    assert doctor.main(["--verify", "--home", str(tmp_path)]) == NOT_CHECKED
    assert "No running Fairway was found" in capsys.readouterr().err
