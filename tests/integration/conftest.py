"""Fixtures: the API in this process, on a real database."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import redis

import app
from functions.api import entry, quotas
from infra.http import Application, serve
from layers import bootstrap
from layers.domain.keys import hash_key
from tests.making import Bench, Urls

PEPPER = "pepper for tests"
NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Api:
    """The API's address, and new keys for it."""

    url: str
    bench: Bench

    def key(self, tenant_id: str, role: str) -> str:
        key = secrets.token_urlsafe()
        self.bench.database.run(
            "INSERT INTO api_keys (tenant_id, key_hash, role) VALUES (%(tenant_id)s, %(key_hash)s, %(role)s)",
            tenant_id=tenant_id,
            key_hash=hash_key(key, PEPPER),
            role=role,
        )
        return key

    def caller(self, tenant_id: str | None = None, role: str = "operator") -> httpx.Client:
        """A client with a new key of a tenant, or of a new tenant."""
        key = self.key(tenant_id or self.bench.tenant(), role)
        return self.with_headers(Authorization=f"Bearer {key}")

    def with_headers(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30)


def replace_ports(patch: pytest.MonkeyPatch, **replaced: Any) -> None:
    """Let the API's handlers use other ports until the test ends."""
    patch.setitem(bootstrap._BUILT, entry.ports, replace(entry.ports(), **replaced))


@pytest.fixture(scope="module")
def api(database_urls: Urls, redis_url: str) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "FAIRWAY_DATABASE_URL": database_urls.worker,
            "FAIRWAY_API_DATABASE_URL": database_urls.api,
            "FAIRWAY_DATABASE_POOLER": "transaction" if database_urls.is_pooled else "none",
            "FAIRWAY_KEY_PEPPER": PEPPER,
            "FAIRWAY_REDIS_URL": redis_url,
            "AWS_ENDPOINT_URL": NOWHERE,
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }.items():
            patch.setenv(name, value)
        # Tests call as fast as they can; those of the rate set it for a tenant.
        patch.setitem(quotas.DEFAULTS, "requests_per_s", 100_000)
        bootstrap.forget()
        redis.Redis.from_url(redis_url).flushall()
        server = serve(Application(app.app), 0, threads=32)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield Api(f"http://127.0.0.1:{server.effective_port}", Bench.on(database_urls))
        finally:
            server.close()
            bootstrap.forget()
