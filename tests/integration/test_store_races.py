"""Concurrent dispatch, planning and recording on PostgreSQL, and the marks and floors of the dispatch order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from layers.domain.file import File
from layers.domain.page import Extraction, Page
from layers.domain.step import Done, Part, PlannedStep
from layers.ports import FilePlan, Finished
from tests.making import INTAKE_DONE, ONE_PART, Bench, Urls, nothing_follows
from tests.waiting import eventually

ROUNDS = 25


@pytest.fixture
def bench(database_urls: Urls) -> Bench:
    bench = Bench.on(database_urls, most=32)
    bench.empty()
    return bench


def all_at_once(tasks: Sequence[Callable[[], object]]) -> list[object]:
    """Run tasks in threads that start together. Returns their results. Raises the error of any."""
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], object]) -> object:
        barrier.wait(10)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_no_step_is_lost_if_its_lane_empties_while_it_becomes_ready(bench: Bench) -> None:
    tenant_id = bench.tenant()
    for _ in range(ROUNDS):
        files = [bench.arrived(1, tenant_id)[0] for _ in range(2)]
        first, second = bench.store.dispatch({"intake": 1000})
        plan = FilePlan([PlannedStep("text", ONE_PART)])

        def ready(wake_up: object, plan: FilePlan = plan) -> object:
            return bench.store.record(bench.claim(wake_up), INTAKE_DONE, lambda _: plan, cost_s=0, host="h")  # type: ignore[arg-type]

        def empty_lanes() -> list[object]:
            return [wake_up for _ in range(6) for wake_up in bench.store.dispatch({"text": 1000})]

        answers = all_at_once([lambda w=first: ready(w), empty_lanes, lambda w=second: ready(w), empty_lanes])  # type: ignore[misc]
        dispatched = [wake_up for answer in answers if isinstance(answer, list) for wake_up in answer]
        dispatched += bench.store.dispatch({"text": 1000})
        assert len(dispatched) == len(files), "a ready step is in a lane that dispatch does not read"
        for wake_up in dispatched:
            bench.store.record(bench.claim(wake_up), Done(), nothing_follows, cost_s=0, host="h")
        assert bench.store.repair_lanes() == 0


def test_no_wake_up_is_lost_while_the_dispatcher_is_busy(bench: Bench) -> None:
    tenant_id = bench.tenant()
    for _ in range(ROUNDS):

        def arrive_and_dispatch() -> list[object]:
            bench.arrived(1, tenant_id)
            return list(bench.store.dispatch({"intake": 1000}))

        answers = all_at_once([arrive_and_dispatch] * 6)
        dispatched = [wake_up for answer in answers if isinstance(answer, list) for wake_up in answer]
        assert len(dispatched) == 6, "a ready step was left behind although there was room"
        assert len(set(dispatched)) == 6
        bench.database.run("UPDATE steps SET state = 'done' WHERE state = 'queued'")


def test_parts_that_end_at_once_make_the_next_step_ready_exactly_once(bench: Bench) -> None:
    for _ in range(ROUNDS):
        wake_ups = bench.planned(1, [PlannedStep("ocr", tuple(Part((number,)) for number in (1, 2, 3)))])
        claims = [bench.claim(wake_up) for wake_up in wake_ups]
        plans: list[int] = []

        def planner(file: File, plans: list[int] = plans) -> FilePlan:
            plans.append(len(file.pages))
            return FilePlan([PlannedStep("extraction", ONE_PART)])

        all_at_once(
            [
                lambda c=claim: bench.store.record(  # type: ignore[misc]
                    c,
                    Done(pages=(Page(c.file.page_numbers[0], "text", (), "ocr", 90.0),)),
                    planner,
                    cost_s=0,
                    host="h",
                )
                for claim in claims
            ]
        )
        assert plans == [3], "what follows was planned once, with every page in sight"
        assert len(bench.store.dispatch({"extraction": 1000})) == 1
        bench.database.run("UPDATE steps SET state = 'done' WHERE state = 'queued'")


def test_windows_that_end_at_once_are_merged_exactly_once_and_completely(bench: Bench) -> None:
    for _ in range(ROUNDS):
        wake_ups = bench.planned(1, [PlannedStep("extraction", (Part(), Part(), Part()))])
        claims = [bench.claim(wake_up) for wake_up in wake_ups]
        merged: list[list[int]] = []

        def planner(file: File, merged: list[list[int]] = merged) -> FilePlan:
            merged.append(sorted(file.windows))
            return FilePlan((), "done", merged=Done(extraction=Extraction({"n": len(file.windows)}, (), {})))

        found = Done(window=Extraction({}, (), {}))
        all_at_once(
            [lambda c=c, found=found: bench.store.record(c, found, planner, cost_s=0, host="h") for c in claims]
        )  # type: ignore[misc]
        assert merged == [[0, 1, 2]]
        file_id = claims[0].file.file_id
        left = "SELECT (SELECT fields ->> 'n' FROM records WHERE file_id = %(id)s) AS n, (SELECT count(*) FROM windows) AS windows"
        assert bench.database.row(left, id=file_id) == {"n": "3", "windows": 0}


def test_concurrent_dispatchers_keep_to_the_cap(bench: Bench) -> None:
    bench.arrived(40)
    all_at_once([lambda: bench.store.dispatch({"intake": 7})] * 8)
    row = bench.database.row("SELECT count(*) AS queued FROM steps WHERE state = 'queued'")
    assert row == {"queued": 7}


def apply(bench: Bench, file_id: str, plan: list[dict[str, object]]) -> None:
    from psycopg.types.json import Jsonb

    bench.database.rows("SELECT apply_plan(%(file_id)s, %(plan)s)", file_id=file_id, plan=Jsonb(plan))


def test_low_priority_delays_a_batch_only_within_its_own_tenant(bench: Bench) -> None:
    first, second = bench.tenant(), bench.tenant()
    files: dict[str, str] = {}
    for tenant_id, name, priority in ((first, "usual", "normal"), (first, "low", "low"), (second, "other", "normal")):
        dataset_id = bench.dataset(tenant_id)
        for file_id, _ in bench.files(tenant_id, dataset_id, bench.batch(tenant_id, dataset_id, priority), 30):
            apply(bench, file_id, [{"step": "ocr", "state": "ready", "parts": [{"pages": [], "cost_s": 1.0}]}])
            files[file_id] = name
    chosen = [files[wake_up.file_id] for wake_up in bench.store.dispatch({"ocr": 44})]
    assert {name: chosen.count(name) for name in ("usual", "low", "other")} == {"usual": 20, "low": 2, "other": 22}


def test_a_ready_step_that_is_committed_late_is_still_dispatched(bench: Bench) -> None:
    (late, *others) = [file_id for file_id, _ in bench.arrived(6)]
    bench.database.run("UPDATE steps SET ready_at = ready_at - interval '1 hour' WHERE file_id = %(id)s", id=late)
    bench.database.run("UPDATE batch_lanes SET ready_mark = clock_timestamp() - interval '1 minute'")
    assert {wake_up.file_id for wake_up in bench.store.dispatch({"intake": 5})} == set(others)
    assert [wake_up.file_id for wake_up in bench.store.dispatch({"intake": 100})] == [late]


def test_upkeep_lowers_a_mark_that_is_beyond_a_ready_part(bench: Bench) -> None:
    (late, *_) = [file_id for file_id, _ in bench.arrived(6)]
    bench.database.run("UPDATE steps SET ready_at = ready_at - interval '1 hour' WHERE file_id = %(id)s", id=late)
    bench.database.run("UPDATE batch_lanes SET ready_mark = clock_timestamp() - interval '1 minute'")
    bench.store.repair_lanes()
    assert [wake_up.file_id for wake_up in bench.store.dispatch({"intake": 1})] == [late]


def test_a_refunded_lane_below_the_floor_is_found(bench: Bench) -> None:
    tenants = [bench.tenant(), bench.tenant()]
    for tenant_id in tenants:
        bench.arrived(30, tenant_id)
    taken = 0
    for _ in range(8):
        taken += len(bench.store.dispatch({"intake": taken + 2}))
        bench.database.run("UPDATE lane_clocks SET floor_at = '-infinity'")
    wake_up = bench.store.dispatch({"intake": taken + 1})[0]
    claim = bench.claim(wake_up)
    floor = bench.database.row("SELECT floor FROM lane_clocks")
    bench.store.correct_lane(claim, -10.0)
    after = bench.database.row("SELECT floor FROM lane_clocks")
    assert floor and after and after["floor"] < floor["floor"]
    row = bench.database.row("SELECT tenant_id FROM steps WHERE file_id = %(id)s", id=wake_up.file_id)
    chosen = bench.store.dispatch({"intake": taken + 11})
    owners = bench.database.rows(
        "SELECT DISTINCT tenant_id FROM steps WHERE file_id = ANY (%(ids)s)",
        ids=[wake_up.file_id for wake_up in chosen],
    )
    assert len(chosen) == 10
    assert owners == [row]


def ready_parts(bench: Bench, lanes: Sequence[tuple[str, str]], cost_s: float, count: int) -> list[str]:
    """Create `count` files with one ready part in each of these lanes, (tenant_id, batch_id)s. Returns their ids."""
    files = []
    for tenant_id, batch_id in lanes:
        row = bench.database.row("SELECT dataset_id FROM batches WHERE batch_id = %(id)s", id=batch_id)
        assert row
        files += [file_id for file_id, _ in bench.files(tenant_id, str(row["dataset_id"]), batch_id, count)]
    for file_id in files:
        apply(bench, file_id, [{"step": "ocr", "state": "ready", "parts": [{"pages": [], "cost_s": cost_s}]}])
    return files


def lane_of(bench: Bench, tenant_id: str) -> tuple[str, str]:
    return tenant_id, bench.batch(tenant_id, bench.dataset(tenant_id))


def dispatch_until_floors_rise(bench: Bench, cap: int) -> list[str]:
    """Dispatch one by one up to the cap, with floors that rise each time. Returns the file ids."""
    chosen: list[str] = []
    for _ in range(cap):
        chosen += [wake_up.file_id for wake_up in bench.store.dispatch({"ocr": cap}, most={"ocr": 1})]
        bench.database.run("UPDATE lane_clocks SET floor_at = '-infinity'")
    return chosen


@pytest.mark.parametrize("of_one_tenant", [True, False])
def test_a_skipped_lane_of_long_parts_is_served_when_a_slot_is_free(bench: Bench, of_one_tenant: bool) -> None:
    tenant_id = bench.tenant()
    slow = lane_of(bench, tenant_id)
    quick = lane_of(bench, tenant_id if of_one_tenant else bench.tenant())
    long_ones, short_ones = ready_parts(bench, [slow], 30.0, 8), ready_parts(bench, [quick], 9.0, 40)
    chosen = dispatch_until_floors_rise(bench, 12)
    for _ in range(3):  # the lane falls behind the other
        bench.database.run("UPDATE steps SET state = 'done' WHERE state = 'queued' AND cost_estimate_s < 10")
        chosen += dispatch_until_floors_rise(bench, 12)
    assert set(long_ones) & set(chosen) and set(short_ones) & set(chosen)
    bench.database.run("UPDATE steps SET state = 'done' WHERE state = 'queued'")
    while more := bench.store.dispatch({"ocr": 12}):
        chosen += [wake_up.file_id for wake_up in more]
        bench.database.run("UPDATE steps SET state = 'done' WHERE state = 'queued'")
    assert sorted(chosen) == sorted(long_ones + short_ones)


def test_lanes_of_several_files_are_locked_in_the_order_of_their_steps(bench: Bench) -> None:
    tenant_id = bench.tenant()
    bench.arrived(2, tenant_id)
    claims = sorted(
        (bench.claim(wake_up) for wake_up in bench.store.dispatch({"intake": 1000})), key=lambda c: c.file.file_id
    )
    lane = tenant_id, claims[0].file.batch_id
    steps = ("thumbnail", "preview")  # of the first file the later one
    finished = [
        Finished(claim, INTAKE_DONE, lambda _, step=step: FilePlan([PlannedStep(step, ONE_PART)]), 0.0, None)  # type: ignore[misc]
        for claim, step in zip(claims, steps, strict=True)
    ]
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    with ThreadPoolExecutor(1) as pool:
        with bench.database.connection() as connection, connection.transaction():
            connection.execute("SELECT activate_lane('preview', %s, %s)", lane)
            recording = pool.submit(bench.store.record_all, finished, host="h")
            assert eventually(lambda: bench.database.rows(waiting), 10), "nothing waits for the lane that is locked"
            connection.execute("SET LOCAL lock_timeout = '500ms'")
            connection.execute("SELECT activate_lane('thumbnail', %s, %s)", lane)
        recording.result(10)
    assert len(bench.store.dispatch(dict.fromkeys(steps, 10))) == 2


@pytest.mark.parametrize("of_one_tenant", [True, False])
def test_a_lane_that_seemed_empty_during_its_activation_is_not_left_below_the_floor(
    bench: Bench, of_one_tenant: bool
) -> None:
    tenant_id = bench.tenant()
    first = lane_of(bench, tenant_id)
    second = lane_of(bench, tenant_id if of_one_tenant else bench.tenant())
    (late,) = ready_parts(bench, [first], 1.0, 1)
    others = ready_parts(bench, [second], 1.0, 20)
    bench.database.run("UPDATE steps SET ready_at = ready_at - interval '1 minute' WHERE file_id = %(id)s", id=late)
    with bench.database.connection() as connection, connection.transaction():
        # Like a transaction that is about to commit: it holds the lane's lock, and its ready part is not visible.
        connection.execute("SELECT activate_lane('ocr', %s, %s)", first)
        connection.execute("SELECT 1 FROM steps WHERE file_id = %s FOR UPDATE", (late,))
        chosen = dispatch_until_floors_rise(bench, 10)
        assert set(chosen) < set(others)
    bench.database.run("UPDATE steps SET state = 'done' WHERE state = 'queued'")
    assert late in {wake_up.file_id for wake_up in bench.store.dispatch({"ocr": 4})}


def test_upkeep_lowers_a_floor_that_is_above_an_active_lane(bench: Bench) -> None:
    files = ready_parts(bench, [lane_of(bench, bench.tenant())], 1.0, 3)
    for too_high in ("lanes SET batch_floor = 5", "lane_clocks SET floor = 5"):
        assert bench.store.dispatch({"ocr": 1}, most={"ocr": 0}) == []
        bench.database.run(f"UPDATE {too_high}")
        assert bench.store.dispatch({"ocr": 1}) == []
        bench.store.repair_lanes()
        chosen = bench.store.dispatch({"ocr": 1})
        assert len(chosen) == 1 and chosen[0].file_id in files
        bench.database.run("UPDATE steps SET state = 'done' WHERE state = 'queued'")


def blocks_read(bench: Bench, table: str, query: str, *parameters: object) -> int:
    """The number of blocks of a table that a query reads."""
    count = f"SELECT pg_stat_get_xact_blocks_fetched('{table}'::regclass) AS blocks"
    with bench.database.connection() as connection, connection.transaction():
        before = connection.execute(count).fetchone()
        assert connection.execute(query, parameters).fetchone()
        after = connection.execute(count).fetchone()
    assert before and after
    return int(after["blocks"]) - int(before["blocks"])


def test_frequently_updated_rows_are_found_at_once_while_an_old_snapshot_keeps_every_version(bench: Bench) -> None:
    tenant_id, batch_id = lane_of(bench, bench.tenant())
    ready_parts(bench, [(tenant_id, batch_id)], 1.0, 1)
    bench.store.dispatch({"ocr": 1})
    with bench.database.connection() as forgotten, forgotten.transaction():
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT count(*) FROM lanes")
        once = f"PERFORM correct_lane('ocr', '{tenant_id}', '{batch_id}', 1); COMMIT;"
        bench.database.run(f"DO $$ BEGIN FOR n IN 1..4000 LOOP {once} END LOOP; END $$")
        read = "SELECT pass FROM {} WHERE ctid = (SELECT {}('ocr', {}))"
        lane = blocks_read(bench, "lanes", read.format("lanes", "newest_lane", "%s"), tenant_id)
        batch = blocks_read(
            bench, "batch_lanes", read.format("batch_lanes", "newest_batch_lane", "%s, %s"), tenant_id, batch_id
        )
        by_key = "SELECT pass FROM lanes WHERE step = 'ocr' AND tenant_id = %s"
        assert blocks_read(bench, "lanes", by_key, tenant_id) > 30  # otherwise this test shows nothing
    assert lane < 6 and batch < 6


def test_a_correction_that_waits_for_an_activation_is_not_lost(bench: Bench) -> None:
    tenant_id, batch_id = lane_of(bench, bench.tenant())
    ready_parts(bench, [(tenant_id, batch_id)], 1.0, 1)
    key = {"t": tenant_id, "b": batch_id}
    passes = "SELECT l.pass AS lane, b.pass AS batch FROM lanes l JOIN batch_lanes b USING (step, tenant_id)"
    before = bench.database.row(passes)
    with ThreadPoolExecutor(1) as pool:
        with bench.database.connection() as connection, connection.transaction():
            for table in ("batch_lanes", "lanes"):
                connection.execute(f"UPDATE {table} SET active = NOT active")
            correct = "SELECT correct_lane('ocr', %(t)s, %(b)s, 7)"
            waiting = pool.submit(lambda: bench.database.run(correct, **key))
            blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%correct_lane%%'"
            while not bench.database.row(blocked):
                assert not waiting.done()
        waiting.result(10)
    after = bench.database.row(passes)
    assert before and after and {name: after[name] - before[name] for name in after} == {"lane": 7, "batch": 7}


def test_an_empty_lane_whose_search_was_slow_stays_active_and_loses_no_part(bench: Bench) -> None:
    tenant_id, batch_id = lane_of(bench, bench.tenant())
    (first, early) = ready_parts(bench, [(tenant_id, batch_id)], 1.0, 2)
    # As if its transaction commits late: the part's time lies before the mark.
    bench.database.run("UPDATE steps SET state = 'waiting', ready_at = NULL WHERE file_id = %(id)s", id=early)
    assert [wake_up.file_id for wake_up in bench.store.dispatch({"ocr": 9})] == [first]
    bench.database.run("UPDATE batch_lanes SET ready_mark = now(), look_through_after = now() + interval '1 hour'")
    assert bench.store.dispatch({"ocr": 9}) == []
    early_at = "state = 'ready', ready_at = now() - interval '1 minute'"
    bench.database.run(f"UPDATE steps SET {early_at} WHERE file_id = %(id)s", id=early)
    (late,) = ready_parts(bench, [(tenant_id, batch_id)], 1.0, 1)
    assert [wake_up.file_id for wake_up in bench.store.dispatch({"ocr": 9})] == [late]
    bench.database.run("UPDATE batch_lanes SET look_through_after = now()")
    assert [wake_up.file_id for wake_up in bench.store.dispatch({"ocr": 9})] == [early]


@pytest.mark.parametrize("dead_entries", [0, 4000])
def test_an_empty_lane_is_not_searched_from_its_beginning_for_a_while_only_if_it_has_many_dead_entries(
    bench: Bench, dead_entries: int
) -> None:
    lane = lane_of(bench, bench.tenant())
    ready_parts(bench, [lane], 1.0, 1)
    with bench.database.connection() as forgotten, forgotten.transaction():
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT count(*) FROM steps")
        again = "UPDATE steps SET ready_at = clock_timestamp() WHERE step = 'ocr'; COMMIT;"
        bench.database.run(f"DO $$ BEGIN FOR n IN 1..{dead_entries} LOOP {again} END LOOP; END $$")
        bench.database.run("UPDATE steps SET state = 'done' WHERE step = 'ocr'")
        # Like a transaction that is about to commit, so that the lane stays active.
        with bench.database.connection() as connection, connection.transaction():
            connection.execute("SELECT activate_lane('ocr', %s, %s)", lane)
            assert bench.store.dispatch({"ocr": 9}) == []
    (found,) = bench.database.rows("SELECT look_through_after > '-infinity' AS waits FROM batch_lanes")
    assert found["waits"] is bool(dead_entries)


def test_parts_in_flight_are_counted_however_long_they_run(bench: Bench) -> None:
    bench.arrived(20)
    for wake_up in bench.store.dispatch({"intake": 3}):
        bench.claim(wake_up)
    bench.database.run("UPDATE steps SET queued_at = queued_at - interval '1 hour' WHERE state = 'running'")
    bench.database.run("UPDATE lane_clocks SET in_flight_since = (SELECT min(queued_at) FROM steps)")
    assert len(bench.store.dispatch({"intake": 5})) == 2
    assert bench.store.dispatch({"intake": 5}) == []
