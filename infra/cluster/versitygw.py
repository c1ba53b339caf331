"""The object store versitygw: it serves a folder by S3's protocol, with versions, and publishes events on a Kafka topic."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path

from infra.cluster import programs
from infra.local.ports import ADDRESS
from infra.local.process import Process

REGION = "us-east-1"
CREATIONS = ("s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload")
REFUSED = 403  # the status of its answer to a request without a signature


def declare(
    folder: Path, port: int, *, key_id: str, secret: str, brokers: str, topic: str, marks: Mapping[str, str]
) -> Process:
    """The store as a supervised process. It exits at once if the topic does not exist."""
    objects, versions, events = folder / "objects", folder / "versions", folder / "events.json"
    for data in (objects, versions):
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    events.write_text(json.dumps({"s3:ObjectCreated:*": False, **dict.fromkeys(CREATIONS, True)}))
    return Process(
        name="store",
        argv=[
            str(programs.versitygw()),
            *("--port", f"{ADDRESS}:{port}", "--region", REGION, "--quiet"),
            *("--event-kafka-url", brokers, "--event-kafka-topic", topic, "--event-filter", str(events)),
            *("posix", "--versioning-dir", str(versions), str(objects)),
        ],
        # All users can read arguments, so the secret is in the environment.
        env={"PATH": os.defpath, "ROOT_ACCESS_KEY": key_id, "ROOT_SECRET_KEY": secret, **marks},
        cwd=folder,
        is_ready=lambda: answers(port),
    )


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == REFUSED
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
