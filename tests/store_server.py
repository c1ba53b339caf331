"""Starts the embedded object store, queues and Valkey for tests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import object_store, valkey
from infra.local.ports import choose_ports
from infra.local.supervisor import Supervisor
from infra.topics import TOPICS

KEY_ID = "FWTESTKEY"
MOST_BYTES = 300_000


@dataclass(frozen=True)
class StoreServer:
    """A running object store with its Valkey; `ports` by the names `valkey`, `store` and `store_public`."""

    home: Path
    supervisor: Supervisor
    ports: dict[str, int]
    secret: str
    redis_url: str


@contextmanager
def running_store(home: Path, *, free_bytes: int = 0) -> Iterator[StoreServer]:
    """Start an object store and Valkey in a folder, on free ports; stop them at the end."""
    ports = choose_ports(home / "ports.json", ("valkey", "store", "store_public"), 0)
    secret, password = secrets.token_urlsafe(), secrets.token_urlsafe()
    redis_url = valkey.redis_url(ports["valkey"], password)
    supervisor = Supervisor(home)
    store = object_store.declare(
        home / "objects",
        private_port=ports["store"],
        public_port=ports["store_public"],
        key_id=KEY_ID,
        secret=secret,
        redis_url=redis_url,
        visibility_s=dict.fromkeys(TOPICS, 120) | {"ocr": 230},
        max_upload_bytes=MOST_BYTES,
        free_bytes=free_bytes,
    )
    try:
        supervisor.start([valkey.declare(home, ports["valkey"], password), store])
        yield StoreServer(home, supervisor, ports, secret, redis_url)
    finally:
        supervisor.stop()
