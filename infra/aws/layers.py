"""Lambda layers of native wheels, made by pip alone for either processor, from `layers.toml`."""

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
# The processor as Lambda names it, and as wheels do. Lambda's Amazon Linux 2023 has glibc 2.34.
PROCESSORS = {"x86_64": "x86_64", "arm64": "aarch64"}
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
        given = tomllib.loads(Path(__file__).with_name("layers.toml").read_text())
        return cls(
            {name: tuple(one["requirements"]) for name, one in given["layers"].items()},
            {service: tuple(layers) for service, layers in given["steps"].items()},
            given["left_out"],
        )

    def layers_of(self, function: str) -> tuple[str, ...]:
        """The layers that a function uses; a function that runs no step uses none."""
        if function not in STEPS:
            return ()
        return self.by_service.get(STEPS[function].depends_on or DEFAULT, self.by_service[DEFAULT])


def native_requirements() -> dict[str, str]:
    """Each native requirement by its name, as pip takes it."""
    lines = (ROOT / "requirements-native.txt").read_text().splitlines()
    wanted = [line.split(" #")[0].strip() for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return {bare_name(one): one for one in wanted}


def bare_name(requirement: str) -> str:
    return re.split(r"[\s\[=<>~!;]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def build(name: str, architecture: str, plan: Plan) -> Path:
    """The layer's zip, `python/` inside; kept by what goes into it, so that it is made once."""
    pinned = native_requirements()
    wanted = [pinned[bare_name(one)] for one in plan.requirements[name]]
    constraints = ROOT / "constraints.txt"
    # Only the pins that matter to it would do; the whole file errs to the side of making it anew.
    recipe = "\n".join([architecture, PYTHON, *GLIBCS, *sorted(wanted), constraints.read_text()])
    archive = CACHE / f"{name}-{architecture}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.zip"
    if not archive.exists():
        with tempfile.TemporaryDirectory(prefix="fairway-layer-") as scratch:
            install(wanted, architecture, Path(scratch))
            archives.pack(Path(scratch), archive, "python/", left_out=is_dead_weight)
    return archive


def install(requirements: Sequence[str], architecture: str, into: Path) -> None:
    """Install wheels for Lambda, whatever the machine this runs on."""
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


def is_dead_weight(name: str) -> bool:
    """What no import needs: tests, headers, programs' launchers."""
    parts = name.split("/")
    return "tests" in parts[1:-1] or "include" in parts[1:-1] or name.endswith((".pyi", ".h", ".c", ".pxd", ".a"))
