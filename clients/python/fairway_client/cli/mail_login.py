"""How `fairway watch imaps://...` logs in: with a password, or with access tokens of OAuth 2.0."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from fairway_client.access import config_path
from fairway_client.cli.output import Output
from fairway_client.mailbox import Address, BadMailbox, LoginRefused, Mailbox, Token
from fairway_client.oauth import BadSettings, TokenCommand, TokenSource, token_source
from fairway_client.secret_files import check_private, first_line

VARIABLE = "FAIRWAY_IMAP_PASSWORD"
# Settings of OAuth: in the configuration file below [imap."USER"], in the environment as FAIRWAY_IMAP_...
SETTINGS = (
    "token_command",
    "client_id",
    "client_secret",
    "refresh_token_file",
    "refresh_token",
    "token_endpoint",
    "scope",
)
SECRETS = {"client_secret", "refresh_token"}


class Login:
    """The password or the source of tokens of a mailbox: by options, environment or configuration file, or asked for. Raises
    BadMailbox, BadSettings and BadSecretFile."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        address: Address,
        output: Output,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._address = address
        self._secret, self._renew = _found(arguments, address, output.note, environment)

    def open(self, move_to: str | None, others_to: str | None) -> Mailbox:
        """The open mailbox. If a token is refused, another one is tried. Raises what a Mailbox and a TokenSource raise."""
        try:
            return Mailbox(self._address, self._secret(), move_to, others_to)
        except LoginRefused:
            if not self._renew():
                raise
        return Mailbox(self._address, self._secret(), move_to, others_to)


# How to get the secret for a connection, and whether there is another one once it was refused.
Secret = tuple[Callable[[], str | Token], Callable[[], bool]]


def _found(
    arguments: argparse.Namespace, address: Address, tell: Callable[[str], None], environment: Mapping[str, str]
) -> Secret:
    """The secret that is named first."""
    if (path := arguments.password_file) is not None:
        first_line(path, "password")
        return _password(lambda: first_line(path, "password"))  # it may change while mails are watched
    if arguments.token_command:
        return _tokens(TokenCommand(arguments.token_command))
    if password := environment.get(VARIABLE):
        return _password(lambda: password)
    given = {name: environment.get(f"FAIRWAY_IMAP_{name.upper()}", "") for name in SETTINGS}
    for settings in (given, _configured(config_path(environment), address.user)):
        if (source := token_source(settings, address.host, tell)) is not None:
            return _tokens(source)
    if not sys.stdin.isatty():
        raise BadMailbox(
            f"neither a password nor access tokens of {address.user} are known; set {VARIABLE}, or name a file with "
            "--password-file or a command with --token-command"
        )
    asked = getpass.getpass(f"Password of {address.user}: ")
    return _password(lambda: asked)


def _password(read: Callable[[], str]) -> Secret:
    return read, lambda: False


def _tokens(source: TokenSource) -> Secret:
    return lambda: Token(source.token()), source.forget


def _configured(path: Path, user: str) -> dict[str, str]:
    """The settings of a user in the configuration file."""
    try:
        found = tomllib.loads(path.read_text()).get("imap", {}).get(user, {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        raise BadSettings(f"{path} can't be read: {error}") from None
    if not isinstance(found, dict) or set(found) - set(SETTINGS):
        raise BadSettings(f'[imap."{user}"] in {path} may have {", ".join(SETTINGS)}, and nothing else')
    if SECRETS & set(found):
        check_private(path)
    return {name: str(value) for name, value in found.items()}
