"""Everything that is checked, in order."""

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
    """Check every server and this host. What can't be checked ends its part only."""
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
    """Rows of the database; None where it lacks the table, which its own check says."""
    import psycopg

    try:
        return bootstrap.database().rows(query)
    except psycopg.errors.UndefinedTable:
        return None


def _live() -> list[workers.Seen] | None:
    """The live workers; None where the database does not list them yet."""
    rows = _rows(LIVE)
    return None if rows is None else [workers.as_seen(row) for row in rows]


def _topics(settings: Settings) -> Iterator[Result]:
    if not settings.kafka_brokers:
        yield from queues.check_sqs(bootstrap.aws_client("sqs"), settings.queue_prefix)
        return
    from layers.adapters.kafka import administration

    prefix = settings.queue_prefix
    counted = receivers(_live() or [])
    try:
        held = administration.partitions_of(bootstrap.kafka_access(), [prefix + topic for topic in counted])
    except Exception as error:  # the client raises many classes
        raise Unusable(f"Kafka at {settings.kafka_brokers} does not answer: {error}") from None
    yield from queues.check_partitions(held, {prefix + topic: count for topic, count in counted.items()})


def receivers(seen: Sequence[workers.Seen]) -> dict[str, int]:
    """How many workers receive from each topic. Arrivals go to those that run intake."""
    of_steps = {step: sum(step in one.steps for one in seen) for step in STEPS}
    return {ARRIVALS: of_steps[INTAKE.name], **of_steps, DISPATCH: len(seen)}


def _workers() -> Iterator[Result]:
    if (seen := _live()) is not None:
        yield from workers.check_fleet(seen, STEPS)
    yield from workers.check_work(bootstrap.store().backlog(sorted(STEPS)), bootstrap.breakers().states())


def _objects(settings: Settings) -> Iterator[Result]:
    try:
        seen = _live()
        takes_arrivals = seen is None or any("intake" in one.steps for one in seen)
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
    yield from host.check_ocr(used | set(settings.languages) | set(bootstrap.known_languages()))
    yield host.check_printing(settings, bootstrap.printer())
    yield host.check_fonts()
    yield from host.check_disks()
