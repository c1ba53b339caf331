"""A running Fairway with stand-ins for its external services, whose faults the scenarios control."""

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
from infra.local.api_and_workers import own_programs
from infra.local.installation import Installation
from infra.local.ports import ADDRESS
from infra.local.process import Process
from infra.local.store_setup import QUEUE_PREFIX
from infra.topics import TOPICS
from layers.adapters.postgres.database import Database
from layers.domain.fairness import BUNDLE_TOOK_LONG, TAKES_LONG
from tests.scenarios.clock import VARIABLE, Clock
from tests.scenarios.faults import TcpProxy
from tests.standins.gotenberg import Gotenberg, serving
from tests.standins.model import Model
from tests.standins.server import Served
from tests.standins.tesseract import Tesseract
from tests.standins.textract import Textract

SAMPLES = Path(__file__).resolve().parent.parent.parent / "events" / "samples"
UPLOADS_AT_ONCE = 4
CHECK_S = 0.2
SETTLED = ("done", "partial", "failed", "cancelled", "upload_missing")


class System:
    """A running system: `with System(folder) as system`. The stand-ins run in this process, everything else in separate
    processes."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._home = folder / "home"
        self.textract, self.model = Textract(), Model()
        self.printer = Gotenberg(pdf=(SAMPLES / "scan-groceries.pdf").read_bytes())
        self.tesseract = Tesseract(folder / "tesseract")
        self.clock = Clock(folder / "clock")
        self._exit_stack = ExitStack()

    def __enter__(self) -> System:
        try:
            self._urls = {
                name: self._exit_stack.enter_context(Served(standin))
                for name, standin in (("textract", self.textract), ("model", self.model))
            }
            self._exit_stack.enter_context(serving(self.printer))
            self.running = embedded.start(self._home, 0, bootstrap=self._bootstrap, programs=self._programs)
            self._exit_stack.callback(self.running.stop)
        except BaseException:
            self._exit_stack.close()
            raise
        self._database = Database(self.running.installation.database_url)
        endpoint = self.running.endpoint
        self.api_url, self.api_key = endpoint["api_url"], endpoint["api_key"]
        self.client = Client(self.api_url, self.api_key)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit_stack.close()

    def _bootstrap(self, installation: Installation) -> None:
        embedded.bring_up_to_date(installation)
        self.clock.install(installation.database_url)

    def _programs(self, installation: Installation, run_id: str) -> Sequence[Process]:
        self.object_store_proxy = TcpProxy(installation.ports["store"])
        self._exit_stack.callback(self.object_store_proxy.close)
        environment = {
            "AWS_ENDPOINT_URL_S3": f"http://{ADDRESS}:{self.object_store_proxy.port}",
            "AWS_ENDPOINT_URL_TEXTRACT": self._urls["textract"],
            "FAIRWAY_TEXTRACT": "on",
            "FAIRWAY_TESSERACT": str(self.tesseract.path),
            "FAIRWAY_EXTRACTION": "openai",
            "FAIRWAY_EXTRACTION_URL": self._urls["model"],
            "FAIRWAY_EXTRACTION_MODEL": "stand-in",
            "FAIRWAY_OCR_ENGINE": "tesseract",  # whose stand-in fails when a scenario says so
            "FAIRWAY_PREVIEW_URL": self.printer.url,
            VARIABLE: str(self.clock.file),
            **self._settings,
        }
        processes = own_programs(installation, run_id)
        return [
            replace(process, env={**process.env, **environment}, argv=_with_clock(process.argv))
            for process in processes
        ]

    # --- uploads ---------------------------------------------------------------------------------------

    def dataset(self, name: str) -> str:
        schema = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}
        return str(self.client.dataset(name, schema)["id"])

    def announce(self, dataset_id: str, contents: Mapping[str, bytes]) -> tuple[str, list[dict[str, Any]]]:
        """Create a batch of these files, by name, without uploading them. Returns the id of the batch, and its files."""
        described = [{"name": name, "size_bytes": len(content)} for name, content in contents.items()]
        batch_id, files = "", []
        for start in range(0, len(described), 1000):
            body = {"files": described[start : start + 1000], "allow_duplicates": True}
            path = f"/batches/{batch_id}/files" if batch_id else f"/datasets/{dataset_id}/batches"
            answer = self.client.call("POST", path, body)
            batch_id = batch_id or answer["id"]
            files += answer["files"]
        return batch_id, files

    def upload(self, files: Sequence[dict[str, Any]], contents: Mapping[str, bytes]) -> None:
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            list(pool.map(lambda file: self.client.put(file["upload"], contents[file["name"]]), files))

    def send(self, dataset_id: str, contents: Mapping[str, bytes]) -> str:
        """Create a batch of these files and upload them. Returns the id of the batch."""
        batch_id, files = self.announce(dataset_id, contents)
        self.upload(files, contents)
        return batch_id

    # --- observations ----------------------------------------------------------------------------------

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query that the database's owner runs. Raises StoreUnreachable."""
        return self._database.rows(query, **parameters)

    def files(self, batch_id: str) -> Counter[str]:
        """The number of files of a batch in each state."""
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
        """The number of attempts with each outcome, of all steps of a batch or of one step.

        Attempts that yielded to shorter work are not counted: they depend on the load of the machine and not on the fault
        of the scenario.
        """
        rows = self.rows(
            "SELECT outcome, count(*) AS n FROM attempts JOIN files USING (file_id)"
            " WHERE batch_id = %(id)s AND (%(step)s::text IS NULL OR step = %(step)s)"
            " AND coalesce(attempts.error_detail, '') <> ALL (%(yielded)s) GROUP BY 1",
            id=batch_id,
            step=step,
            yielded=[BUNDLE_TOOK_LONG, TAKES_LONG],
        )
        return Counter({row["outcome"]: row["n"] for row in rows})

    def done_twice(self, batch_id: str) -> int:
        """The number of parts of a batch that were done more than once."""
        (row,) = self.rows(
            "SELECT count(*) AS n FROM (SELECT 1 FROM attempts JOIN files USING (file_id) WHERE batch_id = %(id)s"
            " AND outcome = 'done' GROUP BY file_id, step, part HAVING count(*) > 1) d",
            id=batch_id,
        )
        return int(row["n"])

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

    # --- control ---------------------------------------------------------------------------------------

    def pids(self) -> dict[str, int]:
        """The process ids of the running processes, by name."""
        return self.running.supervisor.pids()

    def pid(self, name: str) -> int:
        return self.pids()[name]

    def wipe_topics(self) -> None:
        """Delete all messages of all topics, including delayed ones and those that are being handled."""
        client = self.sqs()
        for topic in TOPICS:
            client.purge_queue(QueueUrl=client.get_queue_url(QueueName=QUEUE_PREFIX + topic)["QueueUrl"])

    def wake_dispatcher(self) -> None:
        """Send the dispatcher the message that it receives when delayed work is due."""
        client = self.sqs()
        url = client.get_queue_url(QueueName=f"{QUEUE_PREFIX}dispatch")["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody='{"wake": true}')

    def sqs(self) -> Any:
        endpoint = self.running.endpoint
        return boto3.client(
            "sqs",
            endpoint_url=endpoint["aws_endpoint_url"],
            aws_access_key_id=endpoint["aws_access_key_id"],
            aws_secret_access_key=endpoint["aws_secret_access_key"],
            region_name="us-east-1",
        )


def wait_until(condition: Callable[[], Any], within_s: float, goal: str = "the condition") -> float:
    """Wait for a condition. Returns the seconds that it took. Raises TimeoutError with the goal."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"not reached within {within_s:.0f} s: {goal}")
        time.sleep(CHECK_S)
    return time.monotonic() - began


def scans(count: int, mark: str, pages: int = 1) -> dict[str, bytes]:
    """Scans with printed text by name, as TIFF, each with different content."""
    contents = {}
    for index in range(count):
        images = [_scan(f"{mark} {index}.{number}") for number in range(pages)]
        stream = io.BytesIO()
        images[0].save(stream, "TIFF", compression="tiff_deflate", save_all=True, append_images=images[1:])
        contents[f"scan {mark} {index}.tiff"] = stream.getvalue()
    return contents


def _scan(number: str) -> Image.Image:
    page = Image.new("L", (420, 594), "white")
    ImageDraw.Draw(page).multiline_text((40, 40), f"Invoice {number}\n\nTotal 9.00", fill="black")
    return page


def texts(count: int, mark: str) -> dict[str, bytes]:
    """Short texts by name, each with different content."""
    return {f"{mark} {index}.txt": f"Invoice {mark} {index}\nTotal: {index}.50\n".encode() for index in range(count)}


def documents(count: int, mark: str) -> dict[str, bytes]:
    """Word documents by name, all with the same content."""
    content = (SAMPLES / "joinery-invoice.docx").read_bytes()
    return {f"{mark} {index}.docx": content for index in range(count)}


def _with_clock(argv: Sequence[str]) -> list[str]:
    """The command line that runs the same module with the clock of the scenarios."""
    assert list(argv[1:2]) == ["-m"], argv
    return [argv[0], "-m", "tests.scenarios.clock", *argv[2:]]


os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
