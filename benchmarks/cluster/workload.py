"""The work of a fleet: a backlog of equal parts of twenty tenants, and files of a quiet tenant that arrive one by one."""

from __future__ import annotations

import time

from benchmarks.cluster.hosts import READER
from benchmarks.dispatch import TENANTS, fill
from layers.adapters.postgres.database import Database

QUIET_SHARE = 2.0  # the quiet tenant uploads half as much as its fair share of the fleet
LEAST_S = 0.2  # between two files of the quiet tenant
QUIET = """
WITH new_file AS (
    INSERT INTO files (tenant_id, dataset_id, batch_id, name, declared_size_bytes, object_key, state, upload_until)
    SELECT b.tenant_id, b.dataset_id, b.batch_id, 'quiet.jpg', 10, 'quiet-' || gen_random_uuid(), 'processing', now()
      FROM batches b JOIN tenants t USING (tenant_id) WHERE t.name = 'quiet'
    RETURNING file_id, tenant_id, batch_id),
readied AS (
    INSERT INTO steps (file_id, step, tenant_id, batch_id, state, cost_estimate_s, ready_at)
    SELECT file_id, %(step)s, tenant_id, batch_id, 'ready', %(work_s)s, clock_timestamp() FROM new_file
    RETURNING tenant_id, batch_id)
SELECT activate_lane(%(step)s, tenant_id, batch_id)::text FROM readied
"""
WAIT = """
SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM s.started_at - s.ready_at))::float8 AS p95
  FROM steps s JOIN tenants t USING (tenant_id) WHERE t.name = 'quiet' AND s.started_at IS NOT NULL
"""
DONE_SINCE = "SELECT count(*) FROM attempts WHERE outcome = 'done' AND ended_at > clock_timestamp() - make_interval(secs => %(s)s)"
BY_OUTCOME = "SELECT outcome, count(*) AS attempts FROM attempts GROUP BY 1 ORDER BY 1"
REGISTERED = "SELECT count(*) FROM workers WHERE NOT draining"
LEFT = "SELECT count(*) FROM steps WHERE state <> 'done'"


def prepare(owner: Database, backlog: int, work_s: float) -> None:
    """Fill an emptied database."""
    fill(owner, backlog)
    owner.run("TRUNCATE workers, duties")
    owner.run("UPDATE steps SET cost_estimate_s = %(work_s)s", work_s=work_s)
    owner.run("INSERT INTO tenants (name) VALUES ('quiet')")
    owner.run("INSERT INTO datasets (tenant_id, name) SELECT tenant_id, 'd' FROM tenants WHERE name = 'quiet'")
    owner.run(
        "INSERT INTO batches (tenant_id, dataset_id) SELECT tenant_id, dataset_id FROM datasets JOIN tenants t"
        " USING (tenant_id) WHERE t.name = 'quiet'"
    )
    owner.run(
        "INSERT INTO schema_versions (dataset_id, version, tenant_id, schema) SELECT dataset_id, 1, tenant_id, '{}' FROM datasets"
    )


class QuietTenant:
    """The quiet tenant, beside a fleet that can do `offered` parts a second."""

    def __init__(self, owner: Database, work_s: float, offered: float) -> None:
        self._owner, self._work_s = owner, work_s
        self._pause_s = max(LEAST_S, QUIET_SHARE * (TENANTS + 1) / offered)

    def upload(self) -> None:
        """Make one file ready, and wait until the next is due."""
        self._owner.rows(QUIET, step=READER, work_s=self._work_s)
        time.sleep(self._pause_s)
