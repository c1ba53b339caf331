"""How the steps that call a service use its budget; on ports in memory, with a clock that tests set."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from functions.arrivals import take_arrivals
from functions.dispatch import dispatch
from functions.pipelines import STEPS
from layers.adapters.redis.budgets import RedisBudgets
from layers.attempts.pacing import Pacer
from layers.attempts.runner import Runner
from layers.domain.budget import Rate
from layers.domain.errors import Throttled
from layers.domain.file import File, original_key
from layers.domain.message import Arrival
from layers.domain.step import Done, Part, Pipeline
from tests.unit.test_runner import Host

NOISY, QUIET = str(uuid.uuid4()), str(uuid.uuid4())


class Service:
    """A service that accepts `per_s` calls a second, and `burst` at once. Each call takes `call_s` seconds."""

    def __init__(self, per_s: float, burst: float = 3, call_s: float = 0.02) -> None:
        self.per_s, self.burst, self.call_s = per_s, burst, call_s
        self.tokens, self.filled_at = burst, 0.0
        self.served: list[float] = []
        self.throttled = 0

    def call(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.per_s)
        self.filled_at = now
        if self.tokens < 1:
            self.throttled += 1
            raise Throttled(5.0, "the service is limiting calls", "extraction")
        self.tokens -= 1
        self.served.append(now)


class Spender:
    """A host whose `read` step calls a service with a budget."""

    def __init__(self, service: Service, rate: Rate, concurrency: int = 4) -> None:
        self.service = service
        self.tenants: list[str] = []
        self.host = host = Host(read=self.read, depends_on="extraction")
        self.budgets = RedisBudgets("", {"extraction": rate}, now=lambda: host.now)
        self.pacer = Pacer(self.budgets, "extraction", sleep=self.pass_time)
        main, *others = host.runner.pipelines
        # The estimate is close to the cost by the real clock, so that no lane is corrected.
        read = replace(main.steps[0], pays_by_call=True, plan=lambda file: (Part(cost_estimate_s=0.001),))
        ports = replace(
            host.runner.ports, budgets=self.budgets, extractor=cast(Any, SimpleNamespace(pays_by_call=True))
        )
        pipelines = (Pipeline("main", (read, *main.steps[1:])), *others)
        host.runner = Runner(
            ports, host.runner.steps["intake"], pipelines, {"intake": 1000, "read": concurrency}, chance=lambda: 0.5
        )

    def pass_time(self, seconds: float) -> None:
        self.host.now += seconds

    def read(self, file: File, work: Any) -> Done:
        self.pacer()
        self.tenants.append(file.tenant_id)
        self.host.now += self.service.call_s
        self.service.call(self.host.now)
        work.meter.add(input_tokens=1)
        return Done()

    def arrive(self, tenant_id: str, count: int) -> list[str]:
        keys = []
        for _ in range(count):
            file_id = str(uuid.uuid4())
            key = original_key(tenant_id, file_id)
            self.host.store.promise(File(file_id, tenant_id, "d", f"batch of {tenant_id}", "a", key, None, 5, None))
            self.host.objects.objects[key] = b"hello"
            keys.append(key)
        take_arrivals(self.host.runner, [Arrival(key) for key in keys])
        return [key.rsplit("/", 1)[-1] for key in keys]

    def begin(self) -> None:
        """Run all parts that need no budget, until only others are left."""
        others = [wake_up for wake_up in self.host.topics.published if wake_up.step != "read"]
        while others:
            for wake_up in others:
                self.host.topics.published.remove(wake_up)
                self.host.runner.run(wake_up)
            others = [wake_up for wake_up in self.host.topics.published if wake_up.step != "read"]

    def work(self, seconds: float) -> None:
        until = self.host.now + seconds
        while self.host.now < until:
            if self.host.topics.published:
                self.host.runner.run(self.host.topics.published.pop(0))
            else:
                self.host.now += 0.1
                dispatch(self.host.runner)


def reading(spender: Spender) -> list[Any]:
    return [wake_up for wake_up in spender.host.topics.published if wake_up.step == "read"]


def test_no_more_parts_are_dispatched_than_the_budget_allows() -> None:
    spender = Spender(Service(10), Rate(2, burst_s=3), concurrency=40)
    spender.arrive(NOISY, 30)
    spender.begin()
    assert len(reading(spender)) == 6
    assert spender.host.topics.delays_s  # the dispatcher is called again when there is room
    spender.host.now += 1.0
    dispatch(spender.host.runner)
    assert len(reading(spender)) == 8


def test_budget_that_the_lanes_did_not_need_is_released() -> None:
    spender = Spender(Service(10), Rate(2, burst_s=3), concurrency=40)
    spender.arrive(NOISY, 2)
    spender.begin()
    assert len(reading(spender)) == 2 and spender.budgets.states()["extraction"].room == 4


def test_a_throttled_tenant_does_not_use_the_next_tenants_turn() -> None:
    spender = Spender(Service(4), Rate(4), concurrency=4)
    spender.arrive(NOISY, 100)
    spender.work(3)
    spender.arrive(QUIET, 10)
    spender.tenants.clear()
    spender.work(12)
    first = spender.tenants.index(QUIET)
    assert Counter(spender.tenants[first:])[QUIET] == 10
    in_turn = Counter(spender.tenants[first : first + 20])
    assert first <= 11 and abs(in_turn[QUIET] - in_turn[NOISY]) <= 4


@pytest.mark.parametrize(("provider_per_s", "agreed_per_s"), [(10, 10), (5, 10)])
def test_the_capacity_of_a_service_is_fully_used_and_no_attempt_is_spent(
    provider_per_s: float, agreed_per_s: float
) -> None:
    service = Service(provider_per_s)
    spender = Spender(service, Rate(agreed_per_s))
    file_ids = spender.arrive(NOISY, 150)
    spender.begin()
    began = spender.host.now
    while len(service.served) < 150 and spender.host.now < began + 600:
        spender.work(5)
    spender.work(20)
    assert {spender.host.file(file_id).state for file_id in file_ids} == {"done"}
    assert {row.failures for row in spender.host.store.steps.values()} == {0}
    late = [at for at in service.served if at >= began + 0.2 * (service.served[-1] - began)]
    assert len(late) / (late[-1] - late[0]) >= 0.95 * provider_per_s
    assert service.throttled <= 25  # until the rate was low enough


def test_without_a_budget_a_throttled_part_runs_again_after_the_delay_from_the_service() -> None:
    spender = Spender(Service(1, burst=1), Rate(1000), concurrency=1)
    spender.host.runner.ports.budgets.__dict__["_rates"].clear()
    spender.arrive(NOISY, 2)
    spender.host.work()
    assert sorted(spender.host.topics.delays_s) == [5.0]


@pytest.mark.parametrize(
    ("step", "paid_reader", "extractor_pays", "pays"),
    [
        ("textract", True, False, True),
        ("textract", False, True, False),
        ("extraction", False, True, True),
        ("extraction", True, False, False),
        ("ocr", True, True, False),
    ],
)
def test_a_step_costs_money_if_its_service_is_configured_and_charges_for_calls(
    step: str, paid_reader: bool, extractor_pays: bool, pays: bool
) -> None:
    ports = replace(
        Host().runner.ports,
        paid_reader=cast(Any, SimpleNamespace()) if paid_reader else None,
        extractor=cast(Any, SimpleNamespace(pays_by_call=extractor_pays)),
    )
    assert ports.pays(STEPS[step]) == pays
    assert ports.has("textract") == paid_reader and ports.has("ocr")
