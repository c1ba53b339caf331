"""`fairway watch`: uploads the files of a folder as they become quiet, and moves them away or remembers them; or what is
attached to mails."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from fairway_client.access import Access
from fairway_client.cli.output import Output, files
from fairway_client.cli.upload import stopped_by_signals
from fairway_client.folder import Found
from fairway_client.memory import Memory, path_of
from fairway_client.transfer import Patience, Stopped
from fairway_client.uploading import Options, Upload
from fairway_client.watching import Watched, move

POLL_S = 2.0


def run(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Watch until Ctrl-C or SIGTERM. Returns 0, or another code if a mailbox can't be watched."""
    if arguments.source.startswith(("imap://", "imaps://")):
        from fairway_client.cli import (
            mail,
        )  # loaded only where it is used, because other commands start faster without it

        return mail.run(arguments, access, output)
    folder = Path(arguments.source)
    if not folder.is_dir():  # before a dataset is created for it
        raise FileNotFoundError(f"there is no folder {folder}")
    client, stopping = access.client(), threading.Event()
    dataset = client.dataset(arguments.dataset or folder.resolve().name)
    done_folder = arguments.move_to and Path(arguments.move_to)
    if done_folder is not None:
        done_folder.mkdir(parents=True, exist_ok=True)

    def done(found: Found) -> None:
        watched.keep_done(found)
        if done_folder is not None:
            move(found, done_folder)
        if output.as_json:
            output.result({"name": found.name, "state": "uploaded"})

    with (
        Memory(path_of(access.api_url, dataset["id"], folder)) as memory,
        stopped_by_signals(stopping),
    ):
        watched = Watched(folder, memory, quiet_s=arguments.quiet_s, leaves_out=done_folder)
        output.note(f"Watching {folder} for {dataset['name']!r}. Ctrl-C ends it.")
        while not stopping.is_set():
            if done_folder is not None:
                watched.move_rest(done_folder)
            quiet = watched.quiet_files()
            if quiet:
                patience = Patience(arguments.patience_s, stopping)
                try:
                    report = Upload(
                        client, dataset["id"], memory, None, Options(name=folder.resolve().name[:200]), patience, done
                    ).run(quiet)
                except Stopped:
                    break
                for failure in report.failures:
                    watched.keep_failed(failure.name)
                    output.note(f"{failure.name}: {failure.reason}; it is tried again later")
                output.note(f"{files(report.sent)} sent, {report.duplicates:,} were there already.")
            if arguments.once and not quiet and not watched.is_waiting:
                break
            stopping.wait(POLL_S if arguments.every_s is None else arguments.every_s)
    return 0
