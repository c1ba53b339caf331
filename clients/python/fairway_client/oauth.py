"""Access tokens of OAuth 2.0 for mailboxes: from a command, or with a refresh token from the provider's token endpoint."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from fairway_client.secret_files import first_line, write_private

COMMAND_S, ENDPOINT_S = 60.0, 30.0
RENEWED_BEFORE_S = 300.0  # a connection that is opened with a token should outlive its login
LIFETIME_S, LEAST_LIFETIME_S = 3600.0, 60.0  # of a token whose lifetime is not told, and of any
LONGEST_WORDS = 200
# The token endpoint and the scope of providers, by the host of their IMAP servers.
PROVIDERS = {
    "imap.gmail.com": ("https://oauth2.googleapis.com/token", "https://mail.google.com/"),
    "outlook.office365.com": (
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
    ),
}


class BadSettings(Exception):
    """Settings of OAuth are missing or wrong; the text says which."""


class NoToken(OSError):
    """There is no token now; later there may be one."""


class TokenRefused(Exception):
    """The token endpoint refuses the refresh token or the client."""


class TokenSource(Protocol):
    def token(self) -> str:
        """A token that is valid now. Raises NoToken, TokenRefused, BadSettings or BadSecretFile."""

    def forget(self) -> bool:
        """The mailbox has refused the last token. Returns whether another one may be had at once."""


class TokenCommand:
    """Runs a command for each token; its first line of output is the token."""

    def __init__(self, command: str) -> None:
        try:
            self._argv = shlex.split(command)
        except ValueError as error:
            raise BadSettings(f"the command for tokens is not valid: {error}") from None
        if not self._argv:
            raise BadSettings("the command for tokens is empty")

    def token(self) -> str:
        try:
            ran = subprocess.run(
                self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=COMMAND_S, check=False
            )
        except (FileNotFoundError, PermissionError) as error:
            raise BadSettings(f"the command for tokens can't be run: {error}") from None
        except subprocess.TimeoutExpired:
            raise NoToken(f"{self._argv[0]} printed no token within {COMMAND_S:.0f} seconds") from None
        if ran.returncode:
            raise NoToken(f"{self._argv[0]} ended with exit code {ran.returncode}")
        lines = ran.stdout.decode(errors="replace").split()
        if not lines:
            raise NoToken(f"{self._argv[0]} printed no token")
        return lines[0]

    def forget(self) -> bool:
        return False  # each token is new


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for tokens, and where. `secret` is None for a public client."""

    token_endpoint: str
    client_id: str
    secret: str | None
    scope: str | None


class RefreshedTokens:
    """Gets tokens with a refresh token, and keeps each until shortly before it expires."""

    def __init__(
        self, client: Client, refresh_token: RefreshToken, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        _check_endpoint(client.token_endpoint)
        self._client, self._refresh_token, self._monotonic = client, refresh_token, monotonic
        self._token, self._until, self._is_new = "", 0.0, False

    def token(self) -> str:
        self._is_new = not self._token or self._monotonic() >= self._until
        if self._is_new:
            self._renew()
        return self._token

    def forget(self) -> bool:
        self._token = ""
        return not self._is_new

    def _renew(self) -> None:
        asked_at, refresh_token = self._monotonic(), self._refresh_token.read()
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self._client.client_id,
            "client_secret": self._client.secret,
            "scope": self._client.scope,
        }
        host = urlsplit(self._client.token_endpoint).hostname
        try:
            response = httpx.post(
                self._client.token_endpoint,
                data={name: value for name, value in fields.items() if value},
                timeout=ENDPOINT_S,
            )
        except httpx.TransportError as error:
            raise NoToken(f"{host} gives no token: {error}") from None
        given = _object(response)
        if response.status_code in (400, 401, 403) and "error" in given:
            words = f"{given['error']}: {given.get('error_description', '')}".rstrip(": ")
            raise TokenRefused(f"{host} gives no token: {_shown(words, refresh_token, self._client.secret)}")
        if response.status_code != 200 or not isinstance(given.get("access_token"), str):
            raise NoToken(f"{host} gives no token: it answers {response.status_code}")
        self._token = str(given["access_token"])
        lifetime = str(given.get("expires_in", ""))
        lifetime_s = float(lifetime) if lifetime.isdigit() else LIFETIME_S
        self._until = asked_at + max(LEAST_LIFETIME_S, lifetime_s - RENEWED_BEFORE_S)
        if isinstance(other := given.get("refresh_token"), str) and other != refresh_token:
            self._refresh_token.keep(other)


class RefreshToken:
    """A refresh token: of a file, or one that is given. The endpoint may replace it; then the file is written again.

    `tell` is called with what the user should know.
    """

    def __init__(self, given: str | None, path: Path | None, tell: Callable[[str], None]) -> None:
        self._newest, self._path, self._tell = given, path, tell

    def read(self) -> str:
        if self._newest is not None:
            return self._newest
        assert self._path is not None
        return first_line(self._path, "refresh token")

    def keep(self, other: str) -> None:
        try:
            if self._path is not None:
                write_private(self._path, f"{other}\n")
                return
            why = "set refresh_token_file in place of refresh_token"
        except OSError as error:
            why = f"it can't be written to {self._path}: {error.strerror}"
        if self._newest != other:
            self._tell(f"There is a new refresh token, which is lost when this command ends: {why}.")
        self._newest = other


def token_source(settings: Mapping[str, str], host: str, tell: Callable[[str], None]) -> TokenSource | None:
    """The source that settings describe; None if they describe none. Raises BadSettings."""
    if command := settings.get("token_command"):
        return TokenCommand(command)
    if not (client_id := settings.get("client_id")):
        return None
    endpoint, scope = PROVIDERS.get(host, ("", None))
    endpoint = settings.get("token_endpoint") or endpoint
    if not endpoint:
        raise BadSettings(f"the token endpoint for {host} is not known; set token_endpoint")
    client = Client(endpoint, client_id, settings.get("client_secret"), settings.get("scope") or scope)
    given, file = settings.get("refresh_token"), settings.get("refresh_token_file")
    if not given and not file:
        raise BadSettings("a client id alone gets no tokens; set refresh_token_file too")
    path = Path(file).expanduser() if file else None
    return RefreshedTokens(client, RefreshToken(None if path else given, path, tell))


def _check_endpoint(url: str) -> None:
    parts = urlsplit(url)
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname))):
        raise BadSettings("token_endpoint has to begin with https://")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _object(response: httpx.Response) -> dict[str, object]:
    try:
        given = response.json()
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _shown(words: str, *secrets: str | None) -> str:
    """What the endpoint says, on one line and without the secrets that it may repeat."""
    for secret in filter(None, secrets):
        words = words.replace(secret, "...")
    return " ".join(words.split())[:LONGEST_WORDS]
