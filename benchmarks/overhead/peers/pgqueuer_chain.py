"""A chain of three jobs that do nothing, on PgQueuer: `install`, `send FIRST COUNT`, `alone COUNT`, `work NAME`."""

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
NOTES = os.environ.get("PEER_NOTES") == "1"
INSERT = "INSERT INTO ran (step, number, at) VALUES ($1, $2, $3)"


def declare(queue: PgQueuer, pool: asyncpg.Pool) -> None:
    async def note(step: str, job: Job) -> None:
        if NOTES:
            await pool.execute(INSERT, step, int(job.payload or b""), time.time())

    @queue.entrypoint("first")
    async def first(job: Job) -> None:
        await note("first", job)
        await queue.qm.queries.enqueue("second", job.payload)

    @queue.entrypoint("second")
    async def second(job: Job) -> None:
        await note("second", job)
        await queue.qm.queries.enqueue("third", job.payload)

    @queue.entrypoint("third")
    async def third(job: Job) -> None:
        await note("third", job)


async def send(queue: PgQueuer, start: int, count: int) -> None:
    for at in range(start, start + count, 1000):
        numbers = range(at, min(at + 1000, start + count))
        payloads: list[bytes | None] = [str(number).encode() for number in numbers]
        await queue.qm.queries.enqueue(["first"] * len(payloads), payloads, [0] * len(payloads))


async def alone(queue: PgQueuer, pool: asyncpg.Pool, count: int) -> list[float]:
    """Milliseconds from sending one until its third job ran, one after the other."""
    took = []
    for number in range(-count, 0):
        began = time.time()
        await queue.qm.queries.enqueue("first", str(number).encode())
        while not (ended := await pool.fetchval("SELECT at FROM ran WHERE step = 'third' AND number = $1", number)):
            await asyncio.sleep(0.001)
        took.append((ended - began) * 1000)
    return took


async def main() -> None:
    command, *given = sys.argv[1:]
    async with asyncpg.create_pool(URL, min_size=1, max_size=5) as pool:
        queue = PgQueuer.from_asyncpg_pool(pool)
        if command == "install":
            await queue.qm.queries.install()
        elif command == "send":
            await send(queue, int(given[0]), int(given[1]))
        elif command == "alone":
            print(json.dumps(await alone(queue, pool, int(given[0]))))
        elif command == "work":
            declare(queue, pool)
            await queue.run(batch_size=10)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    uvloop.run(main())
