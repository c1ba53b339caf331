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
from pathlib import Path

from functions.pipelines import STEPS
from infra.aws import archives

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = "3.12"
# Lambda's names of processors, and those in the names of wheels.
PROCESSORS = {"x86_64": "x86_64", "arm64": "aarch64"}
# Lambda's Amazon Linux 2023 has glibc 2.34: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
GLIBCS = ("manylinux2014", "manylinux_2_17", "manylinux_2_24", "manylinux_2_26", "manylinux_2_27", "manylinux_2_28")
DEFAULT = "default"
CACHE = ROOT / "build" / "aws" / "layers"


@dataclass(frozen=True, slots=True)
class Plan:
    """The requirements of each layer, and the layers of a step by the service that it depends on."""

    requirements: dict[str, tuple[str, ...]]
    by_service: dict[str, tuple[str, ...]]
    left_out: dict[str, str]

    @classmethod
    def read(cls) -> Plan:
        content = tomllib.loads(Path(__file__).with_name("layers.toml").read_text())
        return cls(
            {name: tuple(layer["requirements"]) for name, layer in content["layers"].items()},
            {service: tuple(layers) for service, layers in content["steps"].items()},
            content["left_out"],
        )

    def layers_of(self, function: str) -> tuple[str, ...]:
        """The layers that a function uses; a function that runs no step uses none."""
        if function not in STEPS:
            return ()
        return self.by_service.get(STEPS[function].depends_on or DEFAULT, self.by_service[DEFAULT])


def native_requirements() -> dict[str, str]:
    """The lines of requirements/native.txt, by the bare name of the package."""
    lines = (ROOT / "requirements" / "native.txt").read_text().splitlines()
    requirements = [line.split(" #")[0].strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return {bare_name(requirement): requirement for requirement in requirements}


def bare_name(requirement: str) -> str:
    return re.split(r"[\s\[=<>~!;]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def build(name: str, architecture: str, plan: Plan) -> Path:
    """Build a layer's zip, with its packages under `python/`. An unchanged layer is taken from the cache."""
    pinned = native_requirements()
    requirements = [pinned[bare_name(requirement)] for requirement in plan.requirements[name]]
    constraints = ROOT / "constraints.txt"
    # All constraints are part of the cache key, so a layer may be rebuilt when a pin changes that it does not use.
    recipe = "\n".join([architecture, PYTHON, *GLIBCS, *sorted(requirements), constraints.read_text()])
    archive = CACHE / f"{name}-{architecture}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.zip"
    if not archive.exists():
        with tempfile.TemporaryDirectory(prefix="fairway-layer-") as scratch:
            install(requirements, architecture, Path(scratch))
            archives.pack(Path(scratch), archive, "python/", excluded=is_never_imported)
    return archive


def install(requirements: Sequence[str], architecture: str, into: Path) -> None:
    """Install wheels for Lambda's platform, regardless of this machine's."""
    platforms = [f"--platform={glibc}_{PROCESSORS[architecture]}" for glibc in GLIBCS]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}", *platforms),
            *("--constraint", str(ROOT / "constraints.txt"), "--target", str(into), *requirements),
        ],
        check=True,
    )
    shutil.rmtree(into / "bin", ignore_errors=True)


def is_never_imported(name: str) -> bool:
    """Whether a file is never imported: tests, headers, type stubs, static libraries."""
    parts = name.split("/")
    return "tests" in parts[1:-1] or "include" in parts[1:-1] or name.endswith((".pyi", ".h", ".c", ".pxd", ".a"))
