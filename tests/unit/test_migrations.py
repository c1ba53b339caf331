"""The names of the migrations, which decide their order."""

from __future__ import annotations

import re
from collections import Counter

from layers.adapters.postgres.migration import SCHEMA

NAME = re.compile(r"\d{4}_[a-z][a-z0-9_]*")
# Both were applied to databases under these names before this test existed; a new name would apply them again.
SHARED = {"0009"}


def test_every_migration_has_a_number_of_its_own_and_a_name() -> None:
    names = [path.stem for path in (SCHEMA / "migrations").glob("*.sql")]
    assert [name for name in names if not NAME.fullmatch(name)] == []
    numbers = Counter(name[:4] for name in names)
    assert {number for number, count in numbers.items() if count > 1} == SHARED and numbers["0009"] == 2
