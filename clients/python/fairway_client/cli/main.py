"""The commands of `fairway`, their options and exit codes.

Exit codes: 0 done, 1 something failed, 2 wrong use, 3 Fairway refused or can't be reached, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import shtab

from fairway_client.access import Access, NoAccess, find_access
from fairway_client.cli import datasets, system, upload, watch
from fairway_client.cli.output import Output
from fairway_client.client import ExportFailed, Refused
from fairway_client.memory import Busy

FAILED, WRONG_USE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
Command = Callable[[argparse.Namespace, Access, Output], int]


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="fairway",
        description="Sends files to Fairway and shows what became of them.",
        epilog="Example: fairway upload invoices --dataset Invoices --wait. "
        "Exit codes: 0 done, 1 something failed, 2 wrong use, 3 Fairway refused or can't be reached, 130 interrupted.",
    )
    top.add_argument("--version", action="version", version=f"fairway {version('fairway-client')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--api-url", help="the address of Fairway; default: $FAIRWAY_API_URL, or where you are signed in"
    )
    shared.add_argument("--api-key", help="the key; default: $FAIRWAY_API_KEY, or that of your session")
    printing = argparse.ArgumentParser(add_help=False)
    printing.add_argument("--json", action="store_true", dest="as_json", help="print JSON for programs")

    def add(name: str, what: str, parents: Sequence[argparse.ArgumentParser] = (shared, printing)) -> Any:
        return commands.add_parser(name, help=what, description=what, parents=parents)

    _add_upload(add("upload", "send folders or files into a dataset; the same command continues after an interruption"))
    _add_watch(add("watch", "send files as they become quiet, or what is attached to mails"))
    status = add("status", "show datasets, or the files of one")
    status.add_argument("dataset", nargs="?", help="name or id")
    status.add_argument("--state", help="only files in this state, such as failed")
    status.add_argument(
        "--limit", type=int, default=datasets.MOST_ROWS, help=f"show so many files; default: {datasets.MOST_ROWS}"
    )
    records = add("records", "show the records of a dataset")
    records.add_argument("dataset", help="name or id")
    records.add_argument("--format", choices=("table", "jsonl", "csv"), default="table")
    records.add_argument("--limit", type=int, default=None, help="show so many records; default: all")
    export = add("export", "write the records of a dataset to a file, or its originals to a folder")
    export.add_argument("dataset", help="name or id")
    export.add_argument("--format", choices=("csv", "xlsx", "jsonl", "parquet", "zip"), default="xlsx")
    export.add_argument("--names", help="with zip: the paths of the originals, such as {company}/{date.year}/{date}")
    export.add_argument("--sort", help="a property of the schema, or `-` and a property")
    output = export.add_argument(
        "--output", "-o", type=Path, help="with zip a folder; default: the name of the dataset"
    )
    _path(output, shtab.FILE)
    _add_removals(add("remove", "remove files, a batch or a dataset"), add("undo", "undo a removal"))
    _add_routing(add("route", "send files of each kind to a dataset"), add("move", "move files to another dataset"))
    redrive = add("redrive", "run failed files again")
    redrive.add_argument("--dataset", help="name or id: all its failed files")
    redrive.add_argument("--state", choices=("failed", "partial", "cancelled"), default="failed")
    redrive.add_argument("--code", help="only files with this error code")
    redrive.add_argument("--step", help="of the named files: the first step that runs again")
    redrive.add_argument("files", nargs="*", metavar="FILE_ID")
    live = add("top", "show live what the steps do")
    live.add_argument("--once", action="store_true", help="print it once")
    live.add_argument("--every-s", type=float, default=1.0, metavar="SECONDS", help="how often to look; default: 1")
    add("doctor", "check the address, the clock, the services and the key")
    login = add("login", "sign in with the link of a one-time code, and keep the key", [printing])
    login.add_argument("link", nargs="?", help="as `make link` prints it; asked for if it is absent")
    completion = add("completion", "print a script of completions for a shell", [])
    completion.add_argument("shell", choices=shtab.SUPPORTED_SHELLS)
    return top


def _add_upload(command: argparse.ArgumentParser) -> None:
    _path(command.add_argument("paths", nargs="+", type=Path, metavar="FOLDER"), shtab.FILE)
    command.add_argument("--dataset", help="name; it is created if there is none; default: the folder's name")
    command.add_argument("--name", help="the name of the batch; default: the folder's name")
    command.add_argument(
        "--wait", action="store_true", help="wait until the files are processed, and show which failed"
    )
    command.add_argument("--allow-duplicates", action="store_true", help="send also what the dataset has")
    command.add_argument("--expand-archives", action="store_true", help="make a file of each member of a zip or mail")
    command.add_argument(
        "--separate",
        nargs="?",
        const="PATCHT",
        metavar="TEXTS",
        help="separate scans at pages with these barcodes, with commas between them; default: PATCHT",
    )
    command.add_argument(
        "--blank-pages",
        choices=("keep", "drop", "separate"),
        default="keep",
        help="with --separate: drop blank pages, or separate there too",
    )
    command.add_argument("--label", action="append", default=[], help="a label of the batch; may be repeated")
    command.add_argument("--low-priority", action="store_true", help="process these files after your others")
    command.add_argument(
        "--deadline-s",
        type=int,
        default=24 * 3600,
        metavar="SECONDS",
        help="until files that did not arrive are missing; default: a day",
    )
    _patience(command)
    command.add_argument("--quiet", action="store_true", help="show no progress")


def _add_watch(command: argparse.ArgumentParser) -> None:
    source = command.add_argument("source", metavar="FOLDER", help="or a mailbox, as imaps://user@host/INBOX")
    _path(source, shtab.DIRECTORY)
    command.add_argument("--dataset", help="name; it is created if there is none; default: the folder's name")
    command.add_argument(
        "--move-to", metavar="FOLDER", help="where to move what is uploaded; default: leave and remember or mark it"
    )
    command.add_argument(
        "--quiet-s",
        type=float,
        default=3.0,
        metavar="SECONDS",
        help="a file is sent once it was unchanged for so long; default: 3",
    )
    command.add_argument(
        "--every-s",
        type=float,
        metavar="SECONDS",
        help="how often to look; default: 2 for a folder, 60 for a mailbox whose server does not tell of new mails",
    )
    command.add_argument("--once", action="store_true", help="end when everything was sent")
    _patience(command)
    mail = command.add_argument_group(
        "mailboxes",
        "The password is taken from FAIRWAY_IMAP_PASSWORD or from a file. For Gmail and Microsoft 365, access tokens are taken "
        "from a command, or got with the refresh token that the configuration file names.",
    )
    login = mail.add_mutually_exclusive_group()
    login.add_argument(
        "--token-command",
        metavar="COMMAND",
        help="prints an access token; it is run for each connection, without a shell",
    )
    password = login.add_argument(
        "--password-file", type=Path, metavar="FILE", help="its first line is the password; only its owner may read it"
    )
    _path(password, shtab.FILE)
    mail.add_argument(
        "--others-to", metavar="FOLDER", help="where to move mails without attachments; default: leave and mark them"
    )
    mail.add_argument(
        "--pictures-from-kb",
        type=int,
        default=32,
        metavar="KB",
        help="send pictures within the text from this size; smaller ones are mostly logos; default: 32",
    )
    mail.add_argument(
        "--most-mail-mb", type=int, default=100, metavar="MB", help="leave larger mails where they are; default: 100"
    )


def _add_removals(remove: argparse.ArgumentParser, undo: argparse.ArgumentParser) -> None:
    remove.add_argument("--dataset", required=True, help="name or id")
    remove.add_argument("--batch", help="id of a batch: all its files")
    remove.add_argument("--whole-dataset", action="store_true", help="the dataset with all its files")
    remove.add_argument("files", nargs="*", metavar="FILE_ID")
    undo.add_argument("removal", help="id of the removal")


def _add_routing(route: argparse.ArgumentParser, move: argparse.ArgumentParser) -> None:
    route.add_argument("dataset", help="name or id")
    route.add_argument(
        "rules", nargs="*", metavar="KIND=DATASET", help="such as invoice=Invoices; they replace all others"
    )
    route.add_argument("--none", action="store_true", help="all files stay in the dataset")
    move.add_argument("--dataset", help="name or id of the dataset that has the files")
    move.add_argument("--to", help="name or id of the dataset to which they are moved")
    move.add_argument("--kind", choices=KINDS, help="what they are, if the rules do not tell it")
    move.add_argument("--undo", metavar="MOVE_ID", help="move the files of this move back")
    move.add_argument("files", nargs="*", metavar="FILE_ID")


def _patience(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--patience-s",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="how long to go on without an answer of Fairway; default: 600",
    )


def _path(action: argparse.Action, completes: dict[str, str]) -> None:
    action.complete = completes  # type: ignore[attr-defined]


KINDS = ("invoice", "receipt", "statement", "other")
COMMANDS: dict[str, Command] = {
    "upload": upload.run,
    "watch": watch.run,
    "status": datasets.status,
    "records": datasets.records,
    "export": datasets.export,
    "remove": datasets.remove,
    "undo": datasets.undo,
    "route": datasets.route,
    "move": datasets.move,
    "redrive": datasets.redrive,
    "top": system.top,
    "doctor": system.doctor,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code."""
    options = parser()
    chosen = options.parse_args(arguments)
    _check(options, chosen)
    output = Output(as_json=getattr(chosen, "as_json", False))
    try:
        if chosen.command == "completion":
            return system.completion(chosen, options)
        if chosen.command == "login":
            return system.login(chosen, output)
        return COMMANDS[chosen.command](chosen, find_access(chosen.api_url, chosen.api_key), output)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # as of `fairway records ... | head`
        sys.stderr.close()
        return 0
    except (NoAccess, Busy, datasets.NoSuchDataset, FileNotFoundError) as error:
        output.note(f"fairway: {error}")
        return WRONG_USE
    except (Refused, httpx.TransportError) as error:
        output.note(f"fairway: {error}")
        return UNREACHABLE
    except (ExportFailed, TimeoutError, OSError, sqlite3.Error) as error:
        output.note(f"fairway: {error}")
        return FAILED


def _check(options: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    if chosen.command == "remove" and (bool(chosen.files) + bool(chosen.batch) + chosen.whole_dataset) != 1:
        options.error("name either files, a --batch or --whole-dataset")
    if chosen.command == "upload" and any("," in label for label in chosen.label):
        options.error("a label has no commas; repeat --label for several")
    if chosen.command == "move" and bool(chosen.undo) == bool(chosen.dataset and chosen.to and chosen.files):
        options.error("name --dataset, --to and files, or only --undo")
    if chosen.command == "route":
        kinds = [rule.partition("=") for rule in chosen.rules]
        if any(kind not in KINDS or not name for kind, _, name in kinds) or (chosen.none and chosen.rules):
            options.error(f"name rules as KIND=DATASET, with one of {', '.join(KINDS)}, or only --none")
    if chosen.command == "redrive" and bool(chosen.files) == bool(chosen.dataset):
        options.error("name either files or a --dataset")


if __name__ == "__main__":
    sys.exit(main())
