"""A chain of three jobs that do nothing, on PgQueuer: `install`, `send FIRST COUNT`, `latencies COUNT`, `work NAME`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.models import Job

URL = os.environ["PEER_DATABASE_URL"]
RECORDS_RUNS = os.environ.get("PEER_RECORDS_RUNS") == "1"
INSERT = "INSERT INTO ran (step, number, at) VALUES ($1, $2, $3)"


def declare(queue: PgQueuer, pool: asyncpg.Pool) -> None:
    async def record(step: str, job: Job) -> None:
        if RECORDS_RUNS:
            await pool.execute(INSERT, step, int(job.payload or b""), time.time())

    @queue.entrypoint("first")
    async def first(job: Job) -> None:
        await record("first", job)
        await queue.qm.queries.enqueue("second", job.payload)

    @queue.entrypoint("second")
    async def second(job: Job) -> None:
        await record("second", job)
        await queue.qm.queries.enqueue("third", job.payload)

    @queue.entrypoint("third")
    async def third(job: Job) -> None:
        await record("third", job)


async def send(queue: PgQueuer, start: int, count: int) -> None:
    for at in range(start, start + count, 1000):
        numbers = range(at, min(at + 1000, start + count))
        payloads: list[bytes | None] = [str(number).encode() for number in numbers]
        await queue.qm.queries.enqueue(["first"] * len(payloads), payloads, [0] * len(payloads))


async def latencies_ms(queue: PgQueuer, pool: asyncpg.Pool, count: int) -> list[float]:
    """Send jobs one after the other. Returns the milliseconds from sending each until its third job ran."""
    latencies = []
    for number in range(-count, 0):
        began = time.time()
        await queue.qm.queries.enqueue("first", str(number).encode())
        while not (ended := await pool.fetchval("SELECT at FROM ran WHERE step = 'third' AND number = $1", number)):
            await asyncio.sleep(0.001)
        latencies.append((ended - began) * 1000)
    return latencies


async def main() -> None:
    command, *arguments = sys.argv[1:]
    async with asyncpg.create_pool(URL, min_size=1, max_size=5) as pool:
        queue = PgQueuer.from_asyncpg_pool(pool)
        if command == "install":
            await queue.qm.queries.install()
        elif command == "send":
            await send(queue, int(arguments[0]), int(arguments[1]))
        elif command == "latencies":
            print(json.dumps(await latencies_ms(queue, pool, int(arguments[0]))))
        elif command == "work":
            declare(queue, pool)
            await queue.run(batch_size=10)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    uvloop.run(main())
