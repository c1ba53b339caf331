"""What can be set, and what stands where nothing is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from functions.pipelines import STEPS
from layers.settings import Settings, reserved_concurrency

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / ".chalice" / "config.json"


def test_nothing_set_gives_the_defaults() -> None:
    given = Settings.from_environment({})
    assert (given.port, given.bucket, given.aws_endpoint_url, given.ocr_languages) == (8000, "fairway", None, "eng")


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("FAIRWAY_PORT", "0", "port", 0),
        ("FAIRWAY_QUARANTINE_AT", "3", "quarantine_at", 3),
        ("FAIRWAY_MAX_FILE_BYTES", "1000", "max_file_bytes", 1000),
        ("FAIRWAY_TEXTRACT_CALLS_PER_S", "2.5", "textract_calls_per_s", 2.5),
        ("FAIRWAY_DATABASE_URL", "postgresql://x/y", "database_url", "postgresql://x/y"),
        ("FAIRWAY_WORKER", "worker-3", "worker_name", "worker-3"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "aws_endpoint_url", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_TEXTRACT", "http://127.0.0.1:2", "textract_endpoint_url", "http://127.0.0.1:2"),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:3", "bedrock_endpoint_url", "http://127.0.0.1:3"),
        ("FAIRWAY_EXTRACTION_OPTIONS", '{"top_p": 1}', "model_options", {"top_p": 1}),
        ("AWS_DEFAULT_REGION", "eu-central-1", "region", "eu-central-1"),
    ],
)
def test_a_variable_sets_its_own_field(name: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.from_environment({name: text}), field) == value


def test_no_two_processes_share_a_name_unless_they_are_told_to() -> None:
    own = Settings.from_environment({}).worker_name
    program = "from layers.settings import Settings; print(Settings.from_environment({}).worker_name)"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert own and other.strip() and own != other.strip()


@pytest.mark.parametrize(
    ("name", "text"),
    [("FAIRWAY_PORT", "eighty"), ("FAIRWAY_TEXTRACT_CALLS_PER_S", "many"), ("FAIRWAY_TEXTRACT_CALLS_PER_S", "-1")],
)
def test_a_number_that_is_none_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.from_environment({name: text})


def test_on_lambda_any_function_may_spend_what_services_bear() -> None:
    at_home = {"FAIRWAY_WORKERS": "2", "FAIRWAY_STAGE": "dev"}
    assert Settings.from_environment(at_home).processes == 2
    on_lambda = at_home | {"AWS_LAMBDA_FUNCTION_NAME": "fairway-dev-ocr"}
    assert Settings.from_environment(on_lambda).processes == sum(reserved_concurrency("dev").values())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"FAIRWAY_EXTRACTION": "magic"}, "FAIRWAY_EXTRACTION must be one of rules, openai, bedrock"),
        ({"FAIRWAY_QUARANTINE_AT": "0"}, "FAIRWAY_QUARANTINE_AT must be at least 1"),
        ({"FAIRWAY_TEXTRACT": "yes"}, "FAIRWAY_TEXTRACT"),
        ({"FAIRWAY_EXTRACTION": "openai", "FAIRWAY_EXTRACTION_MODEL": "m"}, "needs FAIRWAY_EXTRACTION_URL"),
        ({"FAIRWAY_EXTRACTION": "bedrock"}, "needs FAIRWAY_EXTRACTION_MODEL"),
        ({"FAIRWAY_EXTRACTION_WINDOW_BYTES": "10"}, "FAIRWAY_EXTRACTION_WINDOW_BYTES"),
        ({"FAIRWAY_EXTRACTION_TIMEOUT_S": "51"}, "FAIRWAY_EXTRACTION_TIMEOUT_S"),
        ({"FAIRWAY_EXTRACTION_OPTIONS": "top_p=1"}, "FAIRWAY_EXTRACTION_OPTIONS must be a JSON object"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Settings.from_environment(given)


@pytest.mark.parametrize("stage", json.loads(CONFIG.read_text())["stages"])
def test_every_step_has_its_reserved_concurrency_in_every_stage(stage: str) -> None:
    reserved = reserved_concurrency(stage)
    assert {*STEPS, "arrivals", "dispatch", "upkeep"} <= set(reserved)
    assert all(count >= 1 for count in reserved.values())
