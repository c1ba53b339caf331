"""How clients connect and log in to the brokers, as properties of librdkafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from layers.telemetry.log import log

SASL = {
    "plain": "PLAIN",
    "scram-sha-256": "SCRAM-SHA-256",
    "scram-sha-512": "SCRAM-SHA-512",
    "oauthbearer": "OAUTHBEARER",
    "iam": "OAUTHBEARER",
}
METADATA_MS = 10_000  # how often clients look for new partitions and brokers
RECONNECT_MS = 2_000  # the longest delay between two attempts to reach a broker; the client's default is ten seconds
REPORTED_EVERY_S = 10.0
SILENT = 0  # librdkafka prints lines that are not JSON; `error_cb` gets its errors


@dataclass(frozen=True, slots=True)
class Access:
    """The brokers, separated by commas, and how to log in to them.

    `auth` is `none` or a key of `SASL`; `iam` signs a token with the AWS credentials of the process. `options` are
    properties of librdkafka that override Fairway's.
    """

    brokers: str
    auth: str = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_path: str = ""
    certificate_path: str = ""
    key_path: str = ""
    token_url: str = ""
    token_scope: str = ""
    region: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def config(self, **own: Any) -> dict[str, Any]:
        """The properties of a client; names in `own` have `_` instead of `.`."""
        properties = {name.replace("_", "."): value for name, value in own.items()}
        common = {
            "bootstrap.servers": self.brokers,
            "security.protocol": ("SASL_" if self.auth in SASL else "") + ("SSL" if self.tls else "PLAINTEXT"),
            "topic.metadata.refresh.interval.ms": METADATA_MS,
            "log_level": SILENT,
            "error_cb": ErrorReport(),
            "reconnect.backoff.max.ms": RECONNECT_MS,
        }
        return {**common, **self._trust(), **self._login(), **properties, **self.options}

    def _trust(self) -> dict[str, Any]:
        paths = {
            "ssl.ca.location": self.ca_path,
            "ssl.certificate.location": self.certificate_path,
            "ssl.key.location": self.key_path,
        }
        return {name: path for name, path in paths.items() if path}

    def _login(self) -> dict[str, Any]:
        if self.auth not in SASL:
            return {}
        mechanism = {"sasl.mechanism": SASL[self.auth]}
        if self.auth == "iam":
            return {**mechanism, "oauth_cb": iam_token(self.region)}
        if self.auth == "oauthbearer":
            return {
                **mechanism,
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.token.endpoint.url": self.token_url,
                "sasl.oauthbearer.client.id": self.user,
                "sasl.oauthbearer.client.secret": self.password,
                **({"sasl.oauthbearer.scope": self.token_scope} if self.token_scope else {}),
            }
        return {**mechanism, "sasl.username": self.user, "sasl.password": self.password}


def iam_token(region: str) -> Callable[[str], tuple[str, float]]:
    """A callback that returns a token of Amazon MSK, and when it expires, in seconds since 1970."""

    def token(_config: str) -> tuple[str, float]:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

        signed, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
        return signed, expires_ms / 1000

    return token


class ErrorReport:
    """Logs errors that concern the whole client: brokers are down or refuse the login. The client tries again several times
    a second, so each kind of error is logged once every `REPORTED_EVERY_S` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._silent_until: dict[str, float] = {}

    def __call__(self, error: Any) -> None:
        code, now = error.name(), self._clock()
        if now >= self._silent_until.get(code, now):
            self._silent_until[code] = now + REPORTED_EVERY_S
            log("kafka_error", code=code, detail=error.str(), is_fatal=error.fatal())
