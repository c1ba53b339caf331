"""Settings from AWS Secrets Manager, on moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from layers import bootstrap


@pytest.fixture(autouse=True)
def fresh(client: Callable[[str], Any]) -> Iterator[None]:
    """Two secrets, and a bootstrap that has built nothing yet."""
    manager = client("secretsmanager")
    for name, variables in {
        "workers": {"FAIRWAY_REDIS_PASSWORD": "of workers", "FAIRWAY_BUCKET": "one"},
        "api": {"FAIRWAY_KEY_PEPPER": "pepper", "FAIRWAY_BUCKET": "other"},
    }.items():
        manager.create_secret(Name=name, SecretString=json.dumps(variables))
    bootstrap.forget()
    yield
    bootstrap.forget()


def test_no_names_ask_for_no_secrets() -> None:
    assert bootstrap.secrets({}) == {}
    assert bootstrap.secrets({"FAIRWAY_SECRETS": ","}) == {}


def test_variables_of_all_named_secrets_are_joined() -> None:
    assert bootstrap.secrets({"FAIRWAY_SECRETS": "workers,api,"}) == {
        "FAIRWAY_REDIS_PASSWORD": "of workers",
        "FAIRWAY_KEY_PEPPER": "pepper",
        "FAIRWAY_BUCKET": "other",
    }


def test_the_environment_goes_before_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_SECRETS", "workers,api")
    monkeypatch.setenv("FAIRWAY_BUCKET", "mine")
    settings = bootstrap.settings()
    assert (settings.bucket, settings.key_pepper) == ("mine", "pepper")


def test_a_missing_secret_stops_the_process_at_its_start() -> None:
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        bootstrap.secrets({"FAIRWAY_SECRETS": "missing"})
