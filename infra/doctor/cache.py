"""Checks Redis: whether it accepts writes, its memory and its clock."""

from __future__ import annotations

from collections.abc import Iterator

from infra.doctor import clocks
from infra.setup.results import Result, ok, warning, wrong
from infra.setup.servers import ANSWER_S, redis
from layers.settings import Settings

FULL = 0.9
# What the operator can do, by the client's class for the error or, if it has none, by the error's first word.
REFUSALS = {
    "OutOfMemoryError": "its memory is full: raise maxmemory, or find out what else uses it",
    "ReadOnlyError": "it is a replica: FAIRWAY_REDIS_URL must name the primary",
    "NoPermissionError": "the user of FAIRWAY_REDIS_URL may not write the keys `fairway:*`",
    "MISCONF": "it can't save its data to disk: free space there, or switch off stop-writes-on-bgsave-error",
    "NOREPLICAS": "it has too few replicas: see min-replicas-to-write",
}


def check(settings: Settings) -> Iterator[Result]:
    """Raises Unusable if Redis does not answer."""
    if not settings.redis_url:
        yield redis(settings.redis_url)
        return
    from redis import Redis
    from redis.exceptions import ResponseError

    with Redis.from_url(settings.redis_url, socket_connect_timeout=ANSWER_S, socket_timeout=ANSWER_S) as client:
        try:
            yield redis(settings.redis_url, probes=False)
            client.set("fairway:probe", "1", ex=60)
        except ResponseError as error:
            yield refused(error)
            return
        yield ok("Redis accepts writes")
        yield clocks.compare("Redis", lambda: _seconds(client.time()))
        memory = client.info("memory")
        used, most = int(memory["used_memory"]), int(memory.get("maxmemory", 0))
        if most and used > FULL * most:
            yield warning(f"Redis uses {used >> 20} of {most >> 20} MiB: raise maxmemory before it refuses writes")


def refused(error: Exception) -> Result:
    """The result of a refused write, with what to do. Without Redis work continues, but slower and without shared limits."""
    shown = f"{type(error).__name__} {error}"
    what_to_do = REFUSALS.get(type(error).__name__) or REFUSALS.get(str(error).partition(" ")[0]) or shown
    return wrong(f"Redis refuses writes: {what_to_do}. Until then workers poll, and each process has its own limits")


def _seconds(time: tuple[int, int]) -> float:
    seconds, microseconds = time
    return seconds + microseconds / 1e6
