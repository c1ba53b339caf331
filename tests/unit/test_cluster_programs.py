"""The programs that the cluster needs on a machine, and where it keeps downloads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.cluster import programs


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRWAY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def installed(monkeypatch: pytest.MonkeyPatch, *names: str, java: int = 17) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name in names else None)
    monkeypatch.setattr(programs, "_java_version", lambda: java)


def test_nothing_is_missing_where_java_maven_and_go_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "java", "mvn", "go")
    programs.check()


def test_each_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    with pytest.raises(programs.Missing) as caught:
        programs.check()
    for name in ("Java 17", "Maven", "Go"):
        assert name in str(caught.value)


def test_a_java_that_is_too_old_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "java", "mvn", "go", java=11)
    with pytest.raises(programs.Missing, match="Java 17") as caught:
        programs.check()
    assert "Maven" not in str(caught.value)


def test_a_program_in_the_cache_needs_no_tool(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    for name in (f"kafka-{programs.KAFKA}", f"versitygw-{programs.VERSITYGW}"):
        (cache / name).mkdir(parents=True)
    installed(monkeypatch, "java")
    programs.check()
    assert programs.kafka_classes() == cache / f"kafka-{programs.KAFKA}"


def script(path: Path, content: str) -> Path:
    path.write_text(f"#!/bin/sh\n{content}\n")
    path.chmod(0o755)
    return path


def test_both_programs_are_fetched_by_their_own_tools(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    tools = {
        "java": script(tmp_path / "java", "exit 0"),
        "mvn": script(tmp_path / "mvn", 'for last; do :; done; touch "${last#-DoutputDirectory=}/kafka.jar"'),
        "go": script(tmp_path / "go", 'touch "$GOBIN/versitygw"'),
    }
    monkeypatch.setattr(shutil, "which", lambda name: str(tools[name]))
    monkeypatch.setattr(programs, "_java_version", lambda: 17)
    assert programs.main() == 0
    assert programs.versitygw().is_file()
    assert [path.name for path in programs.kafka_classes().iterdir()] == ["kafka.jar"]


def test_the_command_that_fetches_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(monkeypatch, "java", "mvn")
    assert programs.main() == 1
    assert "Go (https://go.dev/dl)" in capsys.readouterr().err


def test_a_failed_fetch_leaves_nothing_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    broken = script(tmp_path / "mvn", "echo no network\nexit 1")
    monkeypatch.setattr(shutil, "which", lambda name: str(broken))
    with pytest.raises(programs.Missing, match="no network"):
        programs.kafka_classes()
    assert list(cache.iterdir()) == []


def test_a_finished_fetch_is_kept(monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path) -> None:
    runs, maven = tmp_path / "runs", tmp_path / "mvn"
    lines = [
        "#!/bin/sh",
        f"echo x >> {runs}",
        'for a in "$@"; do case $a in -DoutputDirectory=*) touch "${a#*=}/kafka.jar";; esac; done',
    ]
    maven.write_text("\n".join(lines) + "\n")
    maven.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(maven))
    for _ in range(2):
        assert [path.name for path in programs.kafka_classes().iterdir()] == ["kafka.jar"]
    assert runs.read_text() == "x\n"
