"""Sets up, in order: the database, Redis, the topics, and the bucket, whose events go to one of the topics."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import psycopg

from functions.pipelines import DECLARED_CONCURRENCY, STEPS
from infra.setup import bucket, queues, servers
from infra.setup.results import Result, Unusable, changed, ok, wrong
from infra.topics import ARRIVALS, TOPICS
from layers import bootstrap
from layers.adapters.postgres.migration import NotMigrated, ensure_database, has_admin
from layers.settings import Settings

ROLES = {"FAIRWAY_DATABASE_URL": "fairway_worker", "FAIRWAY_API_DATABASE_URL": "fairway_api"}


PARTS = ("database", "redis", "topics", "bucket")


def set_up(settings: Settings, events_to: str = "", only: Collection[str] = PARTS) -> Iterator[Result]:
    """Set up every server, and report each check and change. A failure ends only its own part."""
    parts: dict[str, Callable[[], Iterator[Result]]] = {
        "database": lambda: _database(settings),
        "redis": lambda: iter([servers.redis(settings.redis_url)]),
        "topics": lambda: _topics(settings),
        "bucket": lambda: _bucket(settings, events_to),
    }
    for name in (name for name in PARTS if name in only):
        try:
            yield from parts[name]()
        except Unusable as error:
            yield wrong(str(error))


def _database(settings: Settings) -> Iterator[Result]:
    for variable, role in ROLES.items():
        _check_role(variable, role, _url(settings, variable))
    owner = bootstrap.owner_url()
    if not owner:
        raise Unusable("Set FAIRWAY_OWNER_DATABASE_URL: PostgreSQL, as a role that may create tables and roles")
    if settings.admin_key and not settings.key_pepper:
        raise Unusable("Set FAIRWAY_KEY_PEPPER to a long random secret, the same for every process of the API")
    try:
        if ensure_database(owner):
            yield changed(f"created the database {urlsplit(owner).path.lstrip('/')}")
        yield servers.postgres(owner, "FAIRWAY_OWNER_DATABASE_URL")
        applied = bootstrap.migrate()
        yield from map(changed, applied)
        if not applied:
            yield ok("migrations and roles")
        yield _admin(settings, owner)
    except (psycopg.Error, NotMigrated) as error:
        raise Unusable(f"The database can't be set up: {str(error).strip().splitlines()[0]}") from None
    for variable in ROLES:
        if settings.database_auth == "password" and _url(settings, variable):
            servers.postgres(_url(settings, variable), variable)


def _url(settings: Settings, variable: str) -> str:
    return settings.database_url if variable == "FAIRWAY_DATABASE_URL" else settings.api_database_url


def _check_role(variable: str, role: str, url: str) -> None:
    user = urlsplit(url).username
    if user != role:
        found = f"it names {user}" if user else "it is not set" if not url else "it names no role"
        raise Unusable(f"{variable} must log in as {role}, whose rights row-level security defines; {found}")


def _admin(settings: Settings, owner: str) -> Result:
    """Create the first admin's key, unless an admin exists. `migrate` has created the admin of FAIRWAY_ADMIN_KEY."""
    from layers.adapters.postgres.migration import Admin, ensure_admin
    from layers.domain.keys import PREFIX

    if has_admin(owner):
        return ok("an admin's key exists")
    if not settings.key_pepper:
        raise Unusable("Set FAIRWAY_KEY_PEPPER to a long random secret, the same for every process of the API")
    key = PREFIX + secrets.token_urlsafe(24)
    ensure_admin(owner, Admin(key, settings.key_pepper))
    return changed(f"created the first admin's key, which is shown only now: {key}")


def _topics(settings: Settings) -> Iterator[Result]:
    if settings.kafka_brokers:
        counts = {**DECLARED_CONCURRENCY, **settings.concurrency}
        try:
            changed_topics = bootstrap.ensure_topics({step: counts[step] for step in STEPS})
        except Exception as error:  # the client raises many classes
            raise Unusable(f"The topics at {settings.kafka_brokers} can't be set up: {error}") from None
        yield from (changed(f"topic {name}") for name in changed_topics)
        yield ok(f"topics at {settings.kafka_brokers}")
        return
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        names = queues.ensure_queues(bootstrap.aws_client("sqs"), settings.queue_prefix, queues.visibility_s())
    except (BotoCoreError, ClientError) as error:
        raise Unusable(f"The queues can't be set up: {error}") from None
    yield changed(f"queues: {', '.join(names)}") if names else ok(f"{2 * len(TOPICS)} queues")


def _bucket(settings: Settings, events_to: str) -> Iterator[Result]:
    from botocore.exceptions import BotoCoreError

    s3 = bootstrap.aws_client("s3")
    yield servers.object_store(s3, settings)
    wanted = bucket.Wanted(
        settings.bucket,
        settings.region,
        settings.allowed_origins.split(","),
        settings.queue_prefix + ARRIVALS,
        events_to or _queue_of_arrivals(settings),
        settings.kafka_brokers,
    )
    try:
        yield from bucket.prepare(s3, wanted)
        if settings.artifact_bucket and settings.artifact_bucket != settings.bucket:
            yield from bucket.prepare_artifacts(s3, replace(wanted, name=settings.artifact_bucket))
    except BotoCoreError as error:
        raise Unusable(f"The bucket can't be set up: {error}") from None


def _queue_of_arrivals(settings: Settings) -> str:
    """The ARN of the queue that receives the bucket's events; empty with Kafka."""
    if settings.kafka_brokers:
        return ""
    sqs: Any = bootstrap.aws_client("sqs")
    name = settings.queue_prefix + ARRIVALS
    if settings.aws_endpoint_url:
        return queues.ensure_queue(sqs, name, {})[0]
    return queues.accept_events(sqs, name, settings.bucket)[0]
