"""Creates the bucket, enables versions, lets browsers upload to it, and configures its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra.setup.results import Result, Unusable, by_hand, changed, ok

ORIGINALS = "originals/"
EVENTS_ID = "fairway-arrivals"
# The id under which an administrator of MinIO configures the target `fairway` of kind Kafka.
MINIO_TARGET = "arn:minio:sqs::fairway:kafka"

EVENTS_BY_HAND = {
    "minio": "start MinIO with MINIO_NOTIFY_KAFKA_ENABLE_fairway=on, MINIO_NOTIFY_KAFKA_BROKERS_fairway={brokers}, "
    "MINIO_NOTIFY_KAFKA_TOPIC_fairway={topic} and a MINIO_NOTIFY_KAFKA_QUEUE_DIR_fairway, and run this again",
    "versitygw": "start versitygw with --event-kafka-url {brokers} --event-kafka-topic {topic}",
    "amazons3": "S3 does not send to Kafka: send the bucket's events by EventBridge to {topic}, or use SQS",
}
EVENTS_ELSEWHERE = (
    "have the store send an event for each object that is created under `originals/` to {topic}, in S3's JSON format; "
    "if it has a target for that, run this again with --events-to and the target's ARN"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The bucket as it should be. `events_to` is the ARN of the target of its events; empty if none is known."""

    name: str
    region: str
    origins: Sequence[str]
    topic: str
    events_to: str = ""
    brokers: str = ""


def prepare(s3: Any, wanted: Wanted) -> Iterator[Result]:
    """Create and configure the bucket, and report each part. Raises Unusable."""
    yield _ensure_bucket(s3, wanted)
    yield _keep_versions(s3, wanted.name)
    yield _allow_browsers(s3, wanted)
    yield _send_events(s3, wanted)


def prepare_artifacts(s3: Any, wanted: Wanted) -> Iterator[Result]:
    """The same for the bucket of artifacts: browsers read from it, and its events are not needed. Raises Unusable."""
    yield _ensure_bucket(s3, wanted)
    yield _keep_versions(s3, wanted.name)
    yield _allow_browsers(s3, wanted)


def software(s3: Any, bucket: str) -> str:
    """The name in the `Server` header of the store's responses, in lower case."""
    try:
        response = s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        response = error.response
    return str(response["ResponseMetadata"].get("HTTPHeaders", {}).get("server", "")).lower()


def _ensure_bucket(s3: Any, wanted: Wanted) -> Result:
    try:
        s3.head_bucket(Bucket=wanted.name)
    except s3.exceptions.ClientError as error:
        if _status(error) != 404:
            raise Unusable(f"The object store refuses access to the bucket {wanted.name}: {_code(error)}") from None
    else:
        return ok(f"bucket {wanted.name}")
    location = {} if wanted.region == "us-east-1" else {"LocationConstraint": wanted.region}
    try:
        s3.create_bucket(Bucket=wanted.name, **({"CreateBucketConfiguration": location} if location else {}))
    except s3.exceptions.ClientError as error:
        raise Unusable(f"The bucket {wanted.name} can't be created: {error}") from None
    return changed(f"created the bucket {wanted.name}")


def _keep_versions(s3: Any, bucket: str) -> Result:
    try:
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled":
            return ok(f"the bucket {bucket} keeps versions")
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    except s3.exceptions.ClientError as error:
        return by_hand(f"enable versions of the bucket {bucket}, if the store supports them ({_code(error)})")
    return changed(f"the bucket {bucket} keeps versions from now on")


def _allow_browsers(s3: Any, wanted: Wanted) -> Result:
    rule = {
        "AllowedOrigins": list(wanted.origins),
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "x-amz-version-id"],
        "MaxAgeSeconds": 3600,
    }
    try:
        existing = s3.get_bucket_cors(Bucket=wanted.name).get("CORSRules", [])
    except s3.exceptions.ClientError:
        existing = []
    if [{key: other.get(key) for key in rule} for other in existing] == [rule]:
        return ok(f"browsers may use the bucket {wanted.name} from {', '.join(wanted.origins)}")
    try:
        s3.put_bucket_cors(Bucket=wanted.name, CORSConfiguration={"CORSRules": [rule]})
    except s3.exceptions.ClientError as error:
        return by_hand(
            f"the store accepts no CORS rules for a bucket ({_code(error)}): in its own settings, allow GET, HEAD and PUT "
            f"from {', '.join(wanted.origins)}"
        )
    return changed(f"browsers may use the bucket {wanted.name} from {', '.join(wanted.origins)} from now on")


def _send_events(s3: Any, wanted: Wanted) -> Result:
    kind = next((name for name in EVENTS_BY_HAND if name in software(s3, wanted.name)), "")
    target = wanted.events_to or (MINIO_TARGET if kind == "minio" else "")
    existing = _notification(s3, wanted.name)
    if any(_sends_originals(rule) and target in ("", _target(rule)) for rule in _rules(existing)):
        return ok("the bucket's events are sent")
    advice = EVENTS_BY_HAND.get(kind, EVENTS_ELSEWHERE).format(brokers=wanted.brokers or "BROKERS", topic=wanted.topic)
    if not target:
        return by_hand(f"events of the bucket: {advice}")
    rule = {
        "Id": EVENTS_ID,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": ORIGINALS}]}},
    }
    by_kind = {"Topic": ("TopicConfigurations", "TopicArn"), "Queue": ("QueueConfigurations", "QueueArn")}
    name, arn = by_kind["Topic" if ":sns:" in target else "Queue"]
    kept = {key: value for key, value in existing.items() if key != "ResponseMetadata"}
    kept[name] = [other for other in kept.get(name, []) if other.get("Id") != EVENTS_ID] + [{**rule, arn: target}]
    try:
        s3.put_bucket_notification_configuration(Bucket=wanted.name, NotificationConfiguration=kept)
    except s3.exceptions.ClientError as error:
        return by_hand(f"events of the bucket ({_code(error)}): {advice}")
    return changed(f"the bucket's events go to {target} from now on")


def _notification(s3: Any, bucket: str) -> dict[str, Any]:
    try:
        return dict(s3.get_bucket_notification_configuration(Bucket=bucket))
    except s3.exceptions.ClientError:
        return {}


def _rules(notification: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("QueueConfigurations", "TopicConfigurations", "LambdaFunctionConfigurations")
    return [rule for name in names for rule in notification.get(name, [])]


def _target(rule: dict[str, Any]) -> str:
    return str(rule.get("QueueArn") or rule.get("TopicArn") or rule.get("LambdaFunctionArn") or "")


def _sends_originals(rule: dict[str, Any]) -> bool:
    """Whether a rule covers every new object under `originals/`."""
    if not {"s3:ObjectCreated:*", "s3:*"} & set(rule.get("Events", ())):
        return False
    filters = rule.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return all(part["Name"].lower() == "prefix" and ORIGINALS.startswith(part["Value"]) for part in filters)


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code") or _status(error))
