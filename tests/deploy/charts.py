"""The chart, rendered with several values, passes helm's linter and the schemas of Kubernetes and of the CRDs.

`pytest tests/deploy/charts.py`, by `make lint-deploy`, which installs the tools into DEPLOY_TOOLS.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.pipelines import STEPS
from functions.schedules import ALWAYS, SCHEDULES
from tests.deploy.files import CHART

TOOLS = Path(os.environ.get("DEPLOY_TOOLS", "build/deploy-tools"))
VARIANTS = {
    "default": [],
    "all off": [
        *("keda.enabled=false", "preview.enabled=false", "setup.enabled=false", "networkPolicy.enabled=false"),
        *("monitoring.serviceMonitor=false", "monitoring.rules=false", "monitoring.dashboard=false"),
    ],
    "CronJobs": ["schedules.enabled=true"],
    "a node pool": ["workers.ocr.nodeSelector.pool=cpu", "workers.ocr.tolerations[0].key=only-ocr"],
}


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rendered(variant: str) -> str:
    chosen = [part for value in VARIANTS[variant] for part in ("--set", value)]
    return run(str(TOOLS / "helm"), "template", "shop", str(CHART), "--kube-version", "1.37.0", *chosen)


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def test_helm_lints_the_chart() -> None:
    assert "0 chart(s) failed" in run(str(TOOLS / "helm"), "lint", "--strict", str(CHART))


def conforms(manifests: str) -> subprocess.CompletedProcess[str]:
    place = f"{TOOLS / 'schemas'}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [str(TOOLS / "kubeconform"), "-strict", "-summary", "-schema-location", place]
    return subprocess.run(command, capture_output=True, text=True, check=False, input=manifests)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_manifest_follows_its_schema(variant: str) -> None:
    output = conforms(rendered(variant)).stdout
    assert "Invalid: 0, Errors: 0, Skipped: 0" in output, output


@pytest.mark.parametrize("field", ["maxUnavailable", "triggers", "livenessProbe", "authorization", "egress"])
def test_the_schemas_find_a_misspelt_field(field: str) -> None:
    manifests = rendered("default")
    assert f"{field}:" in manifests
    assert conforms(manifests.replace(f"{field}:", f"{field}x:")).returncode != 0


def test_every_class_of_workers_has_its_deployment_budget_and_scaler() -> None:
    made = documents(rendered("default"))
    names = {(resource["kind"], resource["metadata"]["name"]) for resource in made}
    for kind in ("Deployment", "PodDisruptionBudget", "ScaledObject"):
        assert {(kind, "shop-worker-general"), (kind, "shop-worker-ocr")} <= names
    served: set[str] = set()
    for resource in made:
        if resource["kind"] == "Deployment" and "worker" in resource["metadata"]["name"]:
            environment = {
                each["name"]: each.get("value") for each in resource["spec"]["template"]["spec"]["containers"][0]["env"]
            }
            served |= {step.partition("=")[0] for step in environment["FAIRWAY_STEPS"].split(",")}
    assert served == set(STEPS)


def test_a_cron_job_runs_each_schedule_and_workers_start_none() -> None:
    made = documents(rendered("CronJobs"))
    jobs = {each["metadata"]["name"]: each["spec"]["schedule"] for each in made if each["kind"] == "CronJob"}
    assert jobs == {f"shop-{each.name}": each.when.as_cron for each in SCHEDULES if each.name not in ALWAYS}
    workers = [each for each in made if each["kind"] == "Deployment" and "worker" in each["metadata"]["name"]]
    for worker in workers:
        environment = worker["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {"name": "FAIRWAY_SCHEDULES", "value": "off"} in environment


def test_every_container_is_confined() -> None:
    for document in documents(rendered("CronJobs")):
        if document["kind"] in ("Deployment", "Job", "CronJob"):
            spec = document["spec"].get("jobTemplate", document)["spec"]
            pod = spec["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
            for container in pod["containers"]:
                security = container["securityContext"]
                assert security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}
                assert security["allowPrivilegeEscalation"] is False
                assert container["resources"]["limits"]["memory"]


def test_the_preview_service_may_connect_to_nothing_and_has_no_secret() -> None:
    made = documents(rendered("default"))
    (policy,) = [
        resource
        for resource in made
        if resource["kind"] == "NetworkPolicy" and resource["metadata"]["name"] == "shop-preview"
    ]
    assert "Egress" in policy["spec"]["policyTypes"] and "egress" not in policy["spec"]
    (deployment,) = [
        resource
        for resource in made
        if resource["kind"] == "Deployment" and resource["metadata"]["name"] == "shop-preview"
    ]
    environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert all("valueFrom" not in variable for variable in environment)


def test_the_alerts_and_the_dashboard_arrive_unchanged() -> None:
    made = documents(rendered("default"))
    (rule,) = [resource for resource in made if resource["kind"] == "PrometheusRule"]
    assert rule["spec"] == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    (board,) = [resource for resource in made if resource["kind"] == "ConfigMap"]
    assert board["data"]["fairway.json"].strip() == (CHART / "files" / "dashboard.json").read_text().strip()
