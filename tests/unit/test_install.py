"""Packages are installed by uv, and by pip wherever uv can't know how."""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

INSTALL = Path(__file__).parents[2] / "requirements" / "install.py"


class Machine:
    """Runs nothing: notes each command, of which those that have a word of `failing` fail."""

    def __init__(self, settings: str = "", failing: tuple[str, ...] = ()) -> None:
        self.settings, self.failing = settings, failing
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str] | None] = []

    def run(self, command: list[str], env: dict[str, str] | None = None, **_: Any) -> Any:
        if "config" in command:
            return subprocess.CompletedProcess(command, 0, self.settings)
        self.commands.append(command)
        self.environments.append(env)
        fails = any(word in " ".join(command) for word in self.failing)
        return subprocess.CompletedProcess(command, int(fails), "")

    def installed_by(self, program: str) -> list[list[str]]:
        """The arguments that a program was given to install."""
        found = [command for command in self.commands if f"{program} " in " ".join(command) + " "]
        return [command[command.index("install") + 1 :] for command in found if "install" in command]


def install(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    module = runpy.run_path(str(INSTALL))
    own = module["main"].__globals__
    (tmp_path / "uv").mkdir(exist_ok=True)
    own["FOLDER"] = tmp_path / "uv"
    own["_compile"] = lambda: None
    monkeypatch.setattr(subprocess, "run", machine.run)
    return int(module["main"](list(arguments)))


def test_uv_installs_one_group_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    arguments = ("--requirement", "a.txt", "--then", "--no-deps", "--ignore-requires-python", "b")
    assert install(machine, tmp_path, monkeypatch, *arguments) == 0
    first, second = machine.installed_by("uv/bin/uv")
    assert first[-2:] == ["--requirement", "a.txt"]
    assert second[-4:] == ["--no-deps", "--python-version", "3.12", "b"]


@pytest.mark.parametrize("setting", ["global.index-url='https://own.example'", ":env:.proxy='http://p'"])
def test_pip_installs_where_it_has_settings_that_uv_does_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    machine = Machine(setting)
    assert install(machine, tmp_path, monkeypatch, "--requirement", "a.txt") == 0
    assert not machine.installed_by("uv/bin/uv")
    assert machine.installed_by("pip")[-1][-2:] == ["--requirement", "a.txt"]


def test_pip_installs_what_uv_could_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(failing=("bin/uv",))
    assert install(machine, tmp_path, monkeypatch, "--ignore-requires-python", "b") == 0
    assert machine.commands[-1][-2:] == ["--ignore-requires-python", "b"]
    assert "pip" in machine.commands[-1]


def test_it_fails_if_neither_can_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert install(Machine(failing=("install",)), tmp_path, monkeypatch, "b") == 1


def test_uv_trusts_the_certificates_of_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    machine = Machine("global.cert='/etc/own.pem'\n:env:.find-links='/a /b'")
    install(machine, tmp_path, monkeypatch, "b")
    environment = machine.environments[-1] or {}
    assert (environment["SSL_CERT_FILE"], environment["UV_FIND_LINKS"]) == ("/etc/own.pem", "/a,/b")
