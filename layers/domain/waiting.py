"""Forecasts how long a file waits, from the work ahead of it in the fair order and how fast that is served.

A part is dispatched when its tenant's lane has reached the part's pass. Before that, the fair order serves the parts
that its owner has ahead of it, and some work of every other lane. The time after that follows from how long recent
attempts took. Every result is a range of seconds, which is wide if little is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Range = tuple[float, float]
# The range allows for work that arrives later, wrong estimates, and a changing rate.
SOONER = 0.8
LATER = 1.35
# An unknown rate is assumed to be between these multiples of the step's reserved concurrency.
SLOWEST, FASTEST = 0.2, 3.0
START_S = 2.0  # the longest time from dispatch until a worker has the part
UNKNOWN_RUN: Range = (0.05, 10.0)


@dataclass(frozen=True, slots=True)
class StepForecast:
    """The work that waits for a step in all lanes, and how fast it is served, as checked `age_s` seconds ago.

    When the fair order reaches `curve_pass[n]`, `curve_cost_s[n]` seconds of work have been served in all lanes.
    `served` is the lowest and the highest recent rate, in seconds of estimated work per second. `cost_a_file_s` is the
    average work that a recent file had for this step; `run_s` is how long an attempt takes.
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
        """Seconds of work in all lanes that are served before the order reaches a pass."""
        index = bisect_right(self.curve_pass, to_pass)
        if index == 0:
            return 0.0
        if index == len(self.curve_pass):
            return self.curve_cost_s[-1]
        from_pass, until_pass = self.curve_pass[index - 1 : index + 1]
        from_s, until_s = self.curve_cost_s[index - 1 : index + 1]
        return from_s + (until_s - from_s) * (to_pass - from_pass) / (until_pass - from_pass)

    def takes(self, cost_s: float) -> Range:
        """Seconds from now until this much work has been dispatched."""
        if cost_s <= 0:
            return 0.0, 0.0
        slowest, fastest = self.served or (SLOWEST * self.concurrency, FASTEST * self.concurrency)
        low, high = cost_s / fastest * SOONER, cost_s / slowest * LATER
        return max(0.0, low - self.age_s), max(0.0, high - self.age_s * SOONER)


UNKNOWN = StepForecast()


@dataclass(frozen=True, slots=True)
class OwnLane:
    """The work of one batch that waits for one step. Ahead of a part that became ready at `marks_at[n]` there are
    `marks_files[n]` files and `marks_cost_s[n]` seconds of work in the lane."""

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
        """Files and seconds of work in this lane ahead of a part that became ready at a time."""
        if not self.marks_at or ready_at > self.marks_at[-1]:
            return self.files, self.cost_s
        index = bisect_left(self.marks_at, ready_at)
        if index == 0:
            return self.marks_files[0], self.marks_cost_s[0]
        from_at, until_at = self.marks_at[index - 1 : index + 1]
        share = (ready_at - from_at) / (until_at - from_at)
        files, until_files = self.marks_files[index - 1 : index + 1]
        cost_s, until_s = self.marks_cost_s[index - 1 : index + 1]
        return files + (until_files - files) * share, cost_s + (until_s - cost_s) * share


@dataclass(frozen=True, slots=True)
class OwnLanes:
    """A tenant's own lanes of one step: their work together, the tenant's weight and pass, and a new batch's pass."""

    lanes: Mapping[str, OwnLane]
    cost_s: float
    weight: float
    tenant_pass: float
    new_batch_pass: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """The work that is served before a part: its owner's files and seconds of work (`own_s`), and the work of all
    tenants (`cost_s`).

    The order among lanes with the same pass is unknown. If all others go first, `latest_s` is served before the part.
    """

    files: float = 0.0
    own_s: float = 0.0
    cost_s: float = 0.0
    latest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LaneView:
    """One tenant's view of the lanes: the forecast of every step, and its own lanes by step and batch."""

    forecasts: Mapping[str, StepForecast] = field(default_factory=dict)
    lanes: Mapping[str, Mapping[str, OwnLane]] = field(default_factory=dict)
    _own_lanes: dict[str, OwnLanes] = field(default_factory=dict, compare=False, repr=False)

    def forecast(self, step: str) -> StepForecast:
        return self.forecasts.get(step, UNKNOWN)

    def lane(self, step: str, batch_id: str) -> OwnLane | None:
        return self.lanes.get(step, {}).get(batch_id)

    def ahead(self, step: str, batch_id: str, files: float, before_s: float, part_s: float = 0.0) -> Ahead:
        """The work that is served before a part, given the files and seconds of work ahead of it in its own batch.

        `part_s` is the estimated work of the part itself.
        """
        own = self._own(step)
        lane = own.lanes.get(batch_id)
        batch_until = (lane.batch_pass if lane else own.new_batch_pass) + before_s / (
            lane.batch_weight if lane else 1.0
        )
        own_s = before_s
        for other_id, other in own.lanes.items():
            if other_id != batch_id and other.cost_s and batch_until > other.batch_pass:
                served_s = min(other.cost_s, (batch_until - other.batch_pass) * other.batch_weight)
                own_s += served_s
                files += other.files * served_s / other.cost_s
        cost_s = own_s + self._others_s(step, own, own_s)
        return Ahead(files, own_s, cost_s, own_s + self._others_s(step, own, own_s + part_s) if part_s else cost_s)

    def _others_s(self, step: str, own: OwnLanes, own_s: float) -> float:
        """Work of other tenants that is served while `own_s` of the tenant's own work is served."""
        passed_s = self.forecast(step).passed_over(own.tenant_pass + own_s / own.weight)
        return max(0.0, passed_s - min(own.cost_s, own_s))

    def _own(self, step: str) -> OwnLanes:
        if step not in self._own_lanes:
            lanes, curve = self.lanes.get(step, {}), self.forecast(step).curve_pass
            any_lane = next(iter(lanes.values()), None)
            self._own_lanes[step] = OwnLanes(
                lanes,
                sum(lane.cost_s for lane in lanes.values()),
                any_lane.tenant_weight if any_lane else 1.0,
                # A tenant without a lane starts at the current pass.
                any_lane.tenant_pass if any_lane else curve[0] if curve else 0.0,
                min((lane.batch_pass for lane in lanes.values()), default=0.0),
            )
        return self._own_lanes[step]

    def finishes(self, step: str, batch_id: str, ahead: Ahead, rest: Sequence[str]) -> Range:
        """Seconds until a file has finished a step and the steps after it, given what is ahead of it at this step."""
        forecast = self.forecast(step)
        begins_s = forecast.takes(ahead.cost_s)[0], forecast.takes(ahead.latest_s)[1]
        return self._through(step, batch_id, begins_s, ahead.files, rest)

    def finishes_after_start(self, step: str, batch_id: str, begins_s: Range, rest: Sequence[str]) -> Range:
        """Like `finishes`, for a file whose attempt at this step starts in `begins_s` seconds."""
        return self._through(step, batch_id, begins_s, 0.0, rest)

    def batch_finishes(self, batch_id: str, steps: Sequence[str]) -> Range:
        """Seconds until the last file of a batch has finished these steps."""
        low = high = coming = 0.0
        runs: list[Range] = []
        for step in steps:
            forecast, lane = self.forecast(step), self.lane(step, batch_id)
            if lane or forecast.cost_a_file_s:
                runs.append(forecast.run_s)
            before_s = (lane.cost_s if lane else 0.0) + coming * forecast.cost_a_file_s
            soonest, latest = forecast.takes(self.ahead(step, batch_id, 0, before_s).cost_s)
            coming += lane.files if lane else 0
            low, high = max(low, soonest), max(high, latest)
        runs = runs or [UNKNOWN_RUN]
        return low + min(run[0] for run in runs), high + sum(run[1] for run in runs) + START_S

    def _through(self, step: str, batch_id: str, begins_s: Range, coming: float, rest: Sequence[str]) -> Range:
        low, high = begins_s
        run_low, run_high = self.forecast(step).run_s
        for later in rest:
            forecast, lane = self.forecast(later), self.lane(later, batch_id)
            if lane or forecast.cost_a_file_s:
                before_s = (lane.cost_s if lane else 0.0) + coming * forecast.cost_a_file_s
                soonest, latest = forecast.takes(self.ahead(later, batch_id, 0, before_s).cost_s)
                low, high = max(low, soonest), max(high, latest)
                run_high += forecast.run_s[1]
            coming += lane.files if lane else 0
        return low + run_low, high + run_high + START_S
