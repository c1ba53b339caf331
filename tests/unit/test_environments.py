"""Each process of the embedded start gets only the secrets that it needs."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from infra.local import api_and_workers
from infra.local.home import Home, Secrets
from infra.local.installation import Installation
from infra.local.process import Process

PORTS = {"postgres": 1, "valkey": 2, "store": 3, "store_public": 4, "api": 5, "preview": 6}
GIVEN = {
    "FAIRWAY_OWNER_DATABASE_URL": "postgresql://owner:owner-password@nowhere",
    "FAIRWAY_ADMIN_KEY": "admin-key",
    "FAIRWAY_DATABASE_URL": "postgresql://fairway_worker:given-password@nowhere",
    "FAIRWAY_KEY_PEPPER": "given-pepper",
}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    home = Home(tmp_path / "home")
    home.open_lock()
    return Installation(home, home.secrets(), PORTS)


@pytest.fixture
def programs(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(api_and_workers, "installed", lambda configured: Path("/usr/lib/libreoffice/program"))
    return api_and_workers.own_programs(installation, "run")


def held(process: Process, secrets: Secrets) -> set[str]:
    """The names of the secrets that are in a process's environment."""
    text = "\n".join(process.env.values())
    return {field.name for field in fields(secrets) if getattr(secrets, field.name) in text}


def test_the_api_does_not_hold_the_database_roles_of_workers_and_owner(
    installation: Installation, programs: list[Process]
) -> None:
    api = next(process for process in programs if process.name == "api")
    assert "api_role_password" in held(api, installation.secrets) and "key_pepper" in held(api, installation.secrets)
    assert not held(api, installation.secrets) & {"worker_role_password", "database_password"}


def test_workers_hold_neither_the_pepper_of_keys_nor_the_database_roles_of_api_and_owner(
    installation: Installation, programs: list[Process]
) -> None:
    workers = [process for process in programs if process.name.startswith("worker")]
    assert workers
    for worker in workers:
        secrets = held(worker, installation.secrets)
        assert "worker_role_password" in secrets
        assert not secrets & {"key_pepper", "api_role_password", "database_password", "api_key"}


def test_secrets_of_the_surrounding_environment_are_not_passed_on(programs: list[Process]) -> None:
    for process in programs:
        assert not set(GIVEN.values()) & set(process.env.values())


def test_the_preview_service_holds_no_secret(installation: Installation, programs: list[Process]) -> None:
    (preview,) = [process for process in programs if process.name == "preview"]
    assert not held(preview, installation.secrets)
    assert not set(GIVEN) & set(preview.env)
    workers = [process for process in programs if process.name.startswith("worker")]
    assert {worker.env["FAIRWAY_PREVIEW_URL"] for worker in workers} == {installation.url("preview")}


@pytest.mark.parametrize(
    ("environment", "is_installed", "serves"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"FAIRWAY_LIBREOFFICE": "off"}, True, False),
        ({"FAIRWAY_PREVIEW_URL": "http://elsewhere"}, True, False),
    ],
)
def test_a_preview_service_is_started_where_libreoffice_is_and_no_other_is_set(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_installed: bool, serves: bool
) -> None:
    monkeypatch.setattr(api_and_workers, "installed", lambda configured: Path("/") if is_installed else None)
    assert api_and_workers.serves_previews(environment) is serves
