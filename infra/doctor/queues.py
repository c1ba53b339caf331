"""Checks the topics: whether they exist, with the visibility timeouts or partitions that the workers need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.setup.queues import visibility_s
from infra.setup.results import Result, Unusable, ok, warning, wrong
from layers.adapters.aws.sqs_topics import DEAD_SUFFIX


def check_sqs(sqs: Any, prefix: str) -> Iterator[Result]:
    """Raises Unusable if the queues can't be read."""
    from botocore.exceptions import BotoCoreError, ClientError

    wanted = visibility_s()
    missing, dead = [], {}
    try:
        for topic, least_s in wanted.items():
            try:
                attributes = _attributes(sqs, prefix + topic)
                dead[topic] = int(_attributes(sqs, prefix + topic + DEAD_SUFFIX)["ApproximateNumberOfMessages"])
            except sqs.exceptions.QueueDoesNotExist:
                missing.append(topic)
                continue
            if int(attributes["VisibilityTimeout"]) < least_s:
                yield wrong(
                    f"The queue {prefix}{topic} delivers a message again after {attributes['VisibilityTimeout']} s, while its "
                    f"step may still run: set its visibility timeout to {least_s} s, or run `python -m infra.setup`"
                )
    except (BotoCoreError, ClientError) as error:
        raise Unusable(f"The queues can't be used: {error}") from None
    if missing:
        yield wrong(f"Queues are missing for {', '.join(missing)}: run `python -m infra.setup`")
        return
    yield ok(f"{len(wanted)} queues and their dead-letter queues exist")
    if any(dead.values()):
        shown = ", ".join(f"{topic} {count}" for topic, count in dead.items() if count)
        yield warning(
            f"Messages are in dead-letter queues ({shown}). Their work was done or repeated by upkeep; the workers' logs "
            "explain why they failed. `POST /operations/dead-letters/redrive` sends them again"
        )


def check_partitions(partitions: Mapping[str, int], receivers: Mapping[str, int]) -> Iterator[Result]:
    """Whether Kafka's topics exist and have a partition for each worker that receives from them.

    Both arguments map topics to counts; `receivers` counts the live workers.
    """
    if missing := [topic for topic, count in partitions.items() if not count]:
        yield wrong(f"Topics are missing: {', '.join(missing)}. Run `python -m infra.setup`")
        return
    narrow = {topic: count for topic, count in partitions.items() if count < receivers.get(topic, 0)}
    for topic, count in narrow.items():
        yield wrong(
            f"The topic {topic} has {count} partitions and {receivers[topic]} workers: {receivers[topic] - count} of them "
            "receive nothing. Raise FAIRWAY_KAFKA_PARTITIONS and run `python -m infra.setup`"
        )
    if not narrow:
        yield ok(f"{len(partitions)} topics have a partition for each worker")


def _attributes(sqs: Any, name: str) -> dict[str, str]:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])
