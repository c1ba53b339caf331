"""The status store, the object store and the topics in memory, for tests. They pass the same contract suites as the real
adapters, but lose their content when the process ends."""

from __future__ import annotations

from tests.fakes.objects import MemoryObjects
from tests.fakes.store import MemoryStore
from tests.fakes.topics import MemoryTopics, PolledSource

__all__ = ["MemoryObjects", "MemoryStore", "MemoryTopics", "PolledSource"]
