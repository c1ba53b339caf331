"""Settings: variables, defaults, invalid values, and the page that lists them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from functions.pipelines import STEPS
from infra.local import __main__ as local_start
from infra.local.api_and_workers import DEFAULT_WORKERS
from layers import bootstrap
from layers.configuration_page import OTHER_VARIABLES, page
from layers.settings import Settings
from layers.stages import reserved_concurrency

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / ".chalice" / "config.json"


def test_nothing_set_gives_the_defaults() -> None:
    settings = Settings.from_environment({})
    defaults = (settings.port, settings.bucket, settings.aws_endpoint_url, settings.ocr_languages)
    assert defaults == (8000, "fairway", None, "eng")


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


def test_each_process_has_a_worker_name_of_its_own() -> None:
    own = Settings.from_environment({}).worker_name
    program = "from layers.settings import Settings; print(Settings.from_environment({}).worker_name)"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert own and other.strip() and own != other.strip()


@pytest.mark.parametrize(
    ("name", "text"),
    [("FAIRWAY_PORT", "eighty"), ("FAIRWAY_TEXTRACT_CALLS_PER_S", "many"), ("FAIRWAY_TEXTRACT_CALLS_PER_S", "-1")],
)
def test_an_invalid_number_is_refused_with_its_variable(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.from_environment({name: text})


@pytest.mark.parametrize(
    ("named", "slots"),
    [("", {}), ("ocr,thumbnail", {"ocr": None, "thumbnail": None}), (" ocr = 4 , text", {"ocr": 4, "text": None})],
)
def test_a_worker_names_its_steps_and_how_many_parts_of_each_it_runs(named: str, slots: dict[str, int | None]) -> None:
    assert Settings.from_environment({"FAIRWAY_STEPS": named}).step_slots == slots


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"FAIRWAY_EXTRACTION": "magic"}, "FAIRWAY_EXTRACTION must be one of rules, openai, bedrock"),
        ({"FAIRWAY_QUARANTINE_AT": "0"}, "FAIRWAY_QUARANTINE_AT must be at least 1"),
        ({"FAIRWAY_STEPS": "ocr=many"}, "the number of `ocr` must be a whole number"),
        ({"FAIRWAY_STEPS": "ocr=0"}, "FAIRWAY_STEPS: leave `ocr` out"),
        ({"FAIRWAY_TEXTRACT": "yes"}, "FAIRWAY_TEXTRACT"),
        ({"FAIRWAY_EXTRACTION": "openai", "FAIRWAY_EXTRACTION_MODEL": "m"}, "needs FAIRWAY_EXTRACTION_URL"),
        ({"FAIRWAY_EXTRACTION": "bedrock"}, "needs FAIRWAY_EXTRACTION_MODEL"),
        ({"FAIRWAY_EXTRACTION_WINDOW_BYTES": "10"}, "FAIRWAY_EXTRACTION_WINDOW_BYTES"),
        ({"FAIRWAY_EXTRACTION_TIMEOUT_S": "51"}, "FAIRWAY_EXTRACTION_TIMEOUT_S"),
        ({"FAIRWAY_EXTRACTION_OPTIONS": "top_p=1"}, "FAIRWAY_EXTRACTION_OPTIONS must be a JSON object"),
    ],
)
def test_invalid_settings_are_refused_with_their_variable(variables: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings.from_environment(variables)


@pytest.mark.parametrize("stage", json.loads(CONFIG.read_text())["stages"])
def test_every_step_has_its_reserved_concurrency_in_every_stage(stage: str) -> None:
    reserved = reserved_concurrency(stage)
    assert {*STEPS, "arrivals", "dispatch", "upkeep"} <= set(reserved)
    assert all(count >= 1 for count in reserved.values())


def test_a_step_without_a_line_in_the_config_has_the_concurrency_that_it_declares() -> None:
    reserved = reserved_concurrency("local")
    settings = Settings.from_environment({"FAIRWAY_STAGE": "local"}, {"virus_report": 7, "ocr": 1_000})
    assert settings.concurrency == {"virus_report": 7, **reserved}
    assert settings.ceilings == reserved


def test_the_configuration_page_is_up_to_date() -> None:
    kept = (ROOT / "docs" / "configuration.md").read_text()
    assert kept == page(), "run `python -m layers.configuration_page > docs/configuration.md`"


def test_the_page_shows_the_defaults_of_the_embedded_start() -> None:
    shown = {variable.name: variable.default.strip("`") for variable in OTHER_VARIABLES}
    assert shown["FAIRWAY_HOME"] == local_start.DEFAULT_HOME
    assert shown["FAIRWAY_PORT"] == str(local_start.DEFAULT_PORT)
    assert shown["FAIRWAY_WORKERS"] == str(DEFAULT_WORKERS)


def test_the_page_lists_every_variable_that_the_code_reads() -> None:
    read = re.compile(r"""(?:environ(?:ment)?(?:\.get\(|\[)|whole_number\()["'](FAIRWAY_\w+)""")
    sources = [path for folder in ("layers", "functions", "infra") for path in (ROOT / folder).rglob("*.py")]
    # The embedded start runs the object store as a separate program, and sets its variables.
    sources.remove(ROOT / "infra" / "local" / "object_store.py")
    names = {name for path in sources for name in read.findall(path.read_text())}
    assert "FAIRWAY_HOME" in names
    assert names <= set(re.findall(r"`(FAIRWAY_\w+)`", page()))


def test_kafka_without_its_packages_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None)
    monkeypatch.setitem(bootstrap._BUILT, bootstrap.settings, Settings.from_environment({}))
    with pytest.raises(ValueError, match=r"requirements/kafka\.txt"):
        bootstrap.kafka_access()
