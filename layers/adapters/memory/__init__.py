"""The status store, the object store and the topics in memory: for tests, and for a look at the rules without SQL.

They keep the same promises as the real adapters, but for outliving their process.
"""

from __future__ import annotations

from layers.adapters.memory.objects import MemoryObjects
from layers.adapters.memory.store import MemoryStore
from layers.adapters.memory.topics import MemoryTopics

__all__ = ["MemoryObjects", "MemoryStore", "MemoryTopics"]
