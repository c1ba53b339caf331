"""A chain of three tasks that do nothing, on Celery with Redis: `install`, `send FIRST COUNT`, `alone COUNT`, `work NAME`.

Tasks are acknowledged when they have ended, so that a killed worker's are not lost.
"""

from __future__ import annotations

import json
import os
import sys
import time

import redis
from celery import Celery, chain

URL = os.environ["PEER_REDIS_URL"]
NOTES = os.environ.get("PEER_NOTES") == "1"
app = Celery("celery_chain", broker=URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    broker_connection_retry_on_startup=True,
)
notes = redis.Redis.from_url(URL)


def note(step: str, number: int) -> None:
    if NOTES:
        notes.rpush("ran", json.dumps([step, number, time.time()]))


@app.task
def first(number: int) -> None:
    note("first", number)


@app.task
def second(number: int) -> None:
    note("second", number)


@app.task
def third(number: int) -> None:
    note("third", number)


def send(number: int) -> None:
    chain(first.si(number), second.si(number), third.si(number)).apply_async()


def alone(count: int) -> list[float]:
    """Milliseconds from sending one until its third task ran, one after the other."""
    took = []
    for number in range(-count, 0):
        began = time.time()
        send(number)
        while not (
            ended := [
                at for step, n, at in map(json.loads, notes.lrange("ran", -3, -1)) if (step, n) == ("third", number)
            ]
        ):
            time.sleep(0.001)
        took.append((ended[0] - began) * 1000)
    return took


def main() -> None:
    command, *given = sys.argv[1:]
    if command == "send":
        for number in range(int(given[0]), int(given[0]) + int(given[1])):
            send(number)
    elif command == "alone":
        print(json.dumps(alone(int(given[0]))))
    elif command == "work":
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
        app.worker_main(["worker", "--concurrency=1", f"--hostname={given[0]}@localhost", *quiet])


if __name__ == "__main__":
    main()
