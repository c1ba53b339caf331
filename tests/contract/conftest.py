"""What the contracts of limits and breakers have in common: a clock of their own, and Redis or none."""

from __future__ import annotations

import pytest
import redis


class Clock:
    """Seconds that go on only as a test says."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["own", "shared"])
def own_or_shared_url(request: pytest.FixtureRequest) -> str:
    """Empty, for a process that goes by itself; or that of an empty Redis."""
    if request.param == "own":
        return ""
    url = str(request.getfixturevalue("redis_url"))
    redis.Redis.from_url(url).flushall()
    return url
