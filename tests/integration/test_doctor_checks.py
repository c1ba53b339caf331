"""`python -m infra.doctor` with real servers that are not set up completely."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis

from functions.arrivals import take_arrivals
from infra.doctor import cache, checks, database, objects
from infra.setup.results import OK, WRONG, Unusable
from layers import bootstrap
from layers.adapters.aws.s3_storage import S3Storage
from layers.domain.file import PROBES
from layers.domain.message import Arrival
from layers.settings import Settings
from tests.integration.test_setup import client, cloud
from tests.making import Urls

__all__ = ["cloud"]
BUCKET = "probed"


def states(results: Iterator[Any]) -> dict[str, str]:
    return {result.text: result.state for result in results}


def test_a_migrated_database_is_sound_and_one_without_a_migration_is_not(database_urls: Urls) -> None:
    settings = Settings(database_url=database_urls.worker, api_database_url=database_urls.api)
    assert set(states(database.check(settings)).values()) == {OK}
    with psycopg.connect(database_urls.owner) as connection:
        connection.execute("DELETE FROM migrations WHERE name = (SELECT max(name) FROM migrations WHERE name < 'f')")
        connection.commit()
        (text,) = [text for text, state in states(database.check(settings)).items() if state == WRONG]
        assert "lacks migrations" in text and "python -m infra.setup" in text


def test_an_empty_database_is_not_set_up(database_urls: Urls) -> None:
    settings = Settings(database_url=database_urls.owner.rpartition("/")[0] + "/postgres")
    assert any("has not been set up" in text for text in states(database.check(settings)))


def test_a_redis_that_is_full_refuses_writes(redis_url: str) -> None:
    settings = Settings(redis_url=redis_url)
    assert set(states(cache.check(settings)).values()) == {OK}
    with redis.Redis.from_url(redis_url) as server:
        held = server.config_get("maxmemory")["maxmemory"], server.config_get("maxmemory-policy")["maxmemory-policy"]
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("maxmemory", "1")
        try:
            found = states(cache.check(settings))
        finally:
            server.config_set("maxmemory", held[0])
            server.config_set("maxmemory-policy", held[1])
    assert any(state == WRONG and "raise maxmemory" in text for text, state in found.items())


class Store:
    """A bucket for the doctor. `deletes_probes`: whether a worker gets the events of new objects."""

    def __init__(self, url: str) -> None:
        self.settings = Settings(bucket=BUCKET, aws_endpoint_url=url)
        self.s3 = client("s3", url)
        self.s3.create_bucket(Bucket=BUCKET)
        self.objects = S3Storage(lambda: self.s3, BUCKET, url, "us-east-1")

    def check(self, **options: Any) -> dict[str, str]:
        options.setdefault("takes_arrivals", True)
        return states(objects.check(self.settings, self.s3, self.objects, **options))


@pytest.fixture
def store(cloud: str) -> Store:
    return Store(cloud)


def test_a_probe_whose_event_arrives_is_deleted_by_the_arrivals(store: Store) -> None:
    stop = threading.Event()

    def take() -> None:
        class Runner:
            class ports:
                objects = store.objects

        while not stop.wait(0.05):
            for key in store.objects.keys_after(PROBES, "", 10):
                take_arrivals(Runner, [Arrival(key, None)])  # type: ignore[arg-type]

    worker = threading.Thread(target=take)
    worker.start()
    try:
        found = store.check()
    finally:
        stop.set()
        worker.join()
    assert any("arrived within" in text and state == OK for text, state in found.items())
    assert store.objects.keys_after("", "", 10) == []


def test_a_store_that_sends_no_events_is_wrong_and_the_probe_is_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects.await_event, "__defaults__", (0.3,))
    found = store.check()
    assert any("has not arrived" in text and state == WRONG for text, state in found.items())
    assert store.objects.keys_after("", "", 10) == []


def test_a_bucket_that_is_missing_can_not_be_checked(cloud: str) -> None:
    settings = Settings(bucket="missing", aws_endpoint_url=cloud)
    s3 = client("s3", cloud)
    with pytest.raises(Unusable, match="does not exist"):
        list(objects.check(settings, s3, S3Storage(lambda: s3, "missing", cloud, "us-east-1"), takes_arrivals=False))


def test_every_part_is_checked_although_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "FAIRWAY_DATABASE_URL": "postgresql://fairway_worker:x@127.0.0.1:1/x",
        "FAIRWAY_REDIS_URL": "redis://127.0.0.1:1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    bootstrap.forget()
    try:
        found = states(checks.examine(bootstrap.settings()))
    finally:
        bootstrap.forget()
    wrong = " ".join(text for text, state in found.items() if state == WRONG)
    for server in ("PostgreSQL", "Redis at 127.0.0.1:1", "queues", "object store at http://127.0.0.1:1"):
        assert server in wrong
