"""Compares counts with the recorded ones, and names each that has risen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

# By group of counts, by name.
Groups = Mapping[str, Mapping[str, int]]
# The bytes depend on where random keys fall in the pages of indexes, and on the text of times and durations.
WAL, WAL_TOLERANCE = "WAL bytes", 0.05


def least(files: Sequence[Groups]) -> dict[str, dict[str, int]]:
    """The smallest of each count over some files: what a file costs without what happens only now and then."""
    found: dict[str, dict[str, int]] = {}
    for group in files[0]:
        names = sorted({name for counts in files for name in counts[group]})
        smallest = {name: min(counts[group].get(name, 0) for counts in files) for name in names}
        found[group] = {name: count for name, count in smallest.items() if count}
    return found


def rises(recorded: Mapping[str, Groups], counted: Mapping[str, Groups]) -> list[str]:
    """A line for each count that is higher than the recorded one."""
    return [line for line, change in _changes(recorded, counted) if change > 0]


def falls(recorded: Mapping[str, Groups], counted: Mapping[str, Groups]) -> list[str]:
    """A line for each count that is lower than the recorded one."""
    return [line for line, change in _changes(recorded, counted) if change < 0]


def _changes(recorded: Mapping[str, Groups], counted: Mapping[str, Groups]) -> Iterator[tuple[str, int]]:
    for kind in sorted(recorded.keys() | counted.keys()):
        before, now = recorded.get(kind, {}), counted.get(kind, {})
        for group in sorted(before.keys() | now.keys()):
            for name in sorted(before.get(group, {}).keys() | now.get(group, {}).keys()):
                old, new = before.get(group, {}).get(name, 0), now.get(group, {}).get(name, 0)
                if group == WAL and abs(new - old) <= WAL_TOLERANCE * old:
                    continue
                if new != old:
                    yield f"{kind}: {group}: {name}: {old} -> {new}", new - old
