"""Workers register, are counted while they are live, and take turns at duties: in memory and in PostgreSQL."""

from __future__ import annotations

from layers.domain.fleet import SILENT_S, Fleet, Registration
from tests.contract.worlds import World, arrived


def worker(name: str, *, draining: bool = False, **slots: int) -> Registration:
    return Registration(name, "host", "1", slots, draining)


def test_the_slots_of_all_live_workers_add_up(world: World) -> None:
    assert world.store.beat(worker("one", ocr=2, text=4)) == Fleet(1, {"ocr": 2, "text": 4}, 1)
    assert world.store.beat(worker("two", ocr=3)) == Fleet(2, {"ocr": 5, "text": 4}, 2)


def test_a_worker_that_starts_again_with_other_slots_counts_once(world: World) -> None:
    world.store.beat(worker("one", ocr=2))
    assert world.store.beat(worker("one", ocr=1, preview=1)) == Fleet(1, {"ocr": 1, "preview": 1}, 1)


def test_a_worker_that_leaves_or_drains_no_longer_counts(world: World) -> None:
    for name in ("one", "two", "three"):
        world.store.beat(worker(name, ocr=2))
    world.store.leave("one")
    assert world.store.beat(worker("two", draining=True, ocr=2)) == Fleet(1, {"ocr": 2}, 1)


def test_a_silent_worker_no_longer_counts(world: World) -> None:
    world.store.beat(worker("dead", ocr=2))
    world.time_passes(SILENT_S + 1)
    assert world.store.beat(worker("live", ocr=1)) == Fleet(1, {"ocr": 1}, 1)
    assert world.store.beat(worker("dead", ocr=2)) == Fleet(2, {"ocr": 3}, 2)


def test_a_worker_learns_how_many_share_its_host(world: World) -> None:
    world.store.beat(Registration("elsewhere", "other host", "1", {"ocr": 1}))
    assert world.store.beat(worker("one", ocr=1)).on_host == 1
    assert world.store.beat(worker("two", ocr=1)).on_host == 2


def test_a_duty_is_taken_by_one_worker_in_each_interval(world: World) -> None:
    assert [world.store.take_turn("pulse", 9) for _ in range(3)] == [True, False, False]
    assert world.store.take_turn("upkeep", 54)
    world.time_passes(10)
    assert world.store.take_turn("pulse", 9)
    assert not world.store.take_turn("upkeep", 54)


def test_a_duty_that_was_taken_in_the_future_is_due(world: World) -> None:
    world.store.take_turn("pulse", 9)
    world.time_passes(-3600)
    assert world.store.take_turn("pulse", 9)


def test_dispatch_never_exceeds_the_ceiling(world: World) -> None:
    arrived(world, 6)
    assert len(world.store.dispatch({"intake": 4}, ceilings={"intake": 3})) == 3
    assert world.store.dispatch({"intake": 4}, ceilings={"intake": 3}) == []
    assert len(world.store.dispatch({"intake": 5})) == 2
