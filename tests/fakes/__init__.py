"""The status store, the object store and the topics in memory: for tests, and for a look at the rules without SQL.

They keep the same promises as the real adapters, but for outliving their process.
"""

from __future__ import annotations

from tests.fakes.objects import MemoryObjects
from tests.fakes.store import MemoryStore
from tests.fakes.topics import MemoryTopics

__all__ = ["MemoryObjects", "MemoryStore", "MemoryTopics"]
