"""`fairway watch imaps://...`: uploads what is attached to the mails of a folder, each mail as one batch."""

from __future__ import annotations

import argparse
import getpass
import math
import os
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import imapclient

from fairway_client.access import Access
from fairway_client.cli.output import Output
from fairway_client.cli.upload import stopped_by_signals
from fairway_client.client import Client
from fairway_client.folder import find
from fairway_client.mailbox import Address, BadMailbox, Mailbox, parse_address
from fairway_client.mails import Mail, read_mail
from fairway_client.memory import Memory, path_of
from fairway_client.transfer import Patience, Stopped
from fairway_client.uploading import Options, Report, Upload

VARIABLE = "FAIRWAY_IMAP_PASSWORD"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0
RETRY_S = 300.0
WRONG_USE, UNREACHABLE = 2, 3


def run(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Watch a folder of a mailbox until Ctrl-C or SIGTERM; with --once, until all its mails are done."""
    address = parse_address(arguments.source)
    password = address.password or os.environ.get(VARIABLE) or getpass.getpass(f"Password of {address.user}: ")
    client, stopping = access.client(), threading.Event()
    dataset = client.dataset(arguments.dataset or address.folder)
    watch = _Watch(arguments, access, client, dataset["id"], address, output, stopping)
    pause_s = FIRST_PAUSE_S
    with stopped_by_signals(stopping):
        while not stopping.is_set():
            try:
                with Mailbox(address, password, arguments.move_to and str(arguments.move_to)) as mailbox:
                    output.note(f"Watching {address.name} for {dataset['name']!r}. Ctrl-C ends it.")
                    pause_s = FIRST_PAUSE_S
                    watch.until_stopped(mailbox)
                if arguments.once:
                    return 1 if watch.has_failed else 0
            except (BadMailbox, imapclient.exceptions.LoginError) as error:
                output.note(f"fairway: {error}")
                return WRONG_USE if isinstance(error, BadMailbox) else UNREACHABLE
            except Stopped:
                break
            except (imapclient.exceptions.IMAPClientError, OSError) as error:
                if arguments.once:
                    raise
                output.note(f"The connection to {address.host} was lost ({error}); it is opened again.")
                stopping.wait(pause_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
    return 0


class _Watch:
    """Uploads the mails of one folder. `has_failed` tells whether files of any were not uploaded; they are tried again."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        access: Access,
        client: Client,
        dataset_id: str,
        address: Address,
        output: Output,
        stopping: threading.Event,
    ) -> None:
        self._arguments, self._access, self._client, self._dataset_id = arguments, access, client, dataset_id
        self._address, self._output, self._stopping = address, output, stopping
        self.has_failed = False
        # When a mail is handled next. One without attachments may stay in the folder where mails can't be marked.
        self._due_at: dict[tuple[int, int], float] = {}

    def until_stopped(self, mailbox: Mailbox) -> None:
        while not self._stopping.is_set():
            now = time.monotonic()
            waiting = [uid for uid in mailbox.new() if self._due_at.get((mailbox.validity, uid), now) <= now]
            for uid in waiting:
                if self._stopping.is_set():
                    return
                self._due_at[mailbox.validity, uid] = math.inf
                self._handle(mailbox, uid)
            if not waiting:
                if self._arguments.once:
                    return
                mailbox.wait(self._stopping, self._arguments.every_s)

    def _handle(self, mailbox: Mailbox, uid: int) -> None:
        found = mailbox.content(uid)
        if found is None:
            return
        content, received_at = found
        mail = read_mail(content)
        if not mail.attachments:
            self._output.note(f"{mail.subject}: nothing is attached.")
            mailbox.finish(uid, moves=False)
            return
        # The state of each mail is its own, so that one that was interrupted continues.
        source = f"{self._address.name} {mailbox.validity} {uid}"
        state = path_of(self._access.api_url, self._dataset_id, source)
        with Memory(state) as memory:
            report = self._upload(memory, mail, received_at)
        for failure in report.failures:
            self._output.note(f"{mail.subject}, {failure.name}: {failure.reason}")
        if report.failures:
            self.has_failed = True
            self._due_at[mailbox.validity, uid] = time.monotonic() + RETRY_S
            return
        mailbox.finish(uid)
        for path in state.parent.glob(f"{state.stem}*"):
            path.unlink()
        if self._output.as_json:
            self._output.result({"subject": mail.subject, "uid": uid, **report.as_json()})
        else:
            self._output.note(f"{mail.subject}: {len(mail.attachments)} files.")

    def _upload(self, memory: Memory, mail: Mail, received_at: datetime) -> Report:
        """Upload the attachments of a mail that no earlier run has uploaded."""
        with tempfile.TemporaryDirectory(prefix="fairway-mail-") as folder:
            for attachment in mail.attachments:
                path = Path(folder) / attachment.name
                path.write_bytes(attachment.content)
                # By size and time an interrupted upload recognises its files.
                os.utime(path, (received_at.timestamp(), received_at.timestamp()))
            done = memory.done()
            left = [each for each in find(Path(folder)) if done.get(each.name) != (each.size_bytes, each.modified_ns)]
            patience = Patience(self._arguments.patience_s, self._stopping)
            options = Options(name=mail.subject)
            upload = Upload(self._client, self._dataset_id, memory, None, options, patience, memory.keep_done)
            return upload.run(left)
