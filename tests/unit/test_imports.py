"""Which modules may import which, and that imports have no effects."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SDKS = {
    "boto3",
    "botocore",
    "psycopg",
    "redis",
    "valkey",
    "PIL",
    "pypdfium2",
    "pytesseract",
    "office_oxide",
    "httpx",
    "confluent_kafka",
    "aws_msk_iam_sasl_signer",
    "openai",
    "urllib3",
    "jsonschema",
}
CLOCKS_AND_CHANCE = {"time", "random", "os", "secrets", "socket", "subprocess"}
# The modules of `layers` that an adapter may import besides the domain, the ports and its own package.
SHARED_MEANS = {"layers.telemetry.log", "layers.decoding.sandbox", "layers.decoding.scratch"}

# The two modules of `functions` that build the arguments of all others.
ENTRIES = {"functions/handlers.py", "functions/api/entry.py"}
# The modules of `layers` that other modules of `functions` may import besides the domain and the ports.
HANDED = {
    "layers.attempts.runner",
    "layers.attempts.work",
    "layers.checksum",
    "layers.settings",
    "layers.telemetry.log",
    "layers.telemetry.prometheus",
    "layers.version",
}

# Other adapters receive a client, or need none.
OWN_SDK = {
    "postgres": {"psycopg"},
    "redis": {"redis"},
    "kafka": {"confluent_kafka", "aws_msk_iam_sasl_signer"},
    "extraction": {"urllib3", "jsonschema"},
    "aws": {"boto3", "botocore", "urllib3"},
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inner if is_module(name)}
            found |= modules if modules == inner else modules | {node.module}
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def files(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py")


def own_imports(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] in ("app", "functions", "layers", "infra")}


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", files("layers/domain"), ids=lambda path: path.stem)
def test_the_domain_is_pure(path: Path) -> None:
    assert all(name.startswith("layers.domain.") for name in own_imports(path))
    assert roots(path) - {"layers"} <= sys.stdlib_module_names
    assert not roots(path) & CLOCKS_AND_CHANCE
    calls = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not calls & {"datetime.now", "date.today", "datetime.utcnow", "uuid.uuid4"}


def test_the_ports_know_the_domain_alone() -> None:
    known = {name for path in (ROOT / "layers/ports").glob("*.py") for name in own_imports(path)}
    assert all(name.startswith(("layers.domain.", "layers.ports.")) for name in known)


def room_of(path: Path) -> str:
    """The package below `layers/adapters` that contains an adapter, or the adapter's own name."""
    return path.relative_to(ROOT / "layers/adapters").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", files("layers/adapters"), ids=lambda path: path.stem)
def test_an_adapter_knows_the_domain_the_ports_and_its_own_room(path: Path) -> None:
    for name in own_imports(path):
        own = name.startswith(f"layers.adapters.{room_of(path)}")
        assert own or name.startswith(("layers.domain.", "layers.ports")) or name in SHARED_MEANS, name


@pytest.mark.parametrize("path", files("layers/adapters"), ids=lambda path: path.stem)
def test_an_adapter_imports_its_own_sdk_alone(path: Path) -> None:
    assert roots(path) - sys.stdlib_module_names - {"layers"} <= OWN_SDK.get(room_of(path), set())


@pytest.mark.parametrize("path", [*files("layers"), *files("functions"), ROOT / "app.py"], ids=lambda path: path.stem)
def test_bootstrap_alone_chooses_adapters(path: Path) -> None:
    chosen = {name for name in own_imports(path) if name.startswith("layers.adapters")}
    assert not chosen or path == ROOT / "layers/bootstrap.py" or path.is_relative_to(ROOT / "layers/adapters")


@pytest.mark.parametrize("path", files("layers"), ids=lambda path: path.stem)
def test_layers_know_neither_functions_nor_hosts(path: Path) -> None:
    assert {name.split(".")[0] for name in own_imports(path)} <= {"layers"}


@pytest.mark.parametrize("path", files("functions"), ids=lambda path: path.stem)
def test_functions_know_the_domain_the_ports_and_what_they_are_handed(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() in ENTRIES:
        return
    for name in own_imports(path):
        known = name.startswith(("functions", "layers.domain", "layers.ports"))
        assert known or name in HANDED, name


@pytest.mark.parametrize("path", files("functions"), ids=lambda path: path.stem)
def test_functions_use_no_sdk(path: Path) -> None:
    assert not roots(path) & SDKS


def test_importing_the_app_opens_nothing_and_reads_no_setting() -> None:
    program = """
import os, socket
def checked(name):
    assert not name.startswith(("FAIRWAY", "DATABASE", "AWS_ENDPOINT", "AWS_DEFAULT")), name
    return name
class Refused(dict):
    def get(self, name, default=None): return dict.get(self, checked(name), default)
    def __getitem__(self, name): return dict.__getitem__(self, checked(name))
    def __contains__(self, name): return dict.__contains__(self, checked(name))
def refuse(*_, **__): raise AssertionError("a connection at import")
socket.socket.connect = socket.create_connection = refuse
os.environ = Refused(os.environ)
import app
from layers import bootstrap
assert not bootstrap._BUILT, bootstrap._BUILT
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
