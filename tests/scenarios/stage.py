"""A running Fairway with stand-ins for its services, and a hand on everything that may fail."""

from __future__ import annotations

import io
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from fairway_client import Client
from PIL import Image, ImageDraw

from infra.local import embedded
from infra.local.embedded import Installation
from infra.local.ports import ADDRESS
from infra.local.process import Process
from infra.local.store_setup import QUEUE_PREFIX
from infra.topics import TOPICS
from layers.adapters.postgres.database import Database
from layers.domain.fairness import MADE_WAY, TAKES_LONG
from tests.scenarios.clock import VARIABLE, Clock
from tests.scenarios.faults import Gate
from tests.standins.gotenberg import Gotenberg, serving
from tests.standins.model import Model
from tests.standins.server import Served
from tests.standins.tesseract import Tesseract
from tests.standins.textract import Textract

SAMPLES = Path(__file__).resolve().parent.parent.parent / "events" / "samples"
UPLOADS_AT_ONCE = 4
LOOK_S = 0.2
SETTLED = ("done", "partial", "failed", "cancelled", "upload_missing")


class Stage:
    """Everything up: `with Stage(folder) as stage`. The stand-ins are in this process, the rest are processes."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._home = folder / "home"
        self.textract, self.model = Textract(), Model()
        self.printer = Gotenberg(pdf=(SAMPLES / "scan-groceries.pdf").read_bytes())
        self.tesseract = Tesseract(folder / "tesseract")
        self.clock = Clock(folder / "clock")
        self._until_the_end = ExitStack()

    def __enter__(self) -> Stage:
        try:
            self._urls = {
                name: self._until_the_end.enter_context(Served(standin))
                for name, standin in (("textract", self.textract), ("model", self.model))
            }
            self._until_the_end.enter_context(serving(self.printer))
            self.running = embedded.start(self._home, 0, bootstrap=self._bootstrap, programs=self._programs)
            self._until_the_end.callback(self.running.stop)
        except BaseException:
            self._until_the_end.close()
            raise
        self._database = Database(self.running.installation.database_url)
        endpoint = self.running.endpoint
        self.api_url, self.api_key = endpoint["api_url"], endpoint["api_key"]
        self.client = Client(self.api_url, self.api_key)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._until_the_end.close()

    def _bootstrap(self, installation: Installation) -> None:
        embedded.bring_up_to_date(installation)
        self.clock.place(installation.database_url)

    def _programs(self, installation: Installation, run_id: str) -> Sequence[Process]:
        self.objects = Gate(installation.ports["store"])
        self._until_the_end.callback(self.objects.close)
        own = {
            "AWS_ENDPOINT_URL_S3": f"http://{ADDRESS}:{self.objects.port}",
            "AWS_ENDPOINT_URL_TEXTRACT": self._urls["textract"],
            "FAIRWAY_TEXTRACT": "on",
            "FAIRWAY_TESSERACT": str(self.tesseract.path),
            "FAIRWAY_EXTRACTION": "openai",
            "FAIRWAY_EXTRACTION_URL": self._urls["model"],
            "FAIRWAY_EXTRACTION_MODEL": "stand-in",
            "FAIRWAY_SECOND_READER": "off",
            "FAIRWAY_PREVIEW_URL": self.printer.url,
            VARIABLE: str(self.clock.file),
            **self._settings,
        }
        processes = embedded.own_programs(installation, run_id)
        return [replace(one, env={**one.env, **own}, argv=_by_our_clock(one.argv)) for one in processes]

    # --- files -----------------------------------------------------------------------------------------

    def dataset(self, name: str) -> str:
        schema = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}
        return str(self.client.dataset(name, schema)["id"])

    def announce(self, dataset_id: str, contents: Mapping[str, bytes]) -> tuple[str, list[dict[str, Any]]]:
        """A batch of these files by name, none of them uploaded yet: its id, and its files."""
        described = [{"name": name, "size_bytes": len(content)} for name, content in contents.items()]
        batch_id, files = "", []
        for start in range(0, len(described), 1000):
            body = {"files": described[start : start + 1000], "allow_duplicates": True}
            where = f"/batches/{batch_id}/files" if batch_id else f"/datasets/{dataset_id}/batches"
            made = self.client.call("POST", where, body)
            batch_id = batch_id or made["id"]
            files += made["files"]
        return batch_id, files

    def put(self, files: Sequence[dict[str, Any]], contents: Mapping[str, bytes]) -> None:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda file: self.client.put(file["upload"], contents[file["name"]]), files))

    def send(self, dataset_id: str, contents: Mapping[str, bytes]) -> str:
        """Announce and upload; the batch's id."""
        batch_id, files = self.announce(dataset_id, contents)
        self.put(files, contents)
        return batch_id

    # --- what is to be seen ----------------------------------------------------------------------------

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows as the database's owner sees them. Raises StoreUnreachable."""
        return self._database.rows(query, **parameters)

    def files(self, batch_id: str) -> Counter[str]:
        """How many files of a batch are in each state."""
        rows = self.rows("SELECT state, count(*) AS n FROM files WHERE batch_id = %(id)s GROUP BY 1", id=batch_id)
        return Counter({row["state"]: row["n"] for row in rows})

    def steps(self, batch_id: str, step: str) -> Counter[str]:
        rows = self.rows(
            "SELECT state, count(*) AS n FROM steps WHERE batch_id = %(id)s AND step = %(step)s GROUP BY 1",
            id=batch_id,
            step=step,
        )
        return Counter({row["state"]: row["n"] for row in rows})

    def outcomes(self, batch_id: str, step: str | None = None) -> Counter[str]:
        """How many attempts at a batch's steps, or at one of them, ended in which way.

        One that made way for shorter ones, as on a machine that is full, says nothing of what is played here.
        """
        rows = self.rows(
            "SELECT outcome, count(*) AS n FROM attempts JOIN files USING (file_id)"
            " WHERE batch_id = %(id)s AND (%(step)s::text IS NULL OR step = %(step)s)"
            " AND coalesce(attempts.error_detail, '') <> ALL (%(made_way)s) GROUP BY 1",
            id=batch_id,
            step=step,
            made_way=[MADE_WAY, TAKES_LONG],
        )
        return Counter({row["outcome"]: row["n"] for row in rows})

    def is_settled(self, batch_id: str) -> bool:
        """Whether every pipeline of every file of a batch has ended."""
        (left,) = self.rows(
            "SELECT (SELECT count(*) FROM files WHERE batch_id = %(id)s AND state <> ALL (%(settled)s)) + (SELECT count(*)"
            " FROM steps WHERE batch_id = %(id)s AND state NOT IN ('done', 'skipped', 'failed', 'cancelled')) AS n",
            id=batch_id,
            settled=list(SETTLED),
        )
        return bool(left["n"] == 0)

    def audit(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.call("GET", "/operations/audit")
        return answer

    def dead_letters(self) -> int:
        return len(self.client.call("GET", "/operations/dead-letters", limit=200)["dead_letters"])

    # --- what can be done to it ------------------------------------------------------------------------

    def pids(self) -> dict[str, int]:
        """The processes that are up, by name."""
        return self.running.supervisor.pids()

    def pid(self, name: str) -> int:
        return self.pids()[name]

    def wipe_topics(self) -> None:
        """All messages of all topics are gone, delayed ones and those that are being handled too."""
        client = self.sqs()
        for topic in TOPICS:
            client.purge_queue(QueueUrl=client.get_queue_url(QueueName=QUEUE_PREFIX + topic)["QueueUrl"])

    def wake_dispatcher(self) -> None:
        """As a delayed message does that has become due."""
        client = self.sqs()
        url = client.get_queue_url(QueueName=f"{QUEUE_PREFIX}dispatch")["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody='{"wake": true}')

    def sqs(self) -> Any:
        end = self.running.endpoint
        return boto3.client(
            "sqs",
            endpoint_url=end["aws_endpoint_url"],
            aws_access_key_id=end["aws_access_key_id"],
            aws_secret_access_key=end["aws_secret_access_key"],
            region_name="us-east-1",
        )


def wait_until(holds: Callable[[], Any], within_s: float, what: str = "it") -> float:
    """Seconds until it held. Raises TimeoutError."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"{what} did not come about within {within_s:.0f} s")
        time.sleep(LOOK_S)
    return time.monotonic() - began


def scans(count: int, mark: str, pages: int = 1) -> dict[str, bytes]:
    """Pictures of pages with print on them, each like no other, by name."""
    made = {}
    for place in range(count):
        drawn = [_scan(f"{mark} {place}.{number}") for number in range(pages)]
        stream = io.BytesIO()
        drawn[0].save(stream, "TIFF", compression="tiff_deflate", save_all=True, append_images=drawn[1:])
        made[f"scan {mark} {place}.tiff"] = stream.getvalue()
    return made


def _scan(number: str) -> Image.Image:
    page = Image.new("L", (420, 594), "white")
    ImageDraw.Draw(page).multiline_text((40, 40), f"Invoice {number}\n\nTotal 9.00", fill="black")
    return page


def texts(count: int, mark: str) -> dict[str, bytes]:
    """Short texts, each like no other, by name."""
    return {f"{mark} {place}.txt": f"Invoice {mark} {place}\nTotal: {place}.50\n".encode() for place in range(count)}


def documents(count: int, mark: str) -> dict[str, bytes]:
    """Word documents by name, all of them the same."""
    content = (SAMPLES / "joinery-invoice.docx").read_bytes()
    return {f"{mark} {place}.docx": content for place in range(count)}


def _by_our_clock(argv: Sequence[str]) -> list[str]:
    assert list(argv[1:2]) == ["-m"], argv
    return [argv[0], "-m", "tests.scenarios.clock", *argv[2:]]


os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
