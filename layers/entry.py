"""From what a host delivers to what a handler runs: Lambda events of SQS, Kafka or EventBridge."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from layers.domain.errors import StoreUnreachable
from layers.domain.message import Arrival, WakeUp, bundle_from_json
from layers.telemetry.log import log

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message of an event: its body, and the id by which the host takes it back."""

    body: str
    receipt: str


def messages(event: Event) -> list[Delivered]:
    """The messages of an event: SQS records, a Kafka batch, or an event that EventBridge sent by itself."""
    if "Records" in event and all("messageId" in record for record in event["Records"]):
        return [Delivered(record["body"], record["messageId"]) for record in event["Records"]]
    if isinstance(event.get("records"), dict):
        return [_from_kafka(record) for batch in event["records"].values() for record in batch]
    return [Delivered(json.dumps(event), "")]


def _from_kafka(record: Event) -> Delivered:
    # A tombstone has no value; it is dropped like any message that can't be read.
    body = base64.b64decode(record.get("value") or "").decode("utf-8", "replace")
    return Delivered(body, f"{record['topic']}-{record['partition']}-{record['offset']}")


def handle(event: Event, take: Callable[[Any], object]) -> dict[str, Any]:
    """Hand each message's JSON to `take`; the answer that Lambda's event source mapping expects.

    A message is given back for one reason only: our own store could not be reached. One that can't be read,
    or that breaks its handler, is logged and dropped: what it was about stands in the status store, and upkeep
    comes back to it, while a message that always breaks would block those behind it.
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
        except Exception as error:
            log("message_failed", body=message.body[:500], error=error)
    return {"batchItemFailures": failures}


def handle_together(event: Event, take: Callable[[list[Any]], object]) -> dict[str, Any]:
    """As `handle`, with the JSON of all messages at once; where that breaks, one by one."""
    given = messages(event)
    try:
        take([json.loads(message.body) for message in given])
    except StoreUnreachable as error:
        log("store_unreachable", detail=str(error), messages=len(given))
        if not all(message.receipt for message in given):
            raise
        return {"batchItemFailures": [{"itemIdentifier": message.receipt} for message in given]}
    except Exception:
        return handle(event, lambda body: take([body]))
    return {"batchItemFailures": []}


def answer_cloudformation(event: Event, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Act; where CloudFormation asked, tell it at the address it gave. What it deletes needs no act of ours."""
    if "ResponseURL" not in event:
        return act()
    from urllib.request import Request, urlopen

    told = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    told["PhysicalResourceId"] = event.get("PhysicalResourceId") or event["LogicalResourceId"]
    done: dict[str, Any] = {}
    try:
        done = act() if event["RequestType"] != "Delete" else {}
        told["Status"] = "SUCCESS"
    except Exception as error:
        log("migration_failed", error=error)
        told |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:1000]}
    body = json.dumps(told).encode()
    request = Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    with urlopen(request, timeout=30):
        return done


def wake_ups(body: Any) -> list[WakeUp]:
    """The wake-ups in a message, of one step. Raises ValueError, KeyError or TypeError where there is none."""
    return bundle_from_json(body)


def arrivals(body: Any) -> list[Arrival]:
    """The created objects that a message tells of: S3's notification by SQS or Kafka, or EventBridge's.

    Keys are given both as they stand and decoded where the two differ: AWS encodes them as a form does,
    other stores send them raw. Anything that is no creation (S3's test event first of all) tells of none.
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
    size = created.get("size")
    for key in dict.fromkeys((raw, unquote_plus(raw))):
        yield Arrival(key, version_id if version_id != "null" else None, int(size) if size is not None else None)
