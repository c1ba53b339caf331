"""A real IMAP server for tests: Dovecot of the system, with its own configuration, folders and ports on 127.0.0.1."""

from __future__ import annotations

import datetime
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.header import decode_header, make_header
from pathlib import Path

import imapclient

from tests.certificates import self_signed
from tests.system_packages import PATH

PROGRAM = shutil.which("dovecot", path=PATH)
PASSWORD, OTHER_PASSWORD = "for-tests-alone", "für-Tests-allein"
START_S = 20.0
CONFIGURATION = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
protocols = imap
listen = 127.0.0.1
default_internal_user = {account}
default_internal_group = {group}
default_login_user = {account}
ssl = {ssl}
ssl_cert = <{home}/certificate.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={other_password}
}}
{tokens}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
namespace inbox {{
  inbox = yes
  separator = .
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{more}
"""
TOKENS = """\
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {path}
}}
"""
INTROSPECTION = """\
introspection_url = {url}/introspect
introspection_mode = post
username_attribute = username
active_attribute = active
active_value = true
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running server, used by one user: each name is a user with an empty mailbox and two passwords.

    `certificate` is the file of the authority that clients have to trust for its TLS.
    """

    home: Path
    imap_port: int
    imaps_port: int
    certificate: Path
    user: str = "ann"

    def url(self, folder: str = "INBOX", scheme: str = "imaps") -> str:
        port = self.imaps_port if scheme == "imaps" else self.imap_port
        return f"{scheme}://{self.user.replace('@', '%40')}@127.0.0.1:{port}/{folder}"

    @contextmanager
    def mailbox(self, folder: str | None = "INBOX") -> Iterator[imapclient.IMAPClient]:
        """A connection of another mail program, with this folder open."""
        with imapclient.IMAPClient("127.0.0.1", self.imap_port, ssl=False, timeout=20) as client:
            client.login(self.user, PASSWORD)
            if folder is not None:
                client.select_folder(folder)
            yield client

    def deliver(self, content: bytes, folder: str = "INBOX") -> None:
        with self.mailbox(None) as client:
            client.append(folder, content, msg_time=datetime.datetime(2026, 1, 15, 9, 30, tzinfo=datetime.UTC))

    def subjects(self, folder: str = "INBOX") -> list[str]:
        """The subjects of the mails in a folder, sorted; none if there is no such folder."""
        with self.mailbox(None) as client:
            if not client.folder_exists(folder):
                return []
        with self.mailbox(folder) as client:
            found = client.fetch(client.search("ALL"), ["ENVELOPE"])
        return sorted(_decoded(each[b"ENVELOPE"].subject) for each in found.values())

    def flags(self, folder: str = "INBOX") -> dict[str, set[bytes]]:
        """The flags of each mail in a folder, by its subject."""
        with self.mailbox(folder) as client:
            found = client.fetch(client.search("ALL"), ["ENVELOPE", "FLAGS"])
        return {_decoded(each[b"ENVELOPE"].subject): set(each[b"FLAGS"]) for each in found.values()}


@contextmanager
def running(
    *, capabilities: str = "", offers_tls: bool = True, mechanisms: str = "plain login", provider_url: str = ""
) -> Iterator[Dovecot]:
    """A server, until the block ends. `capabilities` replaces those that it tells its clients. `mechanisms` are those of SASL;
    access tokens are checked at the OAuth provider with this URL."""
    # Not in a folder of pytest, which is closed to the account that the mails belong to.
    with tempfile.TemporaryDirectory(prefix="fairway-dovecot-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder)
        values = {"ssl": "yes" if offers_tls else "no", "mechanisms": mechanisms, "tokens": "", "more": ""}
        if capabilities:
            values["more"] = f"protocol imap {{\n  imap_capability = {capabilities}\n}}"
        if provider_url:
            (home / "introspection").write_text(INTROSPECTION.format(url=provider_url))
            values["tokens"] = TOKENS.format(path=home / "introspection")
        with _running_in(home, values) as server:
            yield server


@contextmanager
def _running_in(home: Path, values: dict[str, str]) -> Iterator[Dovecot]:
    assert PROGRAM is not None
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    imap_port, imaps_port = _free_ports(2)
    certificate = _certify(home)
    (home / "mail").mkdir()
    os.chown(home / "mail", account.pw_uid, account.pw_gid)
    configuration = home / "dovecot.conf"
    configuration.write_text(
        CONFIGURATION.format(
            home=home,
            account=account.pw_name,
            group=subprocess.run(
                ["id", "-gn", account.pw_name], capture_output=True, text=True, check=True
            ).stdout.strip(),
            uid=account.pw_uid,
            gid=account.pw_gid,
            password=PASSWORD,
            other_password=OTHER_PASSWORD,
            imap_port=imap_port,
            imaps_port=imaps_port,
            **values,
        )
    )
    with (home / "errors").open("w") as errors:
        process = subprocess.Popen([PROGRAM, "-F", "-c", str(configuration)], stderr=errors)
    try:
        _await(process, imap_port, home)
        yield Dovecot(home, imap_port, imaps_port, certificate)
    finally:
        process.terminate()
        process.wait(timeout=START_S)


def _decoded(subject: bytes | None) -> str:
    return str(make_header(decode_header((subject or b"").decode())))


def _await(process: subprocess.Popen[bytes], port: int, home: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                if connection.recv(1000).startswith(b"* OK"):
                    return
        except OSError:
            time.sleep(0.05)
    said = [path.read_text() for path in (home / "errors", home / "dovecot.log") if path.exists()]
    raise AssertionError(f"Dovecot did not start: {' '.join(said)}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _certify(home: Path) -> Path:
    """Write a key and a certificate that signs itself. Returns the certificate's path."""
    certificate, key = self_signed("dovecot for tests")
    path = home / "certificate.pem"
    path.write_bytes(certificate)
    (home / "key.pem").write_bytes(key)
    return path
