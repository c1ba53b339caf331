"""A chain of three tasks that do nothing, on procrastinate: `install`, `send FIRST COUNT`, `latencies COUNT`, `work NAME`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time

import procrastinate

URL = os.environ["PEER_DATABASE_URL"]
RECORDS_RUNS = os.environ.get("PEER_RECORDS_RUNS") == "1"
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))


async def record(step: str, number: int) -> None:
    if RECORDS_RUNS:
        await app.connector.execute_query_async(
            "INSERT INTO ran (step, number, at) VALUES (%(step)s, %(number)s, %(at)s)",
            step=step,
            number=number,
            at=time.time(),
        )


@app.task
async def first(number: int) -> None:
    await record("first", number)
    await second.defer_async(number=number)


@app.task
async def second(number: int) -> None:
    await record("second", number)
    await third.defer_async(number=number)


@app.task
async def third(number: int) -> None:
    await record("third", number)


async def latencies_ms(count: int) -> list[float]:
    """Send jobs one after the other. Returns the milliseconds from sending each until its third task ran."""
    latencies = []
    query = "SELECT at FROM ran WHERE step = 'third' AND number = %(number)s"
    for number in range(-count, 0):
        began = time.time()
        await first.defer_async(number=number)
        while not (ended := await app.connector.execute_query_all_async(query, number=number)):
            await asyncio.sleep(0.001)
        latencies.append((ended[0]["at"] - began) * 1000)
    return latencies


async def main() -> None:
    command, *arguments = sys.argv[1:]
    async with app.open_async():
        if command == "install":
            await app.schema_manager.apply_schema_async()
        elif command == "send":
            start, count = int(arguments[0]), int(arguments[1])
            await first.batch_defer_async(*({"number": number} for number in range(start, start + count)))
        elif command == "latencies":
            print(json.dumps(await latencies_ms(int(arguments[0]))))
        elif command == "work":
            await app.run_worker_async(name=arguments[0], concurrency=10)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main())
