"""Fixtures of the contract suites: a status store of each kind, a clock that tests set, and Redis or none."""

from __future__ import annotations

import pytest
import redis

from tests.contract.worlds import MemoryWorld, PostgresWorld, World


class Clock:
    """Seconds that advance only when a test advances them."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    """A status store, in memory or in an empty database."""
    if request.param == "memory":
        return MemoryWorld()
    return PostgresWorld(request.getfixturevalue("database_urls"))


@pytest.fixture(params=["own", "shared"])
def own_or_shared_url(request: pytest.FixtureRequest) -> str:
    """Empty for a process with its own state, or the URL of an empty Redis."""
    if request.param == "own":
        return ""
    url = str(request.getfixturevalue("redis_url"))
    redis.Redis.from_url(url).flushall()
    return url
