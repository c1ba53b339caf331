"""The home, secrets and ports of one embedded start, and the addresses that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.local import postgres, valkey
from infra.local.home import Home, Secrets
from infra.local.ports import ADDRESS

API_ROLE, WORKER_ROLE = "fairway_api", "fairway_worker"


@dataclass(frozen=True, slots=True)
class Installation:
    """The home, secrets and ports of one start, and the addresses that follow from them."""

    home: Home
    secrets: Secrets
    ports: Mapping[str, int]

    @property
    def database_url(self) -> str:
        return postgres.database_url(self.ports["postgres"], self.secrets.database_password)

    def database_url_of(self, role: str, password: str) -> str:
        """The database URL for another role than the owner."""
        return postgres.database_url(self.ports["postgres"], password, role=role)

    @property
    def redis_url(self) -> str:
        return valkey.redis_url(self.ports["valkey"], self.secrets.redis_password)

    def url(self, name: str) -> str:
        return f"http://{ADDRESS}:{self.ports[name]}"
