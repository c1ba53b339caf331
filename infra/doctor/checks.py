"""Runs all checks in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from functions.pipelines import INTAKE, STEPS
from infra.doctor import cache, database, host, objects, queues, workers
from infra.setup.results import Result, Unusable, wrong
from infra.topics import ARRIVALS, DISPATCH
from layers import bootstrap
from layers.domain.errors import StoreUnreachable
from layers.settings import Settings

LIVE = "SELECT worker, host, version, slots FROM workers WHERE beat_at > clock_timestamp() - interval '30 seconds'"


def examine(settings: Settings) -> Iterator[Result]:
    """Check every server and this host. A server that can't be checked does not stop the other checks."""
    parts: tuple[Callable[[], Iterator[Result]], ...] = (
        lambda: database.check(settings),
        lambda: cache.check(settings),
        lambda: _topics(settings),
        _workers,
        lambda: _objects(settings),
        lambda: _host(settings),
    )
    for part in parts:
        try:
            yield from part()
        except Unusable as error:
            yield wrong(str(error))
        except StoreUnreachable as error:
            yield wrong(f"PostgreSQL does not answer: {error}")


def _rows(query: str) -> Sequence[Mapping[str, Any]] | None:
    """The rows of a query; None if the table does not exist, which the check of the database reports."""
    import psycopg

    try:
        return bootstrap.database().rows(query)
    except psycopg.errors.UndefinedTable:
        return None


def _live_workers() -> list[workers.LiveWorker] | None:
    """The live workers; None if the database has no table of workers yet."""
    rows = _rows(LIVE)
    return None if rows is None else [workers.worker_of(row) for row in rows]


def _topics(settings: Settings) -> Iterator[Result]:
    if not settings.kafka_brokers:
        yield from queues.check_sqs(bootstrap.aws_client("sqs"), settings.queue_prefix)
        return
    from layers.adapters.kafka import administration

    prefix = settings.queue_prefix
    counted = receivers(_live_workers() or [])
    try:
        partitions = administration.partitions_of(bootstrap.kafka_access(), [prefix + topic for topic in counted])
    except Exception as error:  # the client raises many classes
        raise Unusable(f"Kafka at {settings.kafka_brokers} does not answer: {error}") from None
    yield from queues.check_partitions(partitions, {prefix + topic: count for topic, count in counted.items()})


def receivers(live: Sequence[workers.LiveWorker]) -> dict[str, int]:
    """How many workers receive from each topic. Arrivals go to the workers that run intake."""
    by_step = {step: sum(step in worker.steps for worker in live) for step in STEPS}
    return {ARRIVALS: by_step[INTAKE.name], **by_step, DISPATCH: len(live)}


def _workers() -> Iterator[Result]:
    if (live := _live_workers()) is not None:
        yield from workers.check_fleet(live, STEPS)
    yield from workers.check_work(bootstrap.store().backlog(sorted(STEPS)), bootstrap.breakers().states())


def _objects(settings: Settings) -> Iterator[Result]:
    try:
        live = _live_workers()
        takes_arrivals = live is None or any(INTAKE.name in worker.steps for worker in live)
    except StoreUnreachable:
        takes_arrivals = False
    s3 = bootstrap.aws_client("s3")
    yield from objects.check(settings, s3, bootstrap.objects(), takes_arrivals=takes_arrivals)


def _host(settings: Settings) -> Iterator[Result]:
    try:
        rows = _rows("SELECT DISTINCT unnest(languages) AS language FROM datasets")
        used = {str(row["language"]) for row in rows or ()}
    except StoreUnreachable:
        used = set()
    wanted = used | set(settings.languages) | set(bootstrap.known_languages())
    yield from host.check_ocr(wanted, bootstrap.network_languages())
    yield host.check_printing(settings, bootstrap.printer())
    yield host.check_fonts()
    yield from host.check_disks()
