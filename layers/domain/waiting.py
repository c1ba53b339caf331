"""How long something waits, by what stands before it in the fair order and by how fast that is served.

A part is dispatched when its tenant's lane has come to the pass at which it stands. Until then are served: what its
owner has before it, and of every other lane as much as the order passes over. Its rest follows from what steps took of
late. All of it is a guess about the future, given as a range that is wide where little is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Range = tuple[float, float]
# What the range allows for: others who come meanwhile, estimates that are wrong, a rate that changes.
SOONER = 0.8
LATER = 1.35
# Where nothing is known of the rate, a step is taken to serve between these shares of its reserved concurrency.
SLOWEST, FASTEST = 0.2, 3.0
TAKEN_UP_S = 2.0  # from the moment that a part may be dispatched until a worker has it, at most
UNKNOWN_RUN: Range = (0.05, 10.0)


@dataclass(frozen=True, slots=True)
class Outlook:
    """A step as it was last looked at, `age_s` ago: how much waits in all, in fair order, and how fast it is served.

    Until the order comes to `curve_pass[n]`, `curve_cost_s[n]` seconds of all lanes are served. `served` is in seconds
    of cost a second, at the slowest and at the fastest of late. `cost_a_file_s` is what a file of late had this step
    to do; `run_s` how long an attempt takes.
    """

    cost_s: float = 0.0
    curve_pass: Sequence[float] = ()
    curve_cost_s: Sequence[float] = ()
    served: Range | None = None
    cost_a_file_s: float = 0.0
    run_s: Range = UNKNOWN_RUN
    concurrency: float = 1.0
    age_s: float = 0.0

    def passed_over(self, to_pass: float) -> float:
        """What is served of all lanes until the order comes to a pass."""
        place = bisect_right(self.curve_pass, to_pass)
        if place == 0:
            return 0.0
        if place == len(self.curve_pass):
            return self.curve_cost_s[-1]
        from_pass, until_pass = self.curve_pass[place - 1 : place + 1]
        from_s, until_s = self.curve_cost_s[place - 1 : place + 1]
        return from_s + (until_s - from_s) * (to_pass - from_pass) / (until_pass - from_pass)

    def takes(self, cost_s: float) -> Range:
        """How long it takes until so much has been dispatched, from now."""
        if cost_s <= 0:
            return 0.0, 0.0
        slowest, fastest = self.served or (SLOWEST * self.concurrency, FASTEST * self.concurrency)
        low, high = cost_s / fastest * SOONER, cost_s / slowest * LATER
        return max(0.0, low - self.age_s), max(0.0, high - self.age_s * SOONER)


NOTHING_SEEN = Outlook()


@dataclass(frozen=True, slots=True)
class OwnLane:
    """What one batch has waiting for one step. The marks lie along it: before what was readied at `marks_at[n]`
    stand `marks_files[n]` files and `marks_cost_s[n]` seconds."""

    files: int
    parts: int
    cost_s: float
    tenant_pass: float
    tenant_weight: float
    batch_pass: float
    batch_weight: float
    marks_at: Sequence[float] = ()
    marks_files: Sequence[int] = ()
    marks_cost_s: Sequence[float] = ()

    def before(self, ready_at: float) -> tuple[float, float]:
        """Files and seconds of this lane before what was readied at a time; all of it, where that was later."""
        if not self.marks_at or ready_at > self.marks_at[-1]:
            return self.files, self.cost_s
        place = bisect_left(self.marks_at, ready_at)
        if place == 0:
            return self.marks_files[0], self.marks_cost_s[0]
        from_at, until_at = self.marks_at[place - 1 : place + 1]
        share = (ready_at - from_at) / (until_at - from_at)
        files, until_files = self.marks_files[place - 1 : place + 1]
        cost_s, until_s = self.marks_cost_s[place - 1 : place + 1]
        return files + (until_files - files) * share, cost_s + (until_s - cost_s) * share


@dataclass(frozen=True, slots=True)
class Own:
    """A tenant's own lanes of one step: what they cost together, its weight, and where it and a new batch stand."""

    lanes: Mapping[str, OwnLane]
    cost_s: float
    weight: float
    at: float
    batch_at: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is served before something: files of its own owner, and seconds of everybody's.

    Of lanes at the same pass it is not told here which goes first: up to `latest_s` are served before it where all
    the others do.
    """

    files: float = 0.0
    own_s: float = 0.0
    cost_s: float = 0.0
    latest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One tenant's view of the lanes: every step's outlook, and its own lanes by step and batch."""

    outlooks: Mapping[str, Outlook] = field(default_factory=dict)
    lanes: Mapping[str, Mapping[str, OwnLane]] = field(default_factory=dict)
    _owns: dict[str, Own] = field(default_factory=dict, compare=False, repr=False)

    def outlook(self, step: str) -> Outlook:
        return self.outlooks.get(step, NOTHING_SEEN)

    def lane(self, step: str, batch_id: str) -> OwnLane | None:
        return self.lanes.get(step, {}).get(batch_id)

    def ahead(self, step: str, batch_id: str, files: float, before_s: float, part_s: float = 0.0) -> Ahead:
        """What is served before a part of a batch that has so many files and seconds of its own batch before it.

        `part_s` is what it costs itself.
        """
        own = self._own(step)
        lane = own.lanes.get(batch_id)
        batch_until = (lane.batch_pass if lane else own.batch_at) + before_s / (lane.batch_weight if lane else 1.0)
        own_s = before_s
        for other_id, other in own.lanes.items():
            if other_id != batch_id and other.cost_s and batch_until > other.batch_pass:
                served_s = min(other.cost_s, (batch_until - other.batch_pass) * other.batch_weight)
                own_s += served_s
                files += other.files * served_s / other.cost_s
        cost_s = own_s + self._others_s(step, own, own_s)
        return Ahead(files, own_s, cost_s, own_s + self._others_s(step, own, own_s + part_s) if part_s else cost_s)

    def _others_s(self, step: str, own: Own, own_s: float) -> float:
        """What is served of others' lanes while so much is of one's own."""
        passed_s = self.outlook(step).passed_over(own.at + own_s / own.weight)
        return max(0.0, passed_s - min(own.cost_s, own_s))

    def _own(self, step: str) -> Own:
        if step not in self._owns:
            lanes, curve = self.lanes.get(step, {}), self.outlook(step).curve_pass
            any_of_them = next(iter(lanes.values()), None)
            self._owns[step] = Own(
                lanes,
                sum(one.cost_s for one in lanes.values()),
                any_of_them.tenant_weight if any_of_them else 1.0,
                # Who comes anew starts where the order is.
                any_of_them.tenant_pass if any_of_them else curve[0] if curve else 0.0,
                min((one.batch_pass for one in lanes.values()), default=0.0),
            )
        return self._owns[step]

    def finishes(self, step: str, batch_id: str, ahead: Ahead, rest: Sequence[str]) -> Range:
        """When a file will be through a step and the steps after it, given what is served before it at this one."""
        outlook = self.outlook(step)
        begins_s = outlook.takes(ahead.cost_s)[0], outlook.takes(ahead.latest_s)[1]
        return self._through(step, batch_id, begins_s, ahead.files, rest)

    def goes_on(self, step: str, batch_id: str, begins_s: Range, rest: Sequence[str]) -> Range:
        """The same for a file whose attempt at this step begins at a time that is known."""
        return self._through(step, batch_id, begins_s, 0.0, rest)

    def batch_finishes(self, batch_id: str, steps: Sequence[str]) -> Range:
        """When the last file of a batch will be through these steps."""
        low = high = coming = 0.0
        runs: list[Range] = []
        for step in steps:
            outlook, lane = self.outlook(step), self.lane(step, batch_id)
            if lane or outlook.cost_a_file_s:
                runs.append(outlook.run_s)
            before_s = (lane.cost_s if lane else 0.0) + coming * outlook.cost_a_file_s
            soonest, latest = outlook.takes(self.ahead(step, batch_id, 0, before_s).cost_s)
            coming += lane.files if lane else 0
            low, high = max(low, soonest), max(high, latest)
        runs = runs or [UNKNOWN_RUN]
        return low + min(run[0] for run in runs), high + sum(run[1] for run in runs) + TAKEN_UP_S

    def _through(self, step: str, batch_id: str, begins_s: Range, coming: float, rest: Sequence[str]) -> Range:
        low, high = begins_s
        run_low, run_high = self.outlook(step).run_s
        for later in rest:
            outlook, lane = self.outlook(later), self.lane(later, batch_id)
            if lane or outlook.cost_a_file_s:
                before_s = (lane.cost_s if lane else 0.0) + coming * outlook.cost_a_file_s
                soonest, latest = outlook.takes(self.ahead(later, batch_id, 0, before_s).cost_s)
                low, high = max(low, soonest), max(high, latest)
                run_high += outlook.run_s[1]
            coming += lane.files if lane else 0
        return low + run_low, high + run_high + TAKEN_UP_S
