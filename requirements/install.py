"""Installs packages into this Python's environment with uv, in a few seconds, or with pip, which takes half a minute.

    python requirements/install.py ARGUMENT... [--then ARGUMENT...]...      those of one `pip install` after the other

uv does not read pip's settings, so pip installs where it has an index or a proxy of its own, and whenever uv fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

UV, THEN = "uv==0.13.9", "--then"
FOLDER = Path(sys.prefix) / "uv"
ONLY_PIP_KNOWS = ("index-url", "extra-index-url", "no-index", "proxy", "client-cert", "trusted-host")
ANY_PYTHON = "--ignore-requires-python"
ACCEPTED_PYTHON = ["--python-version", "3.12"]  # by what is installed with ANY_PYTHON, an option that uv does not have


def main(arguments: list[str]) -> int:
    os.environ.setdefault("PIP_ROOT_USER_ACTION", "ignore")  # it warns also where it installs into a folder of its own
    pip = _pip()
    settings = _settings(pip)
    may_use_uv = not any(name in settings for name in ONLY_PIP_KNOWS) and _has_uv(pip)
    for one in _split(arguments):
        if may_use_uv and _run([str(FOLDER / "bin" / "uv"), *_for_uv(one)], _environment(settings)):
            continue
        if may_use_uv:
            print("uv could not install the packages; pip installs them.", file=sys.stderr)
        if find_spec("pip") is None and not _run([sys.executable, "-m", "ensurepip"]):
            return 1
        if not _run([*_command(sys.executable), "install", "--no-compile", *one]):
            return 1
    _compile()
    return 0


def _compile() -> None:
    """Compile what was installed, in the background and at the lowest priority: decoders can't write compiled code, so each
    would compile what it imports. Everything else compiles what it needs itself."""
    command = [sys.executable, "-m", "compileall", "-q", sysconfig.get_path("purelib")]
    subprocess.Popen(["nice", "-n", "19", *command], stdout=subprocess.DEVNULL, start_new_session=True)


def _split(arguments: list[str]) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for each in arguments:
        if each == THEN:
            groups.append([])
        else:
            groups[-1].append(each)
    return groups


def _pip() -> list[str]:
    """pip of the Python that made this environment, which spares a copy of its own; else the environment's."""
    base = str(getattr(sys, "_base_executable", sys.executable))
    if subprocess.run([base, "-c", "import pip"], capture_output=True, check=False).returncode == 0:
        return _command(base)
    if find_spec("pip") is None:
        _run([sys.executable, "-m", "ensurepip"])
    return _command(sys.executable)


def _command(python: str) -> list[str]:
    return [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def _has_uv(pip: list[str]) -> bool:
    if FOLDER.exists():
        return True
    with tempfile.TemporaryDirectory(dir=sys.prefix) as draft:  # another process may do the same
        if not _run([*pip, "install", "--no-compile", "--target", f"{draft}/uv", UV]):
            return False
        if not FOLDER.exists():
            Path(draft, "uv").rename(FOLDER)
    return True


def _for_uv(arguments: list[str]) -> list[str]:
    known = [part for each in arguments for part in (ACCEPTED_PYTHON if each == ANY_PYTHON else [each])]
    return ["pip", "install", "--quiet", "--no-config", "--python", sys.executable, *known]


def _settings(pip: list[str]) -> dict[str, str]:
    """pip's settings of this machine, this user and the environment, by their names."""
    listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    pairs = (line.partition("=") for line in listed.splitlines())
    return {name.rpartition(".")[2]: value.strip("'\"") for name, _, value in pairs}


def _environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment of uv: it trusts the certificates that pip trusts, or those of the system."""
    more = {"UV_NATIVE_TLS": "1"}
    if certificates := settings.get("cert"):
        more["SSL_CERT_FILE"] = certificates
    if links := settings.get("find-links"):
        more["UV_FIND_LINKS"] = ",".join(links.split())
    return {**more, **os.environ}


def _run(command: list[str], environment: dict[str, str] | None = None) -> bool:
    return subprocess.run(command, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
