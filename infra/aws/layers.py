"""Lambda layers of native wheels, as listed in `layers.toml`. Building them for either processor needs only pip."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from functions.pipelines import STEPS
from infra.aws import archives

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = "3.12"
# Lambda's names of processors, and those in the names of wheels.
PROCESSORS = {"x86_64": "x86_64", "arm64": "aarch64"}
# Lambda's Amazon Linux 2023 has glibc 2.34: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
GLIBCS = (
    "manylinux2014",
    "manylinux_2_17",
    "manylinux_2_24",
    "manylinux_2_26",
    "manylinux_2_27",
    "manylinux_2_28",
    "manylinux_2_34",
)
DEFAULT = "default"
CACHE = ROOT / "build" / "aws" / "layers"


@dataclass(frozen=True, slots=True)
class Layer:
    """The packages of a layer, and patterns of the files that it leaves out of them."""

    requirements: tuple[str, ...]
    with_dependencies: bool = True
    left_out: tuple[str, ...] = ()

    def leaves_out(self, name: str) -> bool:
        return is_never_imported(name) or any(fnmatch(name, pattern) for pattern in self.left_out)


@dataclass(frozen=True, slots=True)
class Plan:
    """The layers, and which of them a step uses, by the service that it depends on."""

    layers: dict[str, Layer]
    by_service: dict[str, tuple[str, ...]]
    left_out: dict[str, str]

    @classmethod
    def read(cls) -> Plan:
        content = tomllib.loads(Path(__file__).with_name("layers.toml").read_text())
        return cls(
            {
                name: Layer(
                    tuple(layer["requirements"]), layer.get("with_dependencies", True), tuple(layer.get("left_out", ()))
                )
                for name, layer in content["layers"].items()
            },
            {service: tuple(layers) for service, layers in content["steps"].items()},
            content["left_out"],
        )

    def layers_of(self, function: str) -> tuple[str, ...]:
        """The layers that a function uses; a function that runs no step uses none."""
        if function not in STEPS:
            return ()
        return self.by_service.get(STEPS[function].depends_on or DEFAULT, self.by_service[DEFAULT])


def native_requirements() -> dict[str, str]:
    """The lines of requirements/native.txt and nets.txt, by the bare name of the package."""
    files = (ROOT / "requirements" / name for name in ("native.txt", "nets.txt"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    requirements = [line.split(" #")[0].strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return {bare_name(requirement): requirement for requirement in requirements}


def bare_name(requirement: str) -> str:
    return re.split(r"[\s\[=<>~!;]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def build(name: str, architecture: str, plan: Plan) -> Path:
    """Build a layer's zip, with its packages under `python/`. An unchanged layer is taken from the cache."""
    pinned = native_requirements()
    layer = plan.layers[name]
    requirements = [pinned[bare_name(requirement)] for requirement in layer.requirements]
    constraints = ROOT / "constraints.txt"
    # All constraints are part of the cache key, so a layer may be rebuilt when a pin changes that it does not use.
    recipe = "\n".join([architecture, PYTHON, *GLIBCS, *sorted(requirements), *layer.left_out, constraints.read_text()])
    archive = CACHE / f"{name}-{architecture}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.zip"
    if not archive.exists():
        with tempfile.TemporaryDirectory(prefix="fairway-layer-") as scratch:
            install(requirements, architecture, Path(scratch), with_dependencies=layer.with_dependencies)
            archives.pack(Path(scratch), archive, "python/", excluded=layer.leaves_out)
    return archive


def install(requirements: Sequence[str], architecture: str, into: Path, *, with_dependencies: bool = True) -> None:
    """Install wheels for Lambda's platform, regardless of this machine's."""
    platforms = [f"--platform={glibc}_{PROCESSORS[architecture]}" for glibc in GLIBCS]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}", *platforms),
            *("--constraint", str(ROOT / "constraints.txt"), "--target", str(into), *requirements),
            *(() if with_dependencies else ("--no-deps",)),
        ],
        check=True,
    )
    shutil.rmtree(into / "bin", ignore_errors=True)


def is_never_imported(name: str) -> bool:
    """Whether a file is never imported: tests, headers, type stubs, static libraries."""
    parts = name.split("/")
    return "tests" in parts[1:-1] or "include" in parts[1:-1] or name.endswith((".pyi", ".h", ".c", ".pxd", ".a"))
