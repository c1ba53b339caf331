"""Entry of events: from Lambda events of SQS, Kafka or EventBridge to the messages that handlers take."""

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
    """One message of an event: its body, and the id that returns it to its topic."""

    body: str
    receipt: str


def messages(event: Event) -> list[Delivered]:
    """The messages of an event: SQS records, a Kafka batch, or the event itself where EventBridge sent it."""
    if "Records" in event and all("messageId" in record for record in event["Records"]):
        return [Delivered(record["body"], record["messageId"]) for record in event["Records"]]
    if isinstance(event.get("records"), dict):
        return [_from_kafka(record) for batch in event["records"].values() for record in batch]
    return [Delivered(json.dumps(event), "")]


def _from_kafka(record: Event) -> Delivered:
    # A Kafka tombstone has no value; like any message that can't be parsed, it is dropped.
    body = base64.b64decode(record.get("value") or "").decode("utf-8", "replace")
    return Delivered(body, f"{record['topic']}-{record['partition']}-{record['offset']}")


def handle(event: Event, take: Callable[[Any], object]) -> dict[str, Any]:
    """Call `take` with each message's JSON; the answer that Lambda's event source mapping expects.

    A message is returned to its topic for one reason only: the status store could not be reached. One that can't be
    parsed, or whose handler raises, is logged and dropped: a message that always fails would block those behind it,
    and upkeep finds its file in the status store.
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
    """Like `handle`, with the JSON of all messages at once; where that fails, one by one."""
    delivered = messages(event)
    try:
        take([json.loads(message.body) for message in delivered])
    except StoreUnreachable as error:
        log("store_unreachable", detail=str(error), messages=len(delivered))
        if not all(message.receipt for message in delivered):
            raise
        return {"batchItemFailures": [{"itemIdentifier": message.receipt} for message in delivered]}
    except Exception:
        return handle(event, lambda body: take([body]))
    return {"batchItemFailures": []}


def answer_cloudformation(event: Event, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call `act`; if the event is a request of CloudFormation, send it the result. A deletion needs no `act`."""
    if "ResponseURL" not in event:
        return act()
    from urllib.request import Request, urlopen

    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = event.get("PhysicalResourceId") or event["LogicalResourceId"]
    done: dict[str, Any] = {}
    try:
        done = act() if event["RequestType"] != "Delete" else {}
        answer["Status"] = "SUCCESS"
    except Exception as error:
        log("migration_failed", error=error)
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:1000]}
    body = json.dumps(answer).encode()
    request = Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    with urlopen(request, timeout=30):
        return done


def wake_ups(body: Any) -> list[WakeUp]:
    """The wake-ups in a message, all of one step. Raises ValueError, KeyError or TypeError if it is malformed."""
    return bundle_from_json(body)


def arrivals(body: Any) -> list[Arrival]:
    """The created objects in a message: an S3 notification by SQS or Kafka, or an EventBridge event.

    A key is returned both as received and URL-decoded where the two differ: AWS encodes keys like form data, other
    stores send them as they are. Any other event, such as S3's test event, has none.
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
