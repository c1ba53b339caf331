"""How workers share a function's reserved concurrency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.worker import share


@given(st.integers(1, 64), st.integers(1, 16))
def test_all_shares_together_are_the_reserved_concurrency(concurrency: int, workers: int) -> None:
    shares = [share(concurrency, workers, place) for place in range(workers)]
    assert sum(shares) == concurrency
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(("concurrency", "workers", "shares"), [(1, 2, [1, 0]), (4, 2, [2, 2]), (5, 3, [2, 2, 1])])
def test_those_who_come_first_get_what_does_not_divide(concurrency: int, workers: int, shares: list[int]) -> None:
    assert [share(concurrency, workers, place) for place in range(workers)] == shares
