"""The plan of a run: what users do and which faults happen when. The seed decides all of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TENANTS = 3
SERVERS = ("postgres", "valkey", "store")
PROGRAMS = ("api", "worker-1", "worker-2")
PROXIED = (*SERVERS, "store_public", "api")  # the ports that are reached through a proxy
CLOCK_STEPS_S = (-600.0, -60.0, -5.0, 5.0, 60.0, 600.0)
LATENCY_S = 30.0
WHICH_DECODER = (0.0, 0.25, 0.5, 0.75, 0.99)  # the position in the list of running decoders, as a share
CALM_SHARE = 0.08  # of the run, at its end, in which no fault begins

# The kinds of files, and how many of a hundred are of each.
KINDS = {"text": 44, "mail": 15, "pdf": 14, "office": 10, "photo": 8, "scan": 6, "parts": 3}
# What happens to a file after its description, and how many of a hundred have that fate.
FATES = {"keep": 70, "renew": 8, "remove": 10, "undo": 12}
CANCELLED_SHARE = 0.12  # of the batches
FILES_A_BATCH = (2, 7)
BATCH_EVERY_S = (4.0, 16.0)
FAULT_EVERY_S = (3.0, 13.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: what it may strike, and for how many seconds. `strengths` are its variants."""

    title: str
    targets: Sequence[str]
    lasts_s: tuple[float, float]
    strengths: Sequence[float] = (0.0,)


FAULTS: Mapping[str, Fault] = {
    "fill_disk": Fault("the disk is filled up to {strength:.0f} MiB", ("the disk",), (5, 25), (0, 0, 100)),
    "steal_cpu": Fault("{strength:.0f} busy loops for each core", ("the processors",), (10, 30), (1, 3)),
    "press_memory": Fault("{strength:.0f} MiB of memory are left", ("the memory",), (8, 20), (16, 64)),
    "step_clock": Fault("the wall clock steps by {strength:+.0f} s", ("the clock",), (0, 0), CLOCK_STEPS_S),
    "tear": Fault("all connections to {target} are torn", PROXIED, (0, 0)),
    "refuse": Fault("{target} refuses connections", PROXIED, (3, 20)),
    "silence": Fault("connections to {target} are half open", PROXIED, (10, 40)),
    "delay": Fault("{target} answers {strength:.0f} s late", PROXIED, (40, 60), (LATENCY_S,)),
    "kill": Fault("{target} is killed", (*SERVERS, *PROGRAMS, "decoder", "supervisor"), (0, 0), WHICH_DECODER),
    "freeze": Fault("{target} is stopped", (*SERVERS, *PROGRAMS), (5, 40)),
}


@dataclass(frozen=True, slots=True)
class FilePlan:
    kind: str
    fate: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that a tenant uploads. `cancel_after` is how many of its files are uploaded before it is cancelled."""

    number: int
    tenant: int
    files: tuple[FilePlan, ...]
    cancel_after: int | None
    undo_after_s: float

    def __str__(self) -> str:
        files = ", ".join(file.kind + ("" if file.fate == "keep" else f" ({file.fate})") for file in self.files)
        cancelled = "" if self.cancel_after is None else f"; cancelled after {self.cancel_after}"
        return f"tenant {self.tenant} uploads batch {self.number}: {files}{cancelled}"


@dataclass(frozen=True, slots=True)
class Strike:
    """One occurrence of a fault."""

    fault: str
    target: str
    lasts_s: float
    strength: float

    def __str__(self) -> str:
        title = FAULTS[self.fault].title.format(target=self.target, strength=self.strength)
        return f"FAULT {title}" + (f" for {self.lasts_s:.0f} s" if self.lasts_s else "")


@dataclass(frozen=True, slots=True)
class Event:
    at_s: float
    what: Batch | Strike

    def __str__(self) -> str:
        return f"{self.at_s:7.1f} s  {self.what}"


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    length_s: float
    events: tuple[Event, ...] = field(default=())


def make_plan(seed: int, minutes: float) -> Plan:
    """The plan for a seed. Each pair of fault and target occurs once before any of them occurs again."""
    length_s = minutes * 60
    users, faults = random.Random(f"users {seed}"), random.Random(f"faults {seed}")
    events = [*_batches(users, length_s), *_strikes(faults, length_s * (1 - CALM_SHARE))]
    return Plan(seed, length_s, tuple(sorted(events, key=lambda event: event.at_s)))


def _batches(chance: random.Random, until_s: float) -> list[Event]:
    events: list[Event] = []
    at_s = chance.uniform(0, 2)
    while at_s < until_s:
        kinds = _drawn(chance, KINDS, chance.randint(*FILES_A_BATCH))
        fates = _drawn(chance, FATES, len(kinds))
        is_cancelled = chance.random() < CANCELLED_SHARE
        batch = Batch(
            number=len(events),
            tenant=chance.randrange(TENANTS),
            files=tuple(FilePlan(kind, fate) for kind, fate in zip(kinds, fates, strict=True)),
            cancel_after=chance.randint(0, len(kinds)) if is_cancelled else None,
            undo_after_s=chance.uniform(0, 15),
        )
        events.append(Event(at_s, batch))
        at_s += chance.uniform(*BATCH_EVERY_S)
    return events


def _drawn(chance: random.Random, shares: Mapping[str, int], count: int) -> list[str]:
    return chance.choices(list(shares), list(shares.values()), k=count)


def _strikes(chance: random.Random, until_s: float) -> list[Event]:
    events: list[Event] = []
    left: list[tuple[str, str]] = []
    free_from_s: dict[tuple[str, str], float] = {}
    at_s = chance.uniform(*FAULT_EVERY_S)
    while at_s < until_s:
        if not left:
            left = [(name, target) for name, fault in FAULTS.items() for target in fault.targets]
            chance.shuffle(left)
        name, target = left.pop()
        lasts_s = chance.uniform(*FAULTS[name].lasts_s)
        strength = chance.choice(FAULTS[name].strengths)
        at_s = max(at_s, free_from_s.get((name, target), 0.0))
        lasts_s = min(lasts_s, max(0.0, until_s - at_s))
        free_from_s[name, target] = at_s + lasts_s
        events.append(Event(at_s, Strike(name, target, lasts_s, strength)))
        at_s += chance.uniform(*FAULT_EVERY_S)
    return events
