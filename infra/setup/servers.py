"""Connects to each server that Fairway uses, and refuses versions that are too old."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import psycopg

from infra.setup.results import Result, Unusable, ok
from layers.adapters.postgres.migration import OLDEST_SERVER
from layers.settings import Settings

OLDEST_REDIS = (6, 2)
ANSWER_S = 5


def postgres(url: str, variable: str) -> Result:
    """Check PostgreSQL's version. `variable` is the setting with the URL, for messages. Raises Unusable."""
    if not url:
        raise Unusable(f"Set {variable} to the address of PostgreSQL: postgresql://user:password@host:5432/fairway")
    try:
        with psycopg.connect(url, connect_timeout=ANSWER_S) as connection:
            version, address = connection.info.server_version, f"{connection.info.host}:{connection.info.port}"
            database, user = connection.info.dbname, connection.info.user
    except psycopg.Error as error:
        raise Unusable(f"PostgreSQL can't be used with {variable}: {_sentence(error)}") from None
    if version // 10_000 < OLDEST_SERVER:
        raise Unusable(
            f"PostgreSQL at {address} is version {version // 10_000}; Fairway needs {OLDEST_SERVER} or later"
        )
    return ok(f"PostgreSQL {version // 10_000}.{version % 10_000} at {address}, database {database}, as {user}")


def redis(url: str, *, probes: bool = True) -> Result:
    """Check the version of Redis or Valkey and, with `probes`, that it accepts a write. Raises Unusable."""
    if not url:
        return ok("no Redis: workers poll, and each process has its own breakers and budgets")
    from redis import Redis
    from redis.exceptions import RedisError

    address = f"{urlsplit(url).hostname}:{urlsplit(url).port or 6379}"
    try:
        with Redis.from_url(url, socket_connect_timeout=ANSWER_S, socket_timeout=ANSWER_S) as client:
            info: dict[str, Any] = client.info("server")
            if probes:
                client.set("fairway:probe", "1", ex=60)
    except (RedisError, OSError) as error:
        raise Unusable(f"Redis at {address} can't be used: {_sentence(error)}") from None
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        oldest = ".".join(str(part) for part in OLDEST_REDIS)
        raise Unusable(f"Redis at {address} is version {version}; Fairway needs {oldest} or later")
    name, shown = ("Valkey", info["valkey_version"]) if "valkey_version" in info else ("Redis", version)
    return ok(f"{name} {shown} at {address}")


def object_store(s3: Any, settings: Settings) -> Result:
    """Check the object store. Raises Unusable if it does not answer or refuses the credentials."""
    from botocore.exceptions import BotoCoreError, ClientError

    address = settings.aws_endpoint_url or s3.meta.endpoint_url
    try:
        s3.head_bucket(Bucket=settings.bucket)
        server = ""
    except ClientError as error:
        metadata = error.response.get("ResponseMetadata", {})
        server = metadata.get("HTTPHeaders", {}).get("server", "")
        if metadata.get("HTTPStatusCode") not in (404, 301):
            code = error.response.get("Error", {}).get("Code")
            raise Unusable(
                f"The object store at {address} refuses access to the bucket {settings.bucket}: {code}"
            ) from None
    except BotoCoreError as error:
        raise Unusable(f"The object store at {address} can't be used: {_sentence(error)}") from None
    return ok(f"object store at {address}" + (f" ({server})" if server else ""))


def _sentence(error: Exception) -> str:
    """The first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
