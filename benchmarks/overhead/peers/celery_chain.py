"""A chain of three tasks that do nothing, on Celery with Redis: `install`, `send FIRST COUNT`, `latencies COUNT`, `work NAME`.

Tasks are acknowledged when they have ended, so that the tasks of a killed worker are not lost.
"""

from __future__ import annotations

import json
import os
import sys
import time

import redis
from celery import Celery, chain

URL = os.environ["PEER_REDIS_URL"]
RECORDS_RUNS = os.environ.get("PEER_RECORDS_RUNS") == "1"
app = Celery("celery_chain", broker=URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    broker_connection_retry_on_startup=True,
)
connection = redis.Redis.from_url(URL)


def record(step: str, number: int) -> None:
    if RECORDS_RUNS:
        connection.rpush("ran", json.dumps([step, number, time.time()]))


@app.task
def first(number: int) -> None:
    record("first", number)


@app.task
def second(number: int) -> None:
    record("second", number)


@app.task
def third(number: int) -> None:
    record("third", number)


def send(number: int) -> None:
    chain(first.si(number), second.si(number), third.si(number)).apply_async()


def latencies_ms(count: int) -> list[float]:
    """Send jobs one after the other. Returns the milliseconds from sending each until its third task ran."""
    latencies = []
    for number in range(-count, 0):
        began = time.time()
        send(number)
        while not (
            ended := [
                at
                for step, n, at in map(json.loads, connection.lrange("ran", -3, -1))
                if (step, n) == ("third", number)
            ]
        ):
            time.sleep(0.001)
        latencies.append((ended[0] - began) * 1000)
    return latencies


def main() -> None:
    command, *arguments = sys.argv[1:]
    if command == "send":
        for number in range(int(arguments[0]), int(arguments[0]) + int(arguments[1])):
            send(number)
    elif command == "latencies":
        print(json.dumps(latencies_ms(int(arguments[0]))))
    elif command == "work":
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
        app.worker_main(["worker", "--concurrency=1", f"--hostname={arguments[0]}@localhost", *quiet])


if __name__ == "__main__":
    main()
