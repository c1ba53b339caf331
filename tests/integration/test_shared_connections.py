"""Connections that a proxy shares among clients: no state of a client is left after its transaction."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, load_queries
from layers.adapters.postgres.store import DISPATCH_POLICY
from tests.making import Bench, Urls

ADAPTERS = Path(__file__).parent.parent.parent / "layers" / "adapters"
# RDS Proxy keeps a connection for one client (pins it) once the client has sent one of these:
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
PINS = re.compile(
    r"\b(SET|RESET|PREPARE|EXECUTE|DEALLOCATE|DISCARD|LISTEN|DECLARE|TEMP|TEMPORARY)\b|\bset_config\b"
    r"|\b(nextval|setval)\b|\bpg_(try_)?advisory_(lock|unlock)",
)
DISPATCH = f"SELECT * FROM dispatch_steps(%s, '{json.dumps(DISPATCH_POLICY.obj)}')"
UPDATE_CLAUSES = re.compile(r"\bUPDATE\b.*?\bSET\b|\bFOR UPDATE\b", re.DOTALL)


@pytest.fixture
def bench(database_urls: Urls) -> Bench:
    bench = Bench.on(database_urls)
    bench.empty()
    return bench


@pytest.mark.parametrize("path", sorted(ADAPTERS.rglob("*.sql")), ids=lambda path: path.name)
def test_no_query_pins_its_connection(path: Path) -> None:
    for name, query in load_queries(path).items():
        assert PINS.search(UPDATE_CLAUSES.sub("", query)) is None, name


def test_statements_are_not_prepared_by_name_where_connections_are_shared(database_urls: Urls) -> None:
    shared = Database(database_urls.worker, max_connections=1, prepares=False)
    for _ in range(8):
        shared.rows("SELECT 1 AS one")
    assert shared.rows("SELECT name FROM pg_prepared_statements") == []
    shared.close()


def test_a_dispatcher_that_is_cancelled_while_it_waits_releases_its_locks(bench: Bench, database_urls: Urls) -> None:
    bench.store.dispatch({"text": 1})
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    with (
        psycopg.connect(database_urls.owner) as other,
        psycopg.connect(database_urls.worker, autocommit=True) as waiting,
    ):
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('text', 2))")
        waiting.execute("SET statement_timeout = '200ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiting.execute(DISPATCH, [Jsonb({"text": {"cap": 1, "most": 1, "bundle": 1, "long_slots": 1}})])
        assert waiting.execute(held).fetchone() == (0,)


def test_the_tenant_is_reset_with_the_transaction(bench: Bench) -> None:
    with bench.catalog.transaction() as catalog:
        catalog.act_as(bench.tenant(), is_system=True)
    with bench.catalog.transaction() as catalog:
        row = catalog._connection.execute("SELECT current_setting('fairway.system', true) AS system").fetchone()
    assert row is not None
    assert not row["system"]


def test_settings_of_a_function_for_its_transaction_stay_but_those_of_its_planner_do_not(bench: Bench) -> None:
    claim = "SELECT * FROM claim_steps('text', %s, 'worker', 10, false)"
    for query, argument in ((DISPATCH, {}), (claim, [])):
        with bench.database.connection() as connection, connection.transaction():
            connection.execute(query, [Jsonb(argument)])
            settings = connection.execute(
                "SELECT current_setting('synchronous_commit') AS waits, current_setting('enable_seqscan') AS reads_all"
            ).fetchone()
            assert settings == {"waits": "off", "reads_all": "on"}
