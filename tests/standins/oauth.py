"""A stand-in for an OAuth 2.0 provider: the token endpoint with refresh tokens (RFC 6749), and introspection (RFC 7662), which a
mail server asks.

`python -m tests.standins.oauth --port 4597`: POST /token and POST /introspect. It has the settings of every stand-in
(`tests/standins/server.py`):
- `always` and `next`, for the token endpoint, may be `right`, `outage` (503), `hang_up` or the name of an error, such as
  `invalid_grant`.
- `user` is the owner of all tokens; `expires_in` is how long a token is said to be valid.
- `rotates`: each response has a new refresh token, and the former one is not accepted any more.
It refuses a client or a refresh token that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tests.standins.server import Answer, Settings, Standin, main

REFRESH_TOKEN, CLIENT_ID, CLIENT_SECRET = "refresh-0", "client", "secret of the client"
STATUS = {"invalid_client": 401, "outage": 503}


@dataclass
class OAuthSettings(Settings):
    user: str = "ann"
    expires_in: int = 3600
    rotates: bool = False


class OAuthProvider(Standin):
    settings_type = OAuthSettings
    settings: OAuthSettings

    def reset(self) -> None:
        super().reset()
        self.refresh_token = REFRESH_TOKEN
        self.issued: list[str] = []
        self.valid: set[str] = set()

    def issue(self) -> str:
        """A new access token."""
        token = f"access-{len(self.issued)}"
        self.issued.append(token)
        self.valid.add(token)
        return token

    def revoke(self) -> None:
        """Let all access tokens become invalid, as when they expire."""
        self.valid.clear()

    def is_probe(self, method: str, path: str, body: bytes) -> bool:
        return path == "/introspect"

    def answer(self, due: Any, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        with self.lock:
            if path == "/introspect":
                return Answer(200, self._introspected(given.get("token", "")))
            if due != "right":
                error = {"error": due, "error_description": f"of {given.get('refresh_token')}"}
                return Answer(STATUS.get(due, 400), {} if due == "outage" else error)
            if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
                return Answer(401, {"error": "invalid_client"})
            if given.get("grant_type") != "refresh_token" or given.get("refresh_token") != self.refresh_token:
                return Answer(400, {"error": "invalid_grant"})
            self.counts["tokens"] += 1
            answer = {"access_token": self.issue(), "token_type": "Bearer", "expires_in": self.settings.expires_in}
            if self.settings.rotates:
                self.refresh_token = f"refresh-{len(self.issued)}"
                answer["refresh_token"] = self.refresh_token
            return Answer(200, answer)

    def _introspected(self, token: str) -> dict[str, Any]:
        self.counts["introspections"] += 1
        return {"active": True, "username": self.settings.user} if token in self.valid else {"active": False}


if __name__ == "__main__":
    main(OAuthProvider(), "A stand-in for an OAuth 2.0 provider.")
