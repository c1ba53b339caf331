"""On Lambda, OCR runs with the packages of its layers only, and these fit into what Lambda allows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from PIL import Image, ImageDraw

from infra.aws import package
from infra.aws.layers import ROOT, Plan, bare_name
from tests.sbom import needed, normalised

PLAN = Plan.read()
OCR_LAYERS = PLAN.by_service["ocr"]
READ = """
import json, sys
blocked = set(json.loads(sys.argv[1]))
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is in no layer of the function", name=name)
sys.meta_path.insert(0, Blocker())
from layers.decoders import ocr
print(ocr.read_pages(sys.argv[2], "image/png", [1], ["eng"], "balanced", {})[0]["text"])
from layers.decoders.nets import models
assert models.can_run()
"""


def requirements_of(layers: Iterable[str]) -> set[str]:
    return {normalised(bare_name(name)) for layer in layers for name in PLAN.layers[layer].requirements}


def test_ocr_reads_a_page_with_the_packages_of_its_layers_only(tmp_path: Path) -> None:
    left_out = requirements_of(set(PLAN.layers) - set(OCR_LAYERS)) - requirements_of(OCR_LAYERS)
    assert "office-oxide" in left_out
    modules = [
        module
        for module, packages in packages_distributions().items()
        if {normalised(name) for name in packages} <= left_out
    ]
    image = Image.new("L", (600, 200), 255)
    ImageDraw.Draw(image).text((40, 60), "Total 42.50", fill=0, font_size=40)
    image.save(tmp_path / "page.png")
    blocked = "[" + ",".join(f'"{module}"' for module in modules) + "]"
    done = subprocess.run(
        [sys.executable, "-c", READ, blocked, str(tmp_path / "page.png")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "42.50" in done.stdout


def test_the_function_for_ocr_and_its_layers_fit_lambda(tmp_path: Path) -> None:
    # As installed here, which is near to what `make package` measures and limits.
    function = sum(_sizes(needed([ROOT / "requirements.txt"]), package.is_not_needed, compiled=True))
    function += 2 * sum(path.stat().st_size for name in ("functions", "layers") for path in (ROOT / name).rglob("*.py"))
    layers = sum(sum(_sizes(_packages(name, tmp_path), PLAN.layers[name].leaves_out)) for name in OCR_LAYERS)
    assert function + layers < package.MAX_UNZIPPED_BYTES


def _packages(name: str, folder: Path) -> Iterable[str]:
    """The packages of a layer, with their dependencies if it has them."""
    layer = PLAN.layers[name]
    if not layer.with_dependencies:
        return layer.requirements
    listed = folder / f"{name}.txt"
    listed.write_text("\n".join(layer.requirements))
    return needed([listed])


def _sizes(packages: Iterable[str], is_left_out: Callable[[str], bool], compiled: bool = False) -> Iterator[int]:
    """The sizes of the packages' files in bytes; with `compiled`, modules count twice."""
    for name in packages:
        for file in distribution(name).files or ():
            path = Path(str(file.locate()))
            is_packed = file.suffix != ".pyc" and ".." not in file.parts and not is_left_out(str(file))
            if is_packed and path.is_file():
                yield path.stat().st_size * (2 if compiled and file.suffix == ".py" else 1)
