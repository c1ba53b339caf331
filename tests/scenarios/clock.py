"""A clock that can be set forward while the system runs: it decides when steps are due, leases end and breakers probe.

`python -m tests.scenarios.clock MODULE` runs a module as a program. The clock of its circuit breakers is ahead by the
number of seconds in the file FAIRWAY_SCENARIO_CLOCK. In the database, the workers' search path has a function
`clock_timestamp` before PostgreSQL's own. Sleeps still last real seconds.
"""

from __future__ import annotations

import os
import runpy
import struct
import sys
import time
from mmap import ACCESS_READ, mmap
from pathlib import Path

import psycopg

from layers import bootstrap
from layers.adapters.redis.breakers import RedisBreakers

VARIABLE = "FAIRWAY_SCENARIO_CLOCK"
AHEAD = struct.Struct("<d")

IN_THE_DATABASE = """
CREATE SCHEMA IF NOT EXISTS ahead;
CREATE SEQUENCE IF NOT EXISTS ahead.milliseconds MINVALUE 0 START 0;
CREATE OR REPLACE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT pg_catalog.clock_timestamp() + (SELECT last_value FROM ahead.milliseconds) * interval '1 millisecond' $$;
GRANT USAGE ON SCHEMA ahead TO fairway_worker;
GRANT SELECT ON ahead.milliseconds TO fairway_worker;
ALTER ROLE fairway_worker SET search_path = ahead, pg_catalog, public;
"""


class Clock:
    """Sets the clock forward. `install` must be called before the workers start."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.ahead_s = 0.0
        file.write_bytes(AHEAD.pack(0.0))

    def install(self, database_url: str) -> None:
        self._database_url = database_url
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(IN_THE_DATABASE)

    def forward(self, seconds: float) -> None:
        self.ahead_s += seconds
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            connection.execute("SELECT setval('ahead.milliseconds', %s)", [round(self.ahead_s * 1000)])
        with self.file.open("r+b") as file:
            file.write(AHEAD.pack(self.ahead_s))


def main() -> None:
    with open(os.environ[VARIABLE], "rb") as file:
        ahead = mmap(file.fileno(), AHEAD.size, access=ACCESS_READ)
    url = bootstrap.settings().redis_url
    breakers = RedisBreakers(url, now=lambda: time.time() + float(AHEAD.unpack(ahead[:])[0]))
    bootstrap.breakers = bootstrap.once(lambda: breakers)
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
