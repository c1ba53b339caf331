"""`fairway watch imaps://...`: uploads what is attached to the mails of a folder, each mail as one batch."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

from imapclient.exceptions import IMAPClientError

from fairway_client.access import Access
from fairway_client.cli.mail_login import Login
from fairway_client.cli.output import Output
from fairway_client.cli.upload import stopped_by_signals
from fairway_client.client import Client
from fairway_client.folder import Found
from fairway_client.mailbox import BadMailbox, LoginRefused, Mailbox, TooLarge, parse_address
from fairway_client.mails import Mail, UnreadableMail, read_mail
from fairway_client.memory import Memory, path_of
from fairway_client.oauth import BadSettings, TokenRefused
from fairway_client.secret_files import BadSecretFile
from fairway_client.transfer import Patience, Stopped
from fairway_client.uploading import Options, Report, Upload
from fairway_client.watching import FIRST_RETRY_S, LONGEST_RETRY_S

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0
POLL_S = 60.0
WRONG_USE, UNREACHABLE = 2, 3


def run(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Watch a folder of a mailbox until Ctrl-C or SIGTERM, or with --once, until each of its mails was tried. Returns 0; 1
    if something failed with --once; 2 if the mailbox can't be used; 3 if it can't be reached or refuses the login."""
    stopping = threading.Event()
    try:
        address = parse_address(arguments.source)
        login = Login(arguments, address, output)  # what is missing is told before anything else is done
        client = access.client()
        dataset = client.dataset(arguments.dataset or address.folder)
        state = path_of(access.api_url, dataset["id"], address.name)
        with Memory(state), stopped_by_signals(stopping):
            watch = _Watch(arguments, client, dataset["id"], state.with_suffix(""), output, stopping)
            output.note(f"Watching {address.name} for {dataset['name']!r}. Ctrl-C ends it.")
            pause_s = FIRST_PAUSE_S
            while not stopping.is_set():
                try:
                    with login.open(arguments.move_to, arguments.others_to) as mailbox:
                        pause_s = FIRST_PAUSE_S
                        watch.run(mailbox)
                    return 1 if arguments.once and watch.has_failed else 0
                except (IMAPClientError, OSError) as error:
                    output.note(f"{address.host}: {error}")
                    if arguments.once:
                        return UNREACHABLE
                    output.note(f"It is tried again in {pause_s:.0f} seconds.")
                    stopping.wait(pause_s)
                    pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
    except Stopped:
        return 0
    except (BadMailbox, BadSettings, BadSecretFile) as error:
        output.note(f"fairway: {error}")
        return WRONG_USE
    except (LoginRefused, TokenRefused) as error:
        output.note(f"fairway: {error}")
        return UNREACHABLE
    return 0


class _Watch:
    """Uploads the mails of one folder. `has_failed` tells whether one was not uploaded.

    What is to be continued of a mail is kept in a file of `states`, until the mail is moved or marked.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        client: Client,
        dataset_id: str,
        states: Path,
        output: Output,
        stopping: threading.Event,
    ) -> None:
        self._arguments, self._client, self._dataset_id = arguments, client, dataset_id
        self._states, self._output, self._stopping = states, output, stopping
        self._is_settled: set[tuple[int, int]] = set()
        self._tries: dict[tuple[int, int], tuple[int, float]] = {}
        self.has_failed = False

    def run(self, mailbox: Mailbox) -> None:
        """Until it is stopped; with --once, until each mail was tried."""
        self._forget_gone(mailbox)
        while not self._stopping.is_set():
            due = [uid for uid in mailbox.new() if self._is_due((mailbox.validity, uid))]
            for uid in due:
                if self._stopping.is_set():
                    return
                self._handle(mailbox, uid)
            if not due:
                if self._arguments.once:
                    return
                mailbox.wait(self._stopping, POLL_S if self._arguments.every_s is None else self._arguments.every_s)

    def _is_due(self, mail: tuple[int, int]) -> bool:
        return mail not in self._is_settled and time.monotonic() >= self._tries.get(mail, (0, 0.0))[1]

    def _handle(self, mailbox: Mailbox, uid: int) -> None:
        identity = (mailbox.validity, uid)
        with tempfile.TemporaryDirectory(prefix="fairway-mail-") as folder:
            whole = Path(folder) / "mail"
            try:
                fetched = mailbox.fetch(uid, whole, self._arguments.most_mail_mb * 10**6)
                if fetched is None:
                    return  # somebody has moved or deleted it
                least_picture_bytes = self._arguments.pictures_from_kb * 1000
                mail = read_mail(whole, Path(folder), least_picture_bytes=least_picture_bytes)
            except (TooLarge, UnreadableMail) as error:
                self._is_settled.add(identity)
                self.has_failed = True
                self._tell(f"mail {uid}", "failed", uid=uid, reason=f"is left where it is: {error}")
                return
            whole.unlink()
            for part in mail.left_out:
                self._output.note(f"{mail.subject}: {part.name} is not sent: it {part.reason}")
            if not mail.attachments:
                self._is_settled.add(identity)
                mailbox.finish(uid, is_done=False)
                self._tell(mail.subject, "nothing_attached", uid=uid, reason="nothing is attached")
                return
            self._send(mailbox, uid, mail, fetched.received_at)

    def _send(self, mailbox: Mailbox, uid: int, mail: Mail, received_at: datetime) -> None:
        identity = (mailbox.validity, uid)
        with Memory(self._states / f"{mailbox.validity}-{uid}.sqlite3") as memory:
            report = self._upload(memory, mail, received_at)
            if report.failures:
                self.has_failed = True
                self._put_off(identity)
                why = "; ".join(f"{failure.name}: {failure.reason}" for failure in report.failures)
                self._tell(mail.subject, "failed", uid=uid, reason=why, **report.as_json())
                return
            mailbox.finish(uid, is_done=True)
            self._is_settled.add(identity)
            memory.discard()
        self._tell(mail.subject, "uploaded", uid=uid, reason=f"{len(mail.attachments)} files", **report.as_json())

    def _upload(self, memory: Memory, mail: Mail, received_at: datetime) -> Report:
        """Upload the attachments of a mail that no earlier run has uploaded. Raises Stopped."""
        # By name, size and time an interrupted upload recognises its files.
        received_ns = int(received_at.timestamp()) * 10**9
        found = [Found(each.name, each.path, each.size_bytes, received_ns) for each in mail.attachments]
        done = memory.done()
        left = [each for each in found if done.get(each.name) != (each.size_bytes, each.modified_ns)]
        patience = Patience(self._arguments.patience_s, self._stopping)
        upload = Upload(
            self._client, self._dataset_id, memory, None, Options(name=mail.name), patience, memory.keep_done
        )
        return upload.run(left)

    def _put_off(self, identity: tuple[int, int]) -> None:
        """Try a mail again later, ever more rarely; with --once, not again."""
        if self._arguments.once:
            self._is_settled.add(identity)
        count = self._tries.get(identity, (0, 0.0))[0]
        self._tries[identity] = (count + 1, time.monotonic() + min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**count))

    def _tell(self, subject: str, state: str, *, uid: int, reason: str, **more: object) -> None:
        if self._output.as_json:
            self._output.result({"mail": subject, "uid": uid, "state": state, "reason": reason, **more})
        else:
            self._output.note(f"{subject}: {reason}")

    def _forget_gone(self, mailbox: Mailbox) -> None:
        """Delete what is kept of mails that are no longer to be sent: they were moved, marked or deleted."""
        waiting = {f"{mailbox.validity}-{uid}" for uid in mailbox.new()}
        for state in self._states.glob("*.sqlite3"):
            if state.stem not in waiting:
                with Memory(state) as memory:
                    memory.discard()
