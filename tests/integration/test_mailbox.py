"""A watched mailbox on a real IMAP server: each attachment is in the dataset once, and only then the mail is moved."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from fairway_client import mailbox as mailboxes
from fairway_client import transfer
from fairway_client.access import Access
from fairway_client.cli import mail as watching
from fairway_client.cli import main as command_line
from fairway_client.mailbox import BadMailbox, LoginRefused, Mailbox, parse_address
from fairway_client.memory import Memory, state_folder

from tests import dovecot
from tests.dovecot import OTHER_PASSWORD, PASSWORD, Dovecot
from tests.fakes.fairway import FakeFairway, problem
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(dovecot.PROGRAM is None, reason="needs Dovecot: apt-get install dovecot-imapd")
OLD_SERVER = "IMAP4rev1 UIDPLUS"
WAIT_S = 20.0


@pytest.fixture(scope="module")
def running() -> Iterator[Dovecot]:
    with dovecot.running() as running:
        yield running


@pytest.fixture
def server(running: Dovecot) -> Dovecot:
    """A server with an empty mailbox of a new user."""
    return replace(running, user=f"{secrets.token_hex(4)}@example.org")


@pytest.fixture(scope="module")
def old_server() -> Iterator[Dovecot]:
    """A server without IDLE, MOVE and STARTTLS."""
    with dovecot.running(capabilities=OLD_SERVER, offers_tls=False) as running:
        yield running


@pytest.fixture
def fairway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFairway:
    return connected(tmp_path, monkeypatch)


def connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFairway:
    """A Fairway with a dataset Claims, to which the command is connected."""
    fake = FakeFairway()
    dataset = {"datasets": [{"id": "d", "name": "Claims"}], "next_cursor": None}
    fake.answer = lambda request: httpx.Response(200, json=dataset) if request.url.path == "/datasets" else None
    monkeypatch.setattr(Access, "client", lambda access: fake.client())
    monkeypatch.setattr(transfer, "LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0.05)
    for name, value in {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "FAIRWAY_API_URL": "http://fairway.test",
        "FAIRWAY_API_KEY": "fw_test",
        "FAIRWAY_IMAP_PASSWORD": PASSWORD,
    }.items():
        monkeypatch.setenv(name, value)
    return fake


@pytest.fixture(autouse=True)
def trusted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "server" in request.fixturenames:
        monkeypatch.setenv("SSL_CERT_FILE", str(request.getfixturevalue("server").certificate))


def mail(subject: str, *names: str) -> bytes:
    """A mail to which files with these names are attached; each has its name as its content."""
    message = EmailMessage()
    message["Subject"], message["From"] = subject, "ann@example.org"
    message.set_content("Hello.")
    for name in names:
        message.add_attachment(name.encode(), maintype="application", subtype="pdf", filename=name)
    return bytes(message)


def watch(url: str, *arguments: str) -> int:
    return command_line.main(["watch", url, "--dataset", "Claims", "--once", *arguments])


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def instead(fairway: FakeFairway, answer: Callable[[httpx.Request], httpx.Response | None]) -> Callable[[], None]:
    """Let the fake answer requests otherwise. Returns what ends that."""
    before = fairway.answer
    fairway.answer = lambda request: answer(request) or before(request)

    def end() -> None:
        fairway.answer = before

    return end


def states() -> list[str]:
    """What is kept of mails that are to be continued."""
    return [path.name for path in state_folder().glob("*/*.sqlite3")]


# --- mails -------------------------------------------------------------------------------------------


def test_each_mail_is_a_batch_of_its_attachments_and_is_moved_once_they_are_there(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    server.deliver(mail("Invoices", "a.pdf", "b.pdf"))
    server.deliver(mail("Rechnungen für Mai", "c.pdf"))
    assert watch(server.url(), "--move-to", "Done/2026", "--json") == 0
    assert fairway.names() == ["a.pdf", "b.pdf", "c.pdf"]
    assert sorted(fairway.objects.values()) == [b"a.pdf", b"b.pdf", b"c.pdf"]
    batches = [manifest["name"] for manifest in fairway.manifests.values()]
    assert batches == ["Invoices (ann@example.org)", "Rechnungen für Mai (ann@example.org)"]
    assert fairway.manifests["m0"]["lines"][0]["modified_at"] == "2026-01-15T09:30:00Z"
    assert server.subjects() == []
    assert server.subjects("Done.2026") == ["Invoices", "Rechnungen für Mai"]
    assert not any(b"\\Seen" in flags for flags in server.flags("Done.2026").values())
    assert [(each["mail"], each["state"], each["sent"]) for each in told(capsys)] == [
        ("Invoices", "uploaded", 2),
        ("Rechnungen für Mai", "uploaded", 1),
    ]
    assert states() == []


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_without_a_folder_for_done_mails_they_are_marked_and_stay_unread(
    server: Dovecot, fairway: FakeFairway, scheme: str
) -> None:
    server.deliver(mail("Invoices", "a.pdf"))
    for _ in range(2):
        assert watch(server.url(scheme=scheme)) == 0
    assert fairway.names() == ["a.pdf"]
    (flags,) = server.flags().values()
    assert flags - {b"\\Recent"} == {b"$FairwayDone"}


def test_mails_without_attachments_are_told_of_and_moved_only_where_told(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    server.deliver(mail("Lunch?"))
    assert watch(server.url(), "--move-to", "Done", "--json") == 0
    assert (told(capsys)[0]["state"], server.subjects()) == ("nothing_attached", ["Lunch?"])
    assert watch(server.url(), "--move-to", "Done", "--json") == 0
    assert told(capsys) == []  # it is marked
    server.deliver(mail("Dinner?"))
    assert watch(server.url(), "--move-to", "Done", "--others-to", "Others") == 0
    assert (server.subjects(), server.subjects("Others"), fairway.names()) == (["Lunch?"], ["Dinner?"], [])


def test_small_pictures_and_damaged_mails_are_told_of(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    message = EmailMessage()
    message["Subject"] = "With a logo"
    message.set_content("<img src='cid:logo'>", subtype="html")
    message.add_related(b"x" * 900, "image", "png", cid="<logo>", filename="logo.png")
    message.add_related(b"x" * 1000, "image", "png", cid="<scan>", filename="scan.png")
    server.deliver(bytes(message))
    server.deliver(b"Subject: Bomb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 600)
    assert watch(server.url(), "--move-to", "Done", "--pictures-from-kb", "1") == 1
    said = capsys.readouterr().err
    assert "With a logo: logo.png is not sent: it is a small picture of the text, 900 bytes" in said
    assert "is left where it is: it has more than 500 parts" in said
    assert (fairway.names(), server.subjects("Done")) == (["scan.png"], ["With a logo"])
    assert server.subjects() == ["Bomb"]


def test_a_large_mail_comes_in_pieces_and_a_larger_one_is_left_where_it_is(
    server: Dovecot, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mailboxes, "FETCHED_BYTES", 1000)
    content = os.urandom(300_000)
    for subject, size in (("Large", 300_000), ("Larger", 900_000)):
        message = EmailMessage()
        message["Subject"] = subject
        message.add_attachment((content * 3)[:size], maintype="application", subtype="pdf", filename="scan.pdf")
        server.deliver(bytes(message))
    assert watch(server.url(), "--move-to", "Done", "--most-mail-mb", "1") == 1
    assert list(fairway.objects.values()) == [content]
    assert (server.subjects("Done"), server.subjects()) == (["Large"], ["Larger"])
    assert "is left where it is: it has 1,2" in capsys.readouterr().err


# --- what fails and what is interrupted --------------------------------------------------------------


def test_a_mail_stays_until_all_its_attachments_are_there_and_none_is_sent_twice(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    server.deliver(mail("Invoices", "a.pdf", "b.pdf", "c.pdf"))
    server.deliver(mail("Others", "d.pdf"))
    end = instead(fairway, lambda request: httpx.Response(400) if request.url.path == "/m0-1" else None)
    assert watch(server.url(), "--move-to", "Done", "--json") == 1
    assert [(each["state"], each["sent"]) for each in told(capsys)] == [("failed", 2), ("uploaded", 1)]
    assert (server.subjects(), server.subjects("Done")) == (["Invoices"], ["Others"])
    end()
    assert watch(server.url(), "--move-to", "Done") == 0
    assert sorted(fairway.objects.values()) == [b"a.pdf", b"b.pdf", b"c.pdf", b"d.pdf"]
    assert len(fairway.puts) == 4
    assert (server.subjects("Done"), states()) == (["Invoices", "Others"], [])


def test_a_file_that_the_api_refuses_holds_up_neither_its_mail_nor_others(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    server.deliver(mail("Invoices", "a.pdf", "huge.pdf"))
    server.deliver(mail("Others", "d.pdf"))

    def refuse(request: httpx.Request) -> httpx.Response | None:
        if b"huge.pdf" not in request.content or request.method != "POST":
            return None
        errors = [{"pointer": "/lines/1/size_bytes", "detail": "a file may have at most 5 bytes"}]
        return httpx.Response(413, json={"status": 413, "code": "too_large", "detail": "no", "errors": errors})

    instead(fairway, refuse)
    assert watch(server.url(), "--move-to", "Done") == 1
    assert (fairway.names(), server.subjects()) == (["a.pdf", "d.pdf"], ["Invoices"])
    assert "huge.pdf: is refused: a file may have at most 5 bytes" in capsys.readouterr().err


class Crash(BaseException):
    """Ends the command as a killed process ends: nothing is caught, and nothing is noted."""


@pytest.mark.parametrize("when", ["before the answer", "while sending", "before the move", "after the move"])
def test_a_crash_at_any_moment_makes_no_file_twice(
    server: Dovecot, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    server.deliver(mail("Invoices", "a.pdf", "b.pdf", "c.pdf"))

    def crash(request: httpx.Request) -> httpx.Response | None:
        if when == "before the answer" and request.url.path.endswith("/manifests"):
            fairway._create(request)
            raise Crash
        if when == "while sending" and request.url.path == "/m0-2":
            raise Crash
        return None

    def crash_at_the_move(mailbox: Mailbox, uid: int, *, is_done: bool) -> None:
        if when == "after the move":
            finish(mailbox, uid, is_done=is_done)
        raise Crash

    end, finish = instead(fairway, crash), Mailbox.finish
    with monkeypatch.context() as patch:
        if "move" in when:
            patch.setattr(Mailbox, "finish", crash_at_the_move)
        with pytest.raises(Crash):
            watch(server.url(), "--move-to", "Done")
    end()
    assert watch(server.url(), "--move-to", "Done") == 0
    assert fairway.names() == ["a.pdf", "b.pdf", "c.pdf"]
    assert len(fairway.manifests) == 1
    assert (server.subjects(), server.subjects("Done"), states()) == ([], ["Invoices"], [])


def test_two_processes_never_watch_one_mailbox_for_one_dataset(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    address = parse_address(server.url())
    with Memory(watching.path_of("http://fairway.test", "d", address.name)):
        assert watch(server.url()) == 2
    assert "another process uploads" in capsys.readouterr().err


# --- waiting -----------------------------------------------------------------------------------------


class Watching:
    """The command in a thread, until the block ends, which stops it as a signal does."""

    def __init__(self, url: str, *arguments: str) -> None:
        self._arguments = ["watch", url, "--dataset", "Claims", "--move-to", "Done", *arguments]
        self._thread = threading.Thread(target=self._run)
        self._stopping: list[threading.Event] = []
        self.codes: list[int] = []

    def _run(self) -> None:
        self.codes.append(command_line.main(self._arguments))

    def _stopped_by_test(self, stopping: threading.Event) -> AbstractContextManager[None]:
        self._stopping.append(stopping)
        return nullcontext()

    def __enter__(self) -> Watching:
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(watching, "stopped_by_signals", self._stopped_by_test)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for stopping in self._stopping:
            stopping.set()
        self._thread.join(WAIT_S)
        self._patch.undo()
        assert not self._thread.is_alive()


def test_the_server_tells_of_a_new_mail_at_once(
    server: Dovecot, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    idle = mailboxes.imapclient.IMAPClient.idle

    def counted(client: Any) -> None:
        idle(client)
        waits.append(time.monotonic())

    monkeypatch.setattr(mailboxes.imapclient.IMAPClient, "idle", counted)
    monkeypatch.setattr(mailboxes, "LONGEST_WAIT_S", 3600.0)
    with Watching(server.url()) as running:
        assert eventually(lambda: len(waits) == 1, WAIT_S)
        server.deliver(mail("Mail 1", "1.pdf"))
        assert eventually(lambda: len(waits) == 2, WAIT_S)
        server.deliver(mail("Mail 2", "2.pdf"))
        assert eventually(lambda: server.subjects("Done") == ["Mail 1", "Mail 2"], WAIT_S)
        assert waits[1] - waits[0] < WAIT_S / 2
    assert running.codes == [0]
    assert fairway.names() == ["1.pdf", "2.pdf"]


def test_a_server_that_does_not_tell_is_asked_and_copies_instead_of_moving(
    old_server: Dovecot, fairway: FakeFairway
) -> None:
    old_server.deliver(mail("Deleted by a person", "x.pdf"))
    with old_server.mailbox() as client:
        client.delete_messages(client.search("ALL"))
    with Watching(old_server.url(scheme="imap"), "--every-s", "0.1"):
        old_server.deliver(mail("Mail", "a.pdf"))
        assert eventually(lambda: old_server.subjects("Done") == ["Mail"], WAIT_S)
    assert fairway.names() == ["a.pdf"]
    assert old_server.subjects() == ["Deleted by a person"]  # nothing but the mail itself is expunged


def test_a_lost_connection_is_opened_again(
    server: Dovecot, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    idle = mailboxes.imapclient.IMAPClient.idle

    def noted(client: Any) -> None:
        idle(client)
        opened.append(client.socket())

    monkeypatch.setattr(mailboxes.imapclient.IMAPClient, "idle", noted)
    with Watching(server.url()) as running:
        assert eventually(lambda: len(opened) == 1, WAIT_S)
        socket.socket(fileno=os.dup(opened[0].fileno())).shutdown(socket.SHUT_RDWR)
        assert eventually(lambda: len(opened) == 2, WAIT_S)
        server.deliver(mail("Mail", "a.pdf"))
        assert eventually(lambda: server.subjects("Done") == ["Mail"], WAIT_S)
    assert (running.codes, fairway.names()) == ([0], ["a.pdf"])


# --- addresses, passwords, errors --------------------------------------------------------------------


def test_the_password_is_in_no_output_and_no_log(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.deliver(mail("Invoices", "a.pdf"))
    assert watch(server.url()) == 0
    shown = capsys.readouterr()
    for text in (shown.out, shown.err, caplog.text):
        assert PASSWORD not in text
    kept = b"".join(path.read_bytes() for path in state_folder().rglob("*") if path.is_file())
    assert PASSWORD.encode() not in kept


def test_a_password_file_has_to_be_its_owners_alone(
    server: Dovecot, fairway: FakeFairway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("FAIRWAY_IMAP_PASSWORD")
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o640)
    assert watch(server.url(), "--password-file", str(path)) == 2
    assert "chmod 600" in capsys.readouterr().err
    path.chmod(0o600)
    assert watch(server.url(), "--password-file", str(path)) == 0
    assert watch(server.url()) == 2
    assert "set FAIRWAY_IMAP_PASSWORD" in capsys.readouterr().err


def test_a_password_may_have_letters_beyond_ascii(
    server: Dovecot, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRWAY_IMAP_PASSWORD", OTHER_PASSWORD)
    server.deliver(mail("Invoices", "a.pdf"))
    assert watch(server.url()) == 0
    assert fairway.names() == ["a.pdf"]
    with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED"):
        Mailbox(parse_address(server.url()), "wröng")


def test_a_wrong_password_is_told_and_not_tried_again(
    server: Dovecot, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRWAY_IMAP_PASSWORD", "wrong")
    assert watch(server.url()) == 3
    assert f"refuses {server.user}: [AUTHENTICATIONFAILED] Authentication failed." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("imaps://ann:secret@host/INBOX", "leave the password out of the address"),
        ("imaps://host/INBOX", "imaps://user@host/INBOX"),
        ("imaps://ann@host:port/INBOX", "not valid"),
    ],
)
def test_a_wrong_address_is_told(
    fairway: FakeFairway, capsys: pytest.CaptureFixture[str], url: str, message: str
) -> None:
    assert watch(url) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "secret" not in said


def test_a_folder_that_does_not_exist_is_told_with_those_that_do(
    server: Dovecot, fairway: FakeFairway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(server.url("Claims/2026")) == 2
    assert "has no folder 'Claims/2026'; there are INBOX" in capsys.readouterr().err
    with server.mailbox() as client:
        client.create_folder("Claims.Überweisungen")
    server.deliver(mail("Mail", "a.pdf"), "Claims.Überweisungen")
    assert watch(server.url("Claims/%C3%9Cberweisungen"), "--move-to", "INBOX") == 0
    assert (fairway.names(), server.subjects()) == (["a.pdf"], ["Mail"])
    assert watch(server.url(), "--move-to", "INBOX") == 2


def test_a_certificate_that_nobody_trusts_is_refused(
    server: Dovecot, fairway: FakeFairway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    for scheme in ("imaps", "imap"):
        assert watch(server.url(scheme=scheme)) == 2
        assert "the certificate of 127.0.0.1 is not trusted: self-signed certificate" in capsys.readouterr().err


def test_a_password_is_not_sent_in_the_clear_to_another_machine(
    old_server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "is_loopback", lambda host: False)
    with pytest.raises(BadMailbox, match="offers no encryption"):
        Mailbox(parse_address(old_server.url(scheme="imap")), PASSWORD)


def test_a_server_that_does_not_answer_exits_with_3(fairway: FakeFairway, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch("imaps://ann@127.0.0.1:1/INBOX") == 3
    assert "127.0.0.1: [Errno 111] Connection refused" in capsys.readouterr().err


def test_a_key_that_is_refused_ends_the_command(server: Dovecot, fairway: FakeFairway) -> None:
    server.deliver(mail("Invoices", "a.pdf"))
    instead(fairway, lambda request: problem(403, "forbidden") if request.url.path.endswith("/manifests") else None)
    assert watch(server.url(), "--move-to", "Done") == 3
    assert server.subjects() == ["Invoices"]
