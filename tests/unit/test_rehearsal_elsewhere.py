"""Where the rehearsal is played: an emulator that stands already, and how its functions reach this machine."""

from __future__ import annotations

import urllib.request

import pytest

from tests.rehearsal import elsewhere
from tests.standins.model import Model
from tests.standins.server import CONTROL, Served


@pytest.mark.parametrize(
    ("variables", "endpoint_url"),
    [
        ({}, None),
        ({"LOCALSTACK_HOST": "localhost:4566"}, "http://localhost:4566"),
        ({"LOCALSTACK_HOST": "10.0.0.5"}, "http://10.0.0.5:4566"),
        ({"LOCALSTACK_HOST": "localhost:4510", "USE_SSL": "1"}, "https://localhost:4510"),
        ({"AWS_ENDPOINT_URL": "https://emulator.example:8443"}, "https://emulator.example:8443"),
    ],
)
def test_the_environment_names_an_emulator_that_stands_already(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint_url: str | None
) -> None:
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert elsewhere.endpoint_url() == endpoint_url


def test_functions_reach_this_machines_services_at_another_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_REHEARSAL_ADDRESS", "127.0.0.2")
    with Served(Model()) as url, elsewhere.Reach.given() as reach:
        reached = reach.url(url)
        assert "127.0.0.2" in reached and reached == reach.url(url)
        with urllib.request.urlopen(reached + CONTROL, timeout=5) as answer:
            assert answer.status == 200


def test_a_name_and_a_password_stay_in_an_address_that_functions_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/db"
    with elsewhere.Reach.given() as reach:
        assert reach.url(url) == url
    monkeypatch.setenv("FAIRWAY_REHEARSAL_ADDRESS", "127.0.0.2")
    with elsewhere.Reach.given() as reach:
        assert reach.url(url).startswith("postgresql://me:secret@127.0.0.2:")
