"""Parses events of Lambda, from SQS, Kafka or EventBridge, into messages for a handler."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from layers.domain.errors import DependencyDown, StoreUnreachable
from layers.domain.message import Arrival, WakeUp, announcement, bundle_from_json
from layers.telemetry.log import log

Event = dict[str, Any]
FILER_BUCKETS = "/buckets/"  # where the filer of SeaweedFS keeps buckets


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message of an event: its body, and the id for returning it to its topic."""

    body: str
    receipt: str


def messages(event: Event) -> list[Delivered]:
    """The messages of an event: SQS records, a Kafka batch, or a single event from EventBridge."""
    if "Records" in event and all("messageId" in record for record in event["Records"]):
        return [
            Delivered(_text(record["body"], record.get("key", "")), record["messageId"]) for record in event["Records"]
        ]
    if isinstance(event.get("records"), dict):
        return [_from_kafka(record) for batch in event["records"].values() for record in batch]
    return [Delivered(json.dumps(event), "")]


def _from_kafka(record: Event) -> Delivered:
    # A tombstone has no value; it is dropped like any malformed message.
    body, key = (base64.b64decode(record.get(name) or "").decode("utf-8", "replace") for name in ("value", "key"))
    return Delivered(_text(body, key), f"{record['topic']}-{record['partition']}-{record['offset']}")


def _text(body: str, key: str) -> str:
    """The JSON of a message. Messages of SeaweedFS are not JSON, but have the path of a changed file as the key; this
    file may be a new object."""
    if not key.startswith(FILER_BUCKETS) or body.startswith("{"):
        return body
    _bucket, _, object_key = key.removeprefix(FILER_BUCKETS).partition("/")
    return json.dumps(announcement([object_key]))


def handle(event: Event, take: Callable[[Any], object]) -> dict[str, Any]:
    """Pass the JSON of each message to `take`. Returns the response that Lambda's event source mapping expects.

    A message is returned to its topic only if the status store is unreachable. A malformed message, or one on which the
    handler fails, is logged and dropped, also if another dependency is down: a message that always fails would block the
    following ones, and the work is recorded in the status store, where upkeep finds it.
    """
    failures = []
    for message in messages(event):
        try:
            take(json.loads(message.body))
        except StoreUnreachable as error:
            log("store_unreachable", detail=str(error), receipt=message.receipt)
            if not message.receipt:
                raise
            failures.append({"itemIdentifier": message.receipt})
        except DependencyDown as error:
            log("dependency_down", dependency=error.dependency, detail=error.detail, receipt=message.receipt)
        except Exception as error:
            log("message_failed", body=message.body[:500], error=error)
    return {"batchItemFailures": failures}


def handle_together(event: Event, take: Callable[[list[Any]], object]) -> dict[str, Any]:
    """Like `handle`, but passes the JSON of all messages at once. If this fails, it passes each message separately."""
    received = messages(event)
    try:
        take([json.loads(message.body) for message in received])
    except StoreUnreachable as error:
        log("store_unreachable", detail=str(error), messages=len(received))
        if not all(message.receipt for message in received):
            raise
        return {"batchItemFailures": [{"itemIdentifier": message.receipt} for message in received]}
    except Exception:
        return handle(event, lambda body: take([body]))
    return {"batchItemFailures": []}


def answer_cloudformation(event: Event, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call `act`. If CloudFormation sent the event, report the result to its URL, and on a deletion don't call `act`."""
    if "ResponseURL" not in event:
        return act()
    from urllib.request import Request, urlopen

    report = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    report["PhysicalResourceId"] = event.get("PhysicalResourceId") or event["LogicalResourceId"]
    done: dict[str, Any] = {}
    try:
        done = act() if event["RequestType"] != "Delete" else {}
        report["Status"] = "SUCCESS"
    except Exception as error:
        log("migration_failed", error=error)
        report |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:1000]}
    body = json.dumps(report).encode()
    request = Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    with urlopen(request, timeout=30):
        return done


def wake_ups(body: Any) -> list[WakeUp]:
    """The wake-ups in a message, of one step. Raises ValueError, KeyError or TypeError if it has none."""
    return bundle_from_json(body)


def arrivals(body: Any) -> list[Arrival]:
    """The created objects in a message: a notification of S3, through SQS or Kafka, or an event from EventBridge.

    Each key is returned as it is and, if that differs, form-decoded: AWS encodes keys like form values, other stores do
    not. Other events, such as the test event of S3, have no created objects.
    """
    return list(_arrivals(body)) if isinstance(body, dict) else []


def _arrivals(body: Event) -> Iterator[Arrival]:
    if body.get("detail-type") == "Object Created":
        yield from _both_spellings(body["detail"]["object"])
    for record in body.get("Records") or ():
        if str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated"):
            yield from _both_spellings(record["s3"]["object"])


def _both_spellings(created: Event) -> Iterator[Arrival]:
    raw = str(created["key"])
    version_id = created.get("versionId") or created.get("version-id") or None
    size = created.get("size") or None  # versitygw sends 0 for a multipart upload
    for key in dict.fromkeys((raw, unquote_plus(raw))):
        yield Arrival(key, version_id if version_id != "null" else None, int(size) if size is not None else None)
