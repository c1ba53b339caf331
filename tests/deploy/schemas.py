"""Writes JSON schemas for kubeconform: of Kubernetes' own kinds, and of KEDA's from its CRDs.

`python -m tests.deploy.schemas FOLDER CRD.yaml...`. Those of Kubernetes are from the package kubernetes-validate. All of
them refuse unknown properties.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = "v1.37.0-local-strict"
KINDS = (
    "configmap-v1", "service-v1", "serviceaccount-v1", "deployment-apps-v1", "job-batch-v1",
    "horizontalpodautoscaler-autoscaling-v2", "poddisruptionbudget-policy-v1", "networkpolicy-networking-v1",
)  # fmt: skip
REFERENCE = "/api/_definitions.json#"


def write_kubernetes(folder: Path) -> None:
    spec = find_spec("kubernetes_validate")
    assert spec is not None and spec.origin is not None, "install requirements/deploy.txt"
    source = Path(spec.origin).parent / "kubernetes-json-schema" / KUBERNETES
    shared = json.loads((source / "_definitions.json").read_text().replace(REFERENCE, "#"))
    definitions = shared.get("$defs") or shared["definitions"]
    for kind in KINDS:
        schema = json.loads((source / f"{kind}.json").read_text().replace(REFERENCE, "#"))
        schema["$defs" if "$defs" in shared else "definitions"] = definitions
        (folder / f"{kind}.json").write_text(json.dumps(schema))


def write_crds(folder: Path, crds: list[Path]) -> None:
    for document in (document for path in crds for document in yaml.safe_load_all(path.read_text())):
        names, group = document["spec"]["names"], document["spec"]["group"].split(".")[0]
        for version in document["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            _close(schema)
            schema["properties"]["metadata"] = {"type": "object"}
            name = f"{names['kind'].lower()}-{group}-{version['name']}"
            (folder / f"{name}.json").write_text(json.dumps(schema))


def _close(schema: Any) -> None:
    """Make a schema refuse unknown properties."""
    if isinstance(schema, list):
        for part in schema:
            _close(part)
    if not isinstance(schema, dict):
        return
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    for part in list(schema.values()):
        _close(part)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write_kubernetes(target)
    write_crds(target, [Path(name) for name in sys.argv[2:]])
