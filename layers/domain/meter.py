"""A meter: what one attempt used of paid services."""

from __future__ import annotations


class Meter:
    """Amounts by name: `calls`, `pages`, `input_tokens`, `output_tokens`. They are recorded even when the attempt
    fails."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    def add(self, **amounts: int) -> None:
        for name, amount in amounts.items():
            self.used[name] = self.used.get(name, 0) + amount
