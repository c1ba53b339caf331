"""Which paid reader and which extractor the settings choose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from layers import bootstrap
from layers.adapters.aws.textract_reader import TextractReader
from layers.adapters.extraction.model_extractor import ModelExtractor
from layers.adapters.extraction.rules_extractor import RulesExtractor
from layers.domain.file import Reach

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
LOCAL_STORE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
STANDIN = {"AWS_ENDPOINT_URL_TEXTRACT": "http://127.0.0.1:2"}


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment without any of these settings, which tests fill."""
    for name in [
        *KEYS,
        *LOCAL_STORE,
        *STANDIN,
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "FAIRWAY_TEXTRACT",
        "FAIRWAY_EXTRACTION",
    ]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    bootstrap.forget()
    yield monkeypatch
    bootstrap.forget()


@pytest.mark.parametrize(
    ("environment", "is_used", "reads_objects"),
    [
        (KEYS, True, True),
        ({}, False, True),
        (KEYS | {"FAIRWAY_TEXTRACT": "off"}, False, True),
        (KEYS | LOCAL_STORE, False, False),
        (KEYS | LOCAL_STORE | {"FAIRWAY_TEXTRACT": "on"}, True, False),
        (KEYS | LOCAL_STORE | STANDIN, True, True),
    ],
)
def test_textract_is_used_where_credentials_and_endpoint_are_amazons(
    environ: pytest.MonkeyPatch, environment: dict[str, str], is_used: bool, reads_objects: bool
) -> None:
    for name, value in environment.items():
        environ.setenv(name, value)
    assert isinstance(bootstrap.paid_reader(), TextractReader) is is_used
    assert bootstrap.reach() == Reach(None, 1, reads_objects)


def test_the_endpoint_of_the_object_store_is_not_used_for_textract(environ: pytest.MonkeyPatch) -> None:
    for name, value in (KEYS | LOCAL_STORE).items():
        environ.setenv(name, value)
    client = bootstrap.paid_client("textract", None, 1)
    assert client.meta.endpoint_url == "https://textract.us-east-1.amazonaws.com"
    assert client.meta.config.retries == {"total_max_attempts": 1, "mode": "legacy"}


@pytest.mark.parametrize(
    ("environment", "kind", "window_bytes"),
    [
        ({}, RulesExtractor, None),
        ({"FAIRWAY_EXTRACTION": "openai", "FAIRWAY_EXTRACTION_URL": "http://127.0.0.1:3",
          "FAIRWAY_EXTRACTION_MODEL": "m", "FAIRWAY_EXTRACTION_WINDOW_BYTES": "9000"}, ModelExtractor, 9000),
        ({"FAIRWAY_EXTRACTION": "bedrock", "FAIRWAY_EXTRACTION_MODEL": "m"}, ModelExtractor, 32_000),
    ],
)  # fmt: skip
def test_settings_choose_the_extractor_and_its_window(
    environ: pytest.MonkeyPatch, environment: dict[str, str], kind: type, window_bytes: int | None
) -> None:
    for name, value in environment.items():
        environ.setenv(name, value)
    assert isinstance(bootstrap.extractor(), kind)
    assert bootstrap.reach().window_bytes == window_bytes
