"""All settings, modules, metrics, labels, states and steps in deploy/ exist, and no process gets more than it needs."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec

import pytest

from functions.api.overview import STATES
from functions.pipelines import STEPS
from infra.preview_service.service import samples
from infra.schedules.__main__ import KEY, kubernetes
from layers.configuration_page import page
from layers.settings import Settings
from layers.telemetry import prometheus
from layers.version import VERSION
from tests.deploy.files import CHART, DEPLOY, ROOT, UNITS, compose, named_settings, queries, texts, values

KNOWN = set(re.findall(r"^\| `(\w+)`", page(), re.M)) | {"FAIRWAY_WORKER", KEY}
METRIC = re.compile(r"\bfairway_\w+")
SELECTOR = re.compile(r"(fairway_\w+)\{([^}]*)\}")
LABELS = {
    "fairway_parts": {"step", "state"},
    "fairway_needed_workers": {"step"},
    "fairway_attempts_total": {"step", "outcome"},
    "fairway_attempt_duration_seconds": {"step", "quantile"},
    "fairway_preview_conversions_total": {"outcome"},
}
SECRETS_OF_API = {"FAIRWAY_API_DATABASE_URL", "FAIRWAY_KEY_PEPPER"}
SECRETS_OF_SETUP = {"FAIRWAY_OWNER_DATABASE_URL", "FAIRWAY_ADMIN_KEY"}
MODULE = re.compile(r"(?:-m[\", ]+)(infra\.\w+)")


def metrics() -> set[str]:
    """The names of all metrics, as the client library writes them."""
    return {prometheus.PREFIX + name for name in prometheus.GAUGES} | {
        f"{prometheus.PREFIX}{name}_total" for name in prometheus.COUNTERS
    }


@pytest.mark.parametrize("name", sorted(texts()))
def test_every_setting_exists(name: str) -> None:
    assert named_settings()[name] - KNOWN == set()


@pytest.mark.parametrize("name", sorted(texts()))
def test_every_module_that_is_run_exists(name: str) -> None:
    for module in MODULE.findall(texts()[name]):
        assert find_spec(module), module


@pytest.mark.parametrize("name", sorted(queries()))
def test_every_metric_of_a_query_exists(name: str) -> None:
    assert set(METRIC.findall(queries()[name])) - metrics() == set()


@pytest.mark.parametrize("name", sorted(queries()))
def test_every_label_of_a_query_exists(name: str) -> None:
    for metric, labels in SELECTOR.findall(queries()[name]):
        assert set(re.findall(r"(\w+)=", labels)) <= LABELS[metric], metric
    for state in "|".join(re.findall(r'state=~?"([\w|]+)"', queries()[name])).split("|"):
        assert not state or state in STATES


def test_the_labels_are_those_that_the_metrics_have() -> None:
    class Converter:
        waiting, processes, spent_s, outcomes = 0, 0, 0.0, {"printed": 1}

    shown = {sample.name: set(sample.labels) for sample in samples(Converter())}  # type: ignore[arg-type]
    assert shown["preview_conversions"] == LABELS["fairway_preview_conversions_total"]
    assert {f"fairway_{name}" for name in shown} <= {name.removesuffix("_total") for name in metrics()}


def test_each_replica_of_the_api_shows_the_same_parts_so_no_query_sums_over_replicas() -> None:
    for name, query in queries().items():
        for inner in re.findall(r"sum(?: by \([\w, ]+\))? ?\((fairway_(?!preview)\w+)", query):
            raise AssertionError(f"{name} sums {inner} over the replicas")


def test_each_step_is_run_and_counted_by_one_class_of_workers() -> None:
    classes = values()["workers"].values()
    counted = [step for worker in classes for step in worker["countedSteps"]]
    assert sorted(counted) == sorted(STEPS)
    for worker in classes:
        assert [entry.partition("=")[0] for entry in worker["steps"].split(",")] == worker["countedSteps"]


def test_no_process_gets_a_secret_that_it_does_not_need() -> None:
    services = compose()["services"]
    held = {
        name: {secret for secret in service.get("secrets", []) if secret.isupper()}
        for name, service in services.items()
    }
    keys = values()["secretKeys"]
    held |= {f"chart's {name}": set(keys[name]) for name in ("api", "worker")}
    held |= {unit.name: set(re.findall(r"LoadCredential=(\w+)", unit.read_text())) for unit in UNITS}
    for name, secrets in held.items():
        if "setup" in name:
            continue
        assert not secrets & SECRETS_OF_SETUP, name
        if "api" not in name:
            assert not secrets & SECRETS_OF_API, name
        if "worker" not in name:
            assert "FAIRWAY_DATABASE_URL" not in secrets, name
        if "preview" in name:
            assert not secrets, name


def test_every_container_of_ours_is_read_only_and_without_privileges() -> None:
    built = {name: service for name, service in compose()["services"].items() if "build" in service}
    assert {"topics", "setup", "api", "worker", "preview"} == set(built)
    for service in built.values():
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_every_secret_of_the_compose_file_is_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("deploy")
    script = folder / "secrets.sh"
    script.write_text((DEPLOY / "secrets.sh").read_text())
    subprocess.run(["sh", str(script)], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (folder / "secrets").iterdir()}
    named = {secret["file"].removeprefix("secrets/") for secret in compose()["secrets"].values()}
    assert named <= set(made) and all(made.values())
    assert (folder / "secrets").stat().st_mode & 0o077 == 0
    subprocess.run(["sh", str(script)], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (folder / "secrets").iterdir()} == made
    values = {name: value for name, value in made.items() if name.startswith("FAIRWAY_")}
    settings = Settings.from_environment({**values, "FAIRWAY_STAGE": "local"})
    assert settings.database_url.startswith("postgresql://fairway_worker:")
    assert made["worker_password"] in settings.database_url


def test_the_chart_has_the_declared_schedules() -> None:
    stored = (CHART / "files" / "schedules.yaml").read_text()
    assert stored == kubernetes(), (
        "renew it: python -m infra.schedules kubernetes > deploy/helm/fairway/files/schedules.yaml"
    )


def test_the_chart_has_the_version_of_fairway() -> None:
    chart = (CHART / "Chart.yaml").read_text()
    assert f"appVersion: {VERSION}\n" in chart and f"version: {VERSION}\n" in chart


def test_the_image_copies_everything_that_the_processes_import() -> None:
    copied = re.findall(r"^COPY (?!--from)(?:\S+ )*?(\S+) \./", (DEPLOY / "Dockerfile").read_text(), re.M)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for name in ("app.py", "functions", "layers", "infra", "schema", ".chalice"):
        assert name in copied
        assert any(line.startswith(f"!{name}") for line in ignored)
    assert (ROOT / "requirements" / "server.txt").exists()
