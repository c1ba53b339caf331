"""`pip install ./clients/python` in a new environment gives a command that works. It downloads packages: `make client`."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that has nothing but the client."""
    folder = tmp_path_factory.mktemp("client")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    source = folder / "source"  # a copy, because a build writes beside its sources
    subprocess.run(["cp", "-r", ROOT / "clients" / "python", source], check=True)
    subprocess.run([programs / "pip", "install", "--quiet", source], check=True)
    return programs


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(program.parent), "FAIRWAY_HOME": "/nowhere"}
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, timeout=60, cwd="/", check=False
    )


def test_the_command_answers_and_tells_what_it_needs(environment: Path) -> None:
    shown = run(environment / "fairway", "--version")
    assert (shown.returncode, shown.stdout.split()[0]) == (0, "fairway")
    assert "--password-file" in run(environment / "fairway", "completion", "bash").stdout
    refused = run(environment / "fairway", "status")
    assert (refused.returncode, "fairway login LINK" in refused.stderr) == (2, True)
    mailbox = run(
        environment / "fairway",
        "watch",
        "imaps://ann:secret@host/INBOX",
        "--api-url",
        "http://127.0.0.1:1",
        "--api-key",
        "k",
    )
    assert (mailbox.returncode, "leave the password out" in mailbox.stderr) == (2, True)


def test_every_module_can_be_imported_and_the_package_is_typed(environment: Path) -> None:
    code = (
        "import importlib, pathlib, pkgutil, fairway_client\n"
        "for found in pkgutil.walk_packages(fairway_client.__path__, 'fairway_client.'):\n"
        "    if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
        "assert (pathlib.Path(fairway_client.__file__).parent / 'py.typed').exists()\n"
        "print(len(fairway_client.__all__))"
    )
    shown = run(environment / "python", "-c", code)
    assert shown.returncode == 0, shown.stderr
    assert int(shown.stdout) > 5


def test_the_environment_has_only_what_the_client_names(environment: Path) -> None:
    listed = run(environment / "pip", "list", "--format=freeze").stdout.lower()
    assert "imapclient==" in listed
    assert "boto3" not in listed
