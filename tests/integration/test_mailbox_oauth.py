"""A mailbox that takes no password: access tokens of OAuth from a command or a token endpoint, on a real IMAP server."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shlex
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fairway_client import mailbox as mailboxes
from fairway_client.access import Access, keep_access
from fairway_client.mailbox import BadMailbox, Mailbox, Token, parse_address
from fairway_client.memory import state_folder

from tests import dovecot
from tests.dovecot import Dovecot
from tests.fakes.fairway import FakeFairway
from tests.integration.test_mailbox import WAIT_S, Watching, connected, mail, watch
from tests.standins.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, OAuthProvider
from tests.standins.server import Served
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(dovecot.PROGRAM is None, reason="needs Dovecot: apt-get install dovecot-imapd")
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")


class Provider(OAuthProvider):
    """The stand-in, with its address."""

    url = ""


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    provider = Provider()
    with Served(provider) as provider.url:
        yield provider


@pytest.fixture(scope="module")
def running(served: Provider) -> Iterator[Dovecot]:
    with dovecot.running(mechanisms="plain oauthbearer xoauth2", provider_url=served.url) as running:
        yield running


@pytest.fixture
def provider(served: Provider) -> Provider:
    served.reset()
    served.change(user=f"{secrets.token_hex(4)}@example.org")
    return served


@pytest.fixture
def server(running: Dovecot, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    """A server with an empty mailbox of a new user."""
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    return replace(running, user=provider.settings.user)


@pytest.fixture
def fairway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFairway:
    fake = connected(tmp_path, monkeypatch)
    monkeypatch.delenv("FAIRWAY_IMAP_PASSWORD")
    monkeypatch.setenv("FAIRWAY_CONFIG", str(tmp_path / "config.toml"))
    return fake


class Settings:
    """The configuration file of a user with a refresh token, which is in a file of its own."""

    def __init__(self, folder: Path, user: str, provider: Provider) -> None:
        self.path, self.refresh_token = folder / "config.toml", folder / "refresh-token"
        self.refresh_token.write_text(f"{REFRESH_TOKEN}\n")
        self.refresh_token.chmod(0o600)
        self.user = user
        self.values = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "token_endpoint": f"{provider.url}/token",
            "refresh_token_file": str(self.refresh_token),
        }
        self.write()

    def write(self, **others: str) -> None:
        lines = [f"{name} = {json.dumps(value)}" for name, value in (self.values | others).items() if value]
        self.path.write_text(f"[imap.{json.dumps(self.user)}]\n" + "\n".join(lines) + "\n")
        self.path.chmod(0o600)


@pytest.fixture
def settings(fairway: FakeFairway, server: Dovecot, provider: Provider, tmp_path: Path) -> Settings:
    return Settings(tmp_path, server.user, provider)


def printing(text: str) -> str:
    """A command that prints this."""
    return shlex.join([sys.executable, "-c", f"print({text!r})"])


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_token_of_a_command_opens_the_mailbox(
    server: Dovecot, fairway: FakeFairway, provider: Provider, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    monkeypatch.setattr(mailboxes, "MECHANISMS", [mechanism])
    server.deliver(mail("Invoices", "a.pdf"))
    assert watch(server.url(), "--move-to", "Done", "--token-command", printing(provider.issue())) == 0
    assert (fairway.names(), server.subjects("Done")) == (["a.pdf"], ["Invoices"])


def test_the_command_may_be_named_in_the_environment_or_the_configuration_file(
    server: Dovecot, settings: Settings, provider: Provider, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = printing(provider.issue())
    settings.path.write_text(f"[imap.{json.dumps(server.user)}]\ntoken_command = {json.dumps(command)}\n")
    assert watch(server.url()) == 0
    settings.path.unlink()
    monkeypatch.setenv("FAIRWAY_IMAP_TOKEN_COMMAND", command)
    assert watch(server.url()) == 0


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("no-such-program", 2, "can't be run"),
        ("'", 2, "not valid"),
        ("false", 3, "exit code 1"),
        ("true", 3, "printed no token"),
        (printing("of-somebody-else"), 3, "refuses the access token"),
    ],
)
def test_a_command_without_a_valid_token_is_told(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str], command: str, code: int, message: str
) -> None:
    assert watch(server.url(), "--token-command", command) == code
    said = capsys.readouterr().err
    assert message in said and "of-somebody-else" not in said


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_server_says_why_it_refuses_a_token(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    monkeypatch.setattr(mailboxes, "MECHANISMS", [mechanism])
    with pytest.raises(mailboxes.LoginRefused, match=f"refuses the access token of {server.user}: .*(invalid|AUTH|40)"):
        Mailbox(parse_address(server.url()), Token("wrong"))


def test_a_server_that_takes_only_passwords_is_told() -> None:
    with (
        dovecot.running(mechanisms="plain", offers_tls=False) as server,
        pytest.raises(BadMailbox, match="takes no access tokens"),
    ):
        Mailbox(parse_address(server.url(scheme="imap")), Token("t"))


def test_a_refresh_token_gets_an_access_token_which_serves_many_connections(
    server: Dovecot, settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Mailbox] = []
    wait = Mailbox.wait

    def lose_connection(mailbox: Mailbox, *_: object) -> None:
        opened.append(mailbox)
        raise OSError("lost")

    monkeypatch.setattr(Mailbox, "wait", lose_connection)
    with Watching(server.url()) as running:
        assert eventually(lambda: len(opened) >= 3, WAIT_S)
        monkeypatch.setattr(Mailbox, "wait", wait)
    assert running.codes == [0]
    assert provider.counts["tokens"] == 1


def test_a_token_is_renewed_before_it_expires(
    server: Dovecot, settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fairway_client import oauth

    client = oauth.Client(f"{provider.url}/token", CLIENT_ID, CLIENT_SECRET, None)
    now = [1000.0]
    tokens = oauth.RefreshedTokens(client, oauth.RefreshToken(REFRESH_TOKEN, None, print), lambda: now[0])
    first = tokens.token()
    now[0] += 3600 - oauth.RENEWED_BEFORE_S - 1
    assert tokens.token() == first
    now[0] += 1
    assert tokens.token() != first


def test_a_token_that_the_server_refuses_is_replaced_once(
    server: Dovecot, settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch, fairway: FakeFairway
) -> None:
    waited: list[int] = []

    def revoke(*_: object) -> None:
        waited.append(1)
        if len(waited) > 1:
            provider.settings.user = "somebody else"  # the server refuses new tokens too
        provider.revoke()
        raise OSError("lost")

    monkeypatch.setattr(Mailbox, "wait", revoke)
    with Watching(server.url()) as running:
        assert eventually(lambda: running.codes == [3], WAIT_S)
    assert len(waited) == 2
    assert provider.counts["tokens"] == 3  # at the start, after the first loss, and in vain after the second


def test_a_new_refresh_token_replaces_the_one_in_the_file(
    server: Dovecot, settings: Settings, provider: Provider, fairway: FakeFairway
) -> None:
    provider.change(rotates=True)
    for number in (1, 2):
        assert watch(server.url()) == 0
        assert settings.refresh_token.read_text() == f"refresh-{number}\n"
    assert stat.S_IMODE(settings.refresh_token.stat().st_mode) == 0o600
    assert [path.name for path in settings.refresh_token.parent.glob("refresh-token*")] == ["refresh-token"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_new_refresh_token_that_can_not_be_kept_is_told(
    server: Dovecot, settings: Settings, provider: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.change(rotates=True)
    folder = tmp_path / "secrets"
    folder.mkdir()
    path = settings.refresh_token.rename(folder / "token")
    settings.write(refresh_token_file=str(path))
    folder.chmod(0o500)
    assert watch(server.url()) == 0
    assert "is lost when this command ends" in capsys.readouterr().err


def test_a_refresh_token_in_the_environment_is_replaced_for_the_run_and_told(
    server: Dovecot, fairway: FakeFairway, provider: Provider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    provider.change(rotates=True)
    for name, value in {
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "REFRESH_TOKEN": REFRESH_TOKEN,
        "TOKEN_ENDPOINT": f"{provider.url}/token",
    }.items():
        monkeypatch.setenv(f"FAIRWAY_IMAP_{name}", value)
    assert watch(server.url()) == 0
    assert "is lost when this command ends: set refresh_token_file" in capsys.readouterr().err


@pytest.mark.parametrize("behaviour", ["invalid_grant", "invalid_client"])
def test_a_refused_refresh_token_is_told_and_not_tried_again(
    server: Dovecot, settings: Settings, provider: Provider, capsys: pytest.CaptureFixture[str], behaviour: str
) -> None:
    provider.change(always=behaviour)
    assert watch(server.url()) == 3
    said = capsys.readouterr().err
    assert f"gives no token: {behaviour}" in said and REFRESH_TOKEN not in said
    assert provider.counts["calls"] == 1


@pytest.mark.parametrize("behaviour", ["outage", "hang_up", {"status": 200, "body": []}])
def test_a_token_endpoint_that_is_down_is_asked_again(
    server: Dovecot, settings: Settings, provider: Provider, fairway: FakeFairway, behaviour: object
) -> None:
    server.deliver(mail("Invoices", "a.pdf"))
    provider.change(next=[behaviour])
    assert watch(server.url()) == 3
    assert watch(server.url()) == 0
    provider.change(next=[behaviour])
    server.deliver(mail("Others", "b.pdf"))
    with Watching(server.url()) as running:
        assert eventually(lambda: server.subjects("Done") == ["Others"], WAIT_S)
    assert running.codes == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token_endpoint": "http://login.example.org/token"}, "has to begin with https://"),
        ({"token_endpoint": ""}, "the token endpoint for 127.0.0.1 is not known"),
        ({"refresh_token_file": ""}, "set refresh_token_file"),
        ({"refresh_token_file": "/no/such/file"}, "can't be read from /no/such/file"),
        ({"password": "x"}, "and nothing else"),
    ],
)
def test_wrong_settings_are_told(
    server: Dovecot, settings: Settings, provider: Provider, capsys: pytest.CaptureFixture[str], change: dict[str, str], message: str
) -> None:  # fmt: skip
    settings.write(**change)
    assert watch(server.url()) == 2
    assert message in capsys.readouterr().err
    assert provider.counts["calls"] == 0


def test_files_with_secrets_have_to_be_their_owners_alone(
    server: Dovecot, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (settings.path, settings.refresh_token):
        path.chmod(0o640)
        assert watch(server.url()) == 2
        assert f"chmod 600 {path}" in capsys.readouterr().err
        path.chmod(0o600)
    assert watch(server.url()) == 0


def test_secrets_are_in_no_output_no_log_and_no_state_file(
    server: Dovecot, settings: Settings, provider: Provider, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    server.deliver(mail("Invoices", "a.pdf"))
    assert watch(server.url()) == 0
    provider.settings.user = "somebody else"
    assert watch(server.url()) == 3
    shown = capsys.readouterr()
    kept = b"".join(path.read_bytes() for path in state_folder().rglob("*") if path.is_file()).decode(errors="replace")
    assert provider.counts["tokens"] == 2
    for text in (shown.out, shown.err, caplog.text, kept):
        assert not any(secret in text for secret in (*provider.issued, REFRESH_TOKEN, CLIENT_SECRET))


def test_signing_in_keeps_the_settings_of_mailboxes(settings: Settings) -> None:
    before = settings.path.read_text()
    for number in range(2):
        keep_access(Access(f"http://{number}.test", "fw_key", ""), settings.path)
        assert settings.path.read_text() == f'api_url = "http://{number}.test"\napi_key = "fw_key"\n{before}'
