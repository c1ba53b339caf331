"""Senders: the examples of a memory by the name of their sender, and pairs of names that may be the same sender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from layers.domain.learning.likeness import letters_in, letters_likeness
from layers.domain.learning.memory import LEAST_LIKENESS, Example
from layers.domain.learning.sender_keys import is_identifying, keys_of_values

MOST_OF_A_KEY = 20  # senders that share a key and are compared with each other
MOST_PAIRS = 100


@dataclass(frozen=True, slots=True)
class Sender:
    """The examples with one name: how many have each value of each property, and the numbers and domains that they show."""

    name: str
    examples: int
    values: Mapping[str, Counter[str]]
    keys: frozenset[str]


@dataclass(slots=True)
class _Group:
    names: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[str]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


def senders_of(examples: Iterable[Example], properties: Sequence[str]) -> list[Sender]:
    """The senders of examples, those with most examples first. The first property that an example has is its name."""
    groups: dict[str, _Group] = {}
    for example in examples:
        known = {name: example.values[name] for name in properties if isinstance(example.values.get(name), str)}
        if not known:
            continue
        named = next(iter(known.values()))
        group = groups.setdefault(letters_in(named), _Group())
        group.names[named.strip()] += 1
        for name, value in known.items():
            group.values.setdefault(name, Counter())[value.strip()] += 1
        group.keys |= set(filter(is_identifying, example.keys))
    found = [
        Sender(group.names.most_common(1)[0][0], group.names.total(), group.values, frozenset(group.keys))
        for group in groups.values()
    ]
    return sorted(found, key=lambda sender: (-sender.examples, sender.name))


def alike(senders: Sequence[Sender]) -> list[tuple[int, int]]:
    """Pairs of senders, by index, that share a number or a domain, or whose names differ as misread ones do: at most
    MOST_PAIRS."""
    pairs = dict.fromkeys(_sharing(senders))
    found = [
        (first, second)
        for first, second in pairs
        if senders[first].keys & senders[second].keys
        or letters_likeness(senders[first].name, senders[second].name) >= LEAST_LIKENESS
    ]
    return found[:MOST_PAIRS]


def _sharing(senders: Sequence[Sender]) -> Iterator[tuple[int, int]]:
    """Pairs that share a key of their numbers, domains or names; a key of many senders tells nothing."""
    owners: dict[str, list[int]] = {}
    for index, sender in enumerate(senders):
        for key in sender.keys | keys_of_values({"name": sender.name}):
            owners.setdefault(key, []).append(index)
    for indexes in owners.values():
        if len(indexes) <= MOST_OF_A_KEY:
            yield from combinations(indexes, 2)
