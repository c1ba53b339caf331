"""Creates the queues of the embedded start, which forgets them when it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import boto3
from botocore.config import Config

from infra.setup.queues import ensure_queues

BUCKET = "fairway"
ORIGINALS = "originals/"
ARRIVALS = "arrivals"
QUEUE_PREFIX = "fairway-"


def set_up(endpoint_url: str, key_id: str, secret: str, visibility_s: Mapping[str, int]) -> None:
    """Create everything that is missing. `visibility_s` maps each topic to its visibility timeout."""
    session = boto3.session.Session(key_id, secret, region_name="us-east-1")
    config = Config(retries={"max_attempts": 3}, connect_timeout=3, read_timeout=10)
    ensure_queues(session.client("sqs", endpoint_url=endpoint_url, config=config), QUEUE_PREFIX, visibility_s)


if __name__ == "__main__":
    arguments = json.load(sys.stdin)
    set_up(arguments["endpoint_url"], arguments["key_id"], arguments["secret"], arguments["visibility_s"])
