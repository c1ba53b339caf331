"""One worker host as a process of its own, on Kafka: `python -m benchmarks.cluster.kafka_host SETTINGS`, a JSON object.

On SIGTERM it finishes its running parts and ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass

from benchmarks.cluster.hosts import LONGEST_POLL_S, READER, Host
from functions.dispatch import dispatch
from layers.adapters.kafka.access import Access
from layers.adapters.kafka.source import KafkaSource, consumer
from layers.adapters.kafka.topics import KafkaTopics, producer
from layers.adapters.postgres.database import Database
from layers.domain.message import DISPATCH, WakeUp, bundle_from_json

CONNECTIONS = 6  # of each process; the embedded PostgreSQL has 60


@dataclass(frozen=True)
class Settings:
    """The settings of a host. `database_url` has the workers' role."""

    name: str
    database_url: str
    brokers: str
    prefix: str
    slots: int
    work_s: float

    def as_argument(self) -> str:
        return json.dumps(asdict(self))


class KafkaTopic(KafkaTopics):
    """Kafka's topics, and this process's consumer of them."""

    def __init__(self, settings: Settings) -> None:
        access, prefix = Access(settings.brokers), settings.prefix
        self.source = KafkaSource(lambda: consumer(access, prefix, settings.name), prefix=prefix)
        super().__init__(access, lambda: producer(access), prefix=prefix, hand_over=self.source.hand_over)

    def take(self) -> list[WakeUp]:
        records = self.source.receive(READER, most=1, wait_s=LONGEST_POLL_S)
        return [wake_up for record in records for wake_up in bundle_from_json(json.loads(record["body"]))]


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    topic = KafkaTopic(settings)
    topic.source.start({READER: settings.slots, DISPATCH: 1})
    database = Database(settings.database_url, max_connections=CONNECTIONS)
    host = Host(settings.name, database, topic, settings.slots, settings.work_s)

    def dispatch_on_request() -> None:
        while not stop.is_set():
            if topic.source.receive(DISPATCH, most=10, wait_s=LONGEST_POLL_S):
                dispatch(host.runner)

    host.start()
    threading.Thread(target=dispatch_on_request, daemon=True).start()
    stop.wait()
    host.leave()
    topic.source.stop()
    host.join()
    os._exit(0)  # the client's threads may still wait for the brokers


if __name__ == "__main__":
    main()
