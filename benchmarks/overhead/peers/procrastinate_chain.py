"""A chain of three tasks that do nothing, on procrastinate: `install`, `send FIRST COUNT`, `alone COUNT`, `work NAME`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time

import procrastinate

URL = os.environ["PEER_DATABASE_URL"]
NOTES = os.environ.get("PEER_NOTES") == "1"
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))


async def note(step: str, number: int) -> None:
    if NOTES:
        await app.connector.execute_query_async(
            "INSERT INTO ran (step, number, at) VALUES (%(step)s, %(number)s, %(at)s)",
            step=step,
            number=number,
            at=time.time(),
        )


@app.task
async def first(number: int) -> None:
    await note("first", number)
    await second.defer_async(number=number)


@app.task
async def second(number: int) -> None:
    await note("second", number)
    await third.defer_async(number=number)


@app.task
async def third(number: int) -> None:
    await note("third", number)


async def alone(count: int) -> list[float]:
    """Milliseconds from sending one until its third task ran, one after the other."""
    took = []
    query = "SELECT at FROM ran WHERE step = 'third' AND number = %(number)s"
    for number in range(-count, 0):
        began = time.time()
        await first.defer_async(number=number)
        while not (ended := await app.connector.execute_query_all_async(query, number=number)):
            await asyncio.sleep(0.001)
        took.append((ended[0]["at"] - began) * 1000)
    return took


async def main() -> None:
    command, *given = sys.argv[1:]
    async with app.open_async():
        if command == "install":
            await app.schema_manager.apply_schema_async()
        elif command == "send":
            start, count = int(given[0]), int(given[1])
            await first.batch_defer_async(*({"number": number} for number in range(start, start + count)))
        elif command == "alone":
            print(json.dumps(await alone(int(given[0]))))
        elif command == "work":
            await app.run_worker_async(name=given[0], concurrency=10)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main())
