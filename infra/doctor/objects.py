"""Checks the object store with a small object, as a client, a worker and the arrivals handler use it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from infra.doctor import clocks
from infra.setup import servers
from infra.setup.results import Result, Unusable, ok, warning, wrong
from layers.domain.errors import DependencyDown
from layers.domain.file import PROBES
from layers.ports import Objects
from layers.settings import Settings

CONTENT = b"A probe of python -m infra.doctor. It may be deleted.\n"
EVENT_S, LATE_S, CHECK_EVERY_S = 30.0, 5.0, 0.1
ANSWER_S = 10.0
REFUSED = (409, 412)
REPLACED_AGAIN = 5


def check(settings: Settings, s3: Any, objects: Objects, *, takes_arrivals: bool) -> Iterator[Result]:
    """Yield the results. `takes_arrivals`: whether a live worker may receive the probe's event. Raises Unusable."""
    yield servers.object_store(s3, settings)
    try:
        s3.head_bucket(Bucket=settings.bucket)
    except s3.exceptions.ClientError:
        raise Unusable(f"The bucket {settings.bucket} does not exist: run `python -m infra.setup`") from None
    yield clocks.compare("the object store", lambda: _date(s3, settings.bucket), resolution_s=1.0)
    key = PROBES + str(uuid.uuid4())
    try:
        objects.delete_prefix(PROBES)  # what an interrupted run has left
        yield from _upload(objects, s3, settings.bucket, key)
        if takes_arrivals:
            yield await_event(lambda: objects.size_of(key, None) is None)
        else:
            yield warning(
                "No live worker receives arrivals, so it was not checked whether events of new objects arrive"
            )
    except DependencyDown as error:
        raise Unusable(f"The object store failed: {error}") from None
    finally:
        objects.delete_prefix(key)


def await_event(is_gone: Callable[[], bool], within_s: float = EVENT_S) -> Result:
    """Wait until the worker that received the probe's event has deleted the probe."""
    began = time.monotonic()
    while (waited_s := time.monotonic() - began) < within_s:
        if is_gone():
            text = f"the event of a new object arrived within {waited_s:.1f} s"
            return ok(text) if waited_s < LATE_S else warning(f"{text}: the workers or the topics are too slow")
        time.sleep(CHECK_EVERY_S)
    return wrong(
        f"The event of a new object has not arrived within {within_s:.0f} s. Only the sweep finds uploads, half "
        "a minute to a minute and a half later. Run `python -m infra.setup`, which sends the bucket's events to the "
        "arrivals topic or explains how; then look for `consumer_failed` in the workers' logs"
    )


def _upload(objects: Objects, s3: Any, bucket: str, key: str) -> Iterator[Result]:
    """PUT the probe twice, as a client does. The second PUT must be refused."""
    url, headers = objects.presign_put(key, size_bytes=len(CONTENT), sha256=None, expires_s=60)
    address = url.split("?", 1)[0].removesuffix(f"/{key}")
    try:
        status = _put(url, headers)
    except urllib3.exceptions.HTTPError as error:
        yield warning(
            f"This host can't upload to {address}, the address in upload URLs ({type(error).__name__}). If clients can't "
            "either, set FAIRWAY_STORE_PUBLIC_URL to the address at which they reach the store"
        )
        s3.put_object(Bucket=bucket, Key=key, Body=CONTENT)
        return
    if status != 200:
        yield wrong(f"An upload to {address} was refused with {status}: check the credentials and the store's clock")
        s3.put_object(Bucket=bucket, Key=key, Body=CONTENT)
        return
    yield ok(f"clients can upload to {address}")
    if _put(url, headers) not in REFUSED and all(_may_replace(objects) for _ in range(REPLACED_AGAIN)):
        yield wrong(
            "The object store ignores `If-None-Match`: while an upload's URL is valid, its client can replace the file "
            "after it was checked. Use a version of the store that supports conditional writes"
        )


def _may_replace(objects: Objects) -> bool:
    """Whether a client can replace an object. A worker may also have deleted the first one meanwhile."""
    key = PROBES + str(uuid.uuid4())
    url, headers = objects.presign_put(key, size_bytes=len(CONTENT), sha256=None, expires_s=60)
    try:
        _put(url, headers)
        return _put(url, headers) not in REFUSED
    finally:
        objects.delete_prefix(key)


def _put(url: str, headers: dict[str, str]) -> int:
    with urllib3.PoolManager(retries=False, timeout=ANSWER_S) as pool:
        return int(pool.request("PUT", url, body=CONTENT, headers=headers).status)


def _date(s3: Any, bucket: str) -> float:
    headers = s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    return parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
