"""The rehearsal on a running emulator: its endpoint, and how its functions reach this machine."""

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
def test_the_environment_names_a_running_emulator(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint_url: str | None
) -> None:
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert elsewhere.endpoint_url() == endpoint_url


def test_functions_reach_services_at_another_address_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_REHEARSAL_ADDRESS", "127.0.0.2")
    with Served(Model()) as url, elsewhere.Reach.from_environment() as reach:
        reached = reach.url(url)
        assert "127.0.0.2" in reached and reached == reach.url(url)
        with urllib.request.urlopen(reached + CONTROL, timeout=5) as answer:
            assert answer.status == 200


def test_the_url_for_functions_keeps_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/db"
    with elsewhere.Reach.from_environment() as reach:
        assert reach.url(url) == url
    monkeypatch.setenv("FAIRWAY_REHEARSAL_ADDRESS", "127.0.0.2")
    with elsewhere.Reach.from_environment() as reach:
        assert reach.url(url).startswith("postgresql://me:secret@127.0.0.2:")
