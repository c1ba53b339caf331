"""Outcomes of attempts as parameters of the queries that record them: columns, and JSON for their results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.domain.extraction_json import extraction_as_json
from layers.domain.ledger import entry
from layers.domain.page import Evidence, Extraction, Page
from layers.domain.step import Artifact, Done, Later, Outcome
from layers.ports import Claim, Finished


def fence_of(claim: Claim) -> dict[str, Any]:
    """The parameters that let a query write only while the claim's lease holds."""
    return {"file_id": claim.file.file_id, "step": claim.step, "part": claim.part, "lease_id": claim.lease_id}


def outcome_parameters(attempt: Finished, host: str) -> dict[str, Any]:
    """All parameters of `record_outcome`, except for the plan of what follows."""
    claim = attempt.claim
    return {
        **fence_of(claim),
        **_columns_of(attempt.outcome),
        "cost_s": attempt.cost_s,
        "host": host,
        "made": results_as_json(attempt.outcome, claim.file.schema_version, attempt.used),
    }


def _columns_of(outcome: Outcome) -> dict[str, Any]:
    recorded = entry(outcome)
    return {
        "state": recorded.state,
        "outcome": recorded.word,
        "counts": {"failures": recorded.failures, "snoozes": recorded.snoozes, "losses": recorded.losses},
        "delay_s": getattr(outcome, "delay_s", None),
        "reason": getattr(outcome, "reason", None),
        "error_code": getattr(outcome, "code", None),
        "error_detail": getattr(outcome, "detail", None),
    }


def results_as_json(outcome: Outcome, schema_version: int, used: Mapping[str, int] | None = None) -> dict[str, Any]:
    """What an outcome leaves in the database: pages, artifacts, notes, a record, an identity or a window's values."""
    made: dict[str, Any] = {"used": dict(used)} if used else {}
    if isinstance(outcome, Later) and outcome.cost_estimate_s is not None:
        made["cost_estimate_s"] = outcome.cost_estimate_s
    if not isinstance(outcome, Done):
        return made
    if outcome.window:
        made["window"] = extraction_as_json(outcome.window)
    if outcome.identity:
        made["identity"] = {
            "media_type": outcome.identity.media_type,
            "page_count": outcome.identity.page_count,
            "size_bytes": outcome.size_bytes,
            "sha256": outcome.sha256,
            **({"separated": outcome.separated.as_json()} if outcome.separated else {}),
            **({"barcodes": list(outcome.barcodes)} if outcome.barcodes else {}),
        }
    if outcome.pages:
        made["pages"] = [_page_as_json(page) for page in outcome.pages]
    if outcome.artifacts:
        made["artifacts"] = [artifact_as_json(artifact) for artifact in outcome.artifacts]
    if outcome.notes:
        made["notes"] = list(outcome.notes)
    if outcome.routed:
        recognised = outcome.routed.found
        made["routed"] = {
            "kind": recognised.kind,
            "probability": recognised.probability,
            "by": recognised.by,
            "from": outcome.routed.source,
            "to": outcome.routed.target,
        }
    if outcome.extraction:
        found = outcome.extraction
        made["record"] = {
            "schema_version": schema_version,
            **_record_as_json(found),
            "found_by": found.found_by,
            "complete": found.is_complete if found.further else outcome.complete,
            "further": [_record_as_json(record) | {"complete": record.is_complete} for record in found.further],
        }
    return made


def _record_as_json(found: Extraction) -> dict[str, Any]:
    return {
        "fields": found.fields,
        "missing": list(found.lacks),
        "doubtful": list(found.doubtful),
        "remembered": list(found.remembered),
        "notes": [note.text for note in found.notes],
        "lost": found.has_lost,
        "evidence": {name: _evidence_as_json(proof) for name, proof in found.evidence.items()},
    }


def _evidence_as_json(proof: Evidence) -> dict[str, Any]:
    shown: dict[str, Any] = {"page": proof.page, "text": proof.text.replace("\x00", ""), "box": proof.box}
    shown |= {} if proof.confidence is None else {"confidence": proof.confidence}
    shown |= {} if proof.probability is None else {"probability": proof.probability}
    return shown if proof.xpath is None else shown | {"xpath": proof.xpath}


def _page_as_json(page: Page) -> dict[str, Any]:
    return {
        "number": page.number,
        "source": page.source,
        "confidence": page.confidence,
        "width": page.width,
        "height": page.height,
        "turned": page.turned,
        "text": page.text.replace("\x00", ""),
        "words": [word.as_row() for word in page.words],
        **({"facts": list(page.facts)} if page.facts else {}),
        **({"begins_document": True} if page.begins_document else {}),
    }


def artifact_as_json(artifact: Artifact) -> dict[str, Any]:
    return {name: getattr(artifact, name) for name in Artifact.__dataclass_fields__}
