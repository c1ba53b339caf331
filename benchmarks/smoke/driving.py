"""Processes files in this process with the real handlers and adapters, one message after the other, so that counts repeat."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

import psycopg
import redis
from fairway_client import Client

import app
from benchmarks.servers import PASSWORD, Servers, running_store
from infra.acknowledgements import Acknowledgements
from infra.consumer import RECEIVED_AT_ONCE
from infra.http import Application, serve
from infra.topics import ARRIVALS, TOPICS
from layers import bootstrap
from layers.adapters.postgres.migration import Admin, ensure_admin

KEY = "fw_for-benchmarks-alone"
# The counts must not depend on the programs that are installed, nor on the time of day.
SETTINGS = {
    "FAIRWAY_STAGE": "local",
    "FAIRWAY_KEY_PEPPER": PASSWORD,
    "FAIRWAY_BUCKET": "fairway",
    "FAIRWAY_WORKER": "counted",
    "FAIRWAY_LIBREOFFICE": "off",
    "FAIRWAY_KNOWN_LANGUAGES": "eng",
    "FAIRWAY_TEXTRACT": "off",
}
# How long to wait for other members of an archive, so that their objects are always taken together.
TOGETHER_S = 0.3
IDLE_S, ARRIVES_WITHIN_S, ENDS_WITHIN_S = 0.05, 30.0, 120.0
UNENDED = """
SELECT count(*) FROM files f LEFT JOIN steps s USING (file_id)
 WHERE f.batch_id = %s AND (s.state IS NULL OR s.state NOT IN ('done', 'skipped', 'failed', 'cancelled'))
"""
FAILED = """
SELECT f.name, s.step, s.error_code, s.error_detail FROM files f JOIN steps s USING (file_id)
 WHERE f.batch_id = %s AND s.state NOT IN ('done', 'skipped')
"""


class Driver:
    """A client of the API, and a worker with one thread."""

    def __init__(self, client: Client, owner_url: str, redis_url: str) -> None:
        self._client = client
        self._owner = psycopg.Connection.connect(owner_url, autocommit=True)
        self._redis = redis.Redis.from_url(redis_url)
        self._handled = Acknowledgements(bootstrap.source())

    def close(self) -> None:
        self._owner.close()
        self._redis.close()

    def dataset(self, name: str) -> str:
        return str(self._client.dataset(name)["id"])

    def process(self, dataset_id: str, files: Mapping[str, bytes]) -> None:
        """Upload files as one batch, and run all their steps. Raises SystemExit if a step fails."""
        described = [{"name": name, "size_bytes": len(content)} for name, content in files.items()]
        body = {"files": described, "allow_duplicates": True, "expand_archives": True}
        batch = self._client.call("POST", f"/datasets/{dataset_id}/batches", body)
        for file, content in zip(batch["files"], files.values(), strict=True):
            self._client.put(file["upload"], content)
        self._await_arrivals(len(files))
        deadline = time.monotonic() + ENDS_WITHIN_S
        while self._take_messages() or self._unended(batch["id"]):
            if time.monotonic() > deadline:
                raise SystemExit(f"{', '.join(files)}: not all steps ended within {ENDS_WITHIN_S:.0f} seconds")
        self._handled.flush()
        if failed := self._owner.execute(FAILED, [batch["id"]]).fetchall():
            raise SystemExit(f"nothing is compared, because steps failed: {failed}")

    def _await_arrivals(self, count: int) -> None:
        """Wait until the store has reported all objects, so that they are taken together."""
        deadline = time.monotonic() + ARRIVES_WITHIN_S
        while self._signals(ARRIVALS) < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"the store did not report {count} objects within {ARRIVES_WITHIN_S:.0f} seconds")
            time.sleep(IDLE_S)

    def _take_messages(self) -> bool:
        """Handle the messages that are waiting, topic by topic. Returns whether there were any."""
        signal, source = bootstrap.work_signal(), bootstrap.source()
        assert signal
        has_worked = False
        for topic in TOPICS:
            if topic == ARRIVALS and self._signals(topic):
                time.sleep(TOGETHER_S)
            while self._signals(topic):
                most = RECEIVED_AT_ONCE.get(topic, 1)
                signal.wait(topic, IDLE_S, most)
                records = source.receive(topic, most=most, wait_s=0)
                if records:
                    app.TOPICS[topic]({"Records": records}, None)
                    self._handled.add(topic, [record["receiptHandle"] for record in records])
                has_worked = True
        return has_worked

    def _unended(self, batch_id: str) -> int:
        row = self._owner.execute(UNENDED, [batch_id]).fetchone()
        if row and row[0]:
            time.sleep(IDLE_S)
        return int(row[0]) if row else 0

    def _signals(self, topic: str) -> int:
        return int(self._redis.llen(f"fairway:work:{topic}"))  # type: ignore[arg-type]


@contextmanager
def running_driver(servers: Servers) -> Iterator[Driver]:
    """The API in a thread of this process, with the embedded object store and queues."""
    ensure_admin(servers.owner_url, Admin(KEY, PASSWORD))
    with running_store(servers, TOPICS) as store:
        environment = SETTINGS | store.environment
        environment |= {
            "FAIRWAY_DATABASE_URL": servers.worker_url,
            "FAIRWAY_API_DATABASE_URL": servers.api_url,
            "FAIRWAY_REDIS_URL": servers.redis_url,
            "FAIRWAY_STORE_PUBLIC_URL": store.public_url,
        }
        with patch.dict(os.environ, environment):
            bootstrap.forget()
            server = serve(Application(app.app), 0, threads=4)
            threading.Thread(target=server.run, daemon=True).start()
            driver = Driver(
                Client(f"http://127.0.0.1:{server.effective_port}", KEY), servers.owner_url, servers.redis_url
            )
            try:
                yield driver
            finally:
                driver.close()
                server.close()
                bootstrap.documents().close()
                bootstrap.forget()
