"""The embedded start as a user sees it: real files and real servers, through the HTTP API only."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from fairway_client import Client, Refused, is_settled
from PIL import Image

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "events" / "samples"
START_S = 90
SETTLE_S = 120
LARGE_BYTES = 32 * 1024 * 1024


class Start:
    """A run of `python -m infra.local`, or of another module, with its own home."""

    def __init__(self, home: Path, module: str = "infra.local", start_s: float = START_S) -> None:
        self.home, self.module, self.start_s = home, module, start_s
        self.process: subprocess.Popen[bytes] | None = None

    def up(self) -> Start:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FAIRWAY_"))},
            "FAIRWAY_HOME": str(self.home),
            "FAIRWAY_PORT": "0",
            "FAIRWAY_SAMPLES": "0",
            "FAIRWAY_MULTIPART_FROM_BYTES": str(LARGE_BYTES),
            "FAIRWAY_WEBHOOK_NETWORKS": "127.0.0.0/8",
        }
        (self.home / "endpoint.json").unlink(missing_ok=True)
        log = (self.home.parent / "start.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        eventually(lambda: (self.home / "endpoint.json").exists() or self.process.poll() is not None, self.start_s)  # type: ignore[union-attr]
        if not (self.home / "endpoint.json").exists():
            self.down()
            raise AssertionError(f"it did not start: {(self.home.parent / 'start.log').read_text()[-2000:]}")
        return self

    def down(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    @property
    def endpoint(self) -> dict[str, Any]:
        return json.loads((self.home / "endpoint.json").read_text())  # type: ignore[no-any-return]

    @property
    def client(self) -> Client:
        return Client(self.endpoint["api_url"], self.endpoint["api_key"])

    def s3(self) -> Any:
        end = self.endpoint
        return boto3.client(
            "s3",
            endpoint_url=end["aws_endpoint_url"],
            aws_access_key_id=end["aws_access_key_id"],
            aws_secret_access_key=end["aws_secret_access_key"],
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    running = Start(tmp_path_factory.mktemp("embedded") / "home").up()
    try:
        yield running
    finally:
        running.down()


@pytest.fixture(scope="module")
def samples(start: Start) -> dict[str, dict[str, Any]]:
    """The sample files by name, after all of them have settled."""
    client = start.client
    dataset = client.dataset("samples")
    paths = sorted(path for path in SAMPLES.iterdir() if path.name != "LICENSES.md")
    batch = client.upload(dataset["id"], paths)
    files = settle(client, dataset["id"], batch["id"])
    assert len(files) == len(paths)
    return {file["name"]: file for file in files}


def settle(client: Client, dataset_id: str, batch_id: str) -> list[dict[str, Any]]:
    *_, files = client.follow(dataset_id, batch_id, within_s=SETTLE_S)
    assert all(is_settled(file) for file in files), [(file["name"], file["pipelines"]) for file in files]
    return files


def upload_bytes(client: Client, dataset_id: str, name: str, content: bytes, **described: Any) -> dict[str, Any]:
    body = {"files": [{"name": name, "size_bytes": len(content), **described}], "allow_duplicates": True}
    batch = client.call("POST", f"/datasets/{dataset_id}/batches", body)
    (file,) = batch["files"]
    httpx.put(
        file["upload"]["url"], content=content, headers=file["upload"]["headers"], trust_env=False
    ).raise_for_status()
    return batch  # type: ignore[no-any-return]


def test_every_readable_sample_becomes_a_record(samples: dict[str, dict[str, Any]]) -> None:
    states = {name: file["state"] for name, file in samples.items()}
    assert states.pop("locked-invoice.pdf") == "failed"
    assert set(states.values()) == {"done"}, states


def test_an_unreadable_file_fails_with_a_reason(samples: dict[str, dict[str, Any]]) -> None:
    error = samples["locked-invoice.pdf"]["error"]
    assert error["code"] == "password_protected"
    assert "password" in error["detail"]


def test_an_invoice_is_read_from_its_own_text_with_evidence(samples: dict[str, dict[str, Any]]) -> None:
    file = samples["Invoice INV-2023-03-0008.pdf"]
    assert file["artifacts"]["text"]["source"] == "native"
    record = file["artifacts"]["record"]
    assert record["fields"]["total"] == 279.84
    evidence = record["evidence"]["total"]  # the invoice contains its values as XML, which are exact
    assert evidence["page"] == 1 and evidence["xpath"].endswith("cbc:TaxInclusiveAmount")


def test_a_photo_is_read_by_ocr_and_has_its_total(samples: dict[str, dict[str, Any]]) -> None:
    file = samples["receipt-hardware.jpg"]
    assert file["artifacts"]["text"]["source"] == "ocr"
    assert file["artifacts"]["record"]["fields"]["total"] == 148.4


def test_a_scan_attached_to_a_mail_becomes_its_second_page(samples: dict[str, dict[str, Any]]) -> None:
    record = samples["receipt-by-mail.eml"]["artifacts"]["record"]
    assert record["fields"]["title"] == "Receipt for the hinges"
    assert record["fields"]["total"] == 148.4
    assert record["evidence"]["total"]["page"] == 2 and record["evidence"]["total"]["box"]


def test_no_step_stores_a_text_that_an_earlier_one_has_stored(start: Start, samples: dict[str, dict[str, Any]]) -> None:
    listed = start.s3().list_objects_v2(Bucket=start.endpoint["bucket"], Prefix="artifacts/")
    texts = [entry["Key"] for entry in listed["Contents"] if entry["Key"].endswith("/text.txt")]
    scans = [file["id"] for name, file in samples.items() if name.startswith("receipt-")]
    for file_id in scans:
        assert len([key for key in texts if file_id in key]) == 1, texts


def test_a_mixed_pdf_is_read_from_its_text_and_by_ocr(start: Start, samples: dict[str, dict[str, Any]]) -> None:
    file = samples["invoice-with-attached-receipt.pdf"]
    steps = {step["step"]: step for step in file["pipelines"]["main"]["steps"]}
    assert steps["text"]["reason"] == "no usable text on 1 of 2 pages"
    assert steps["ocr"]["progress"] == {"done": 1, "total": 1, "unit": "page"}
    first, second = start.client.fetch(file["artifacts"]["text"]["url"]).decode().split("\f")
    assert "QualityHosting" in first
    assert len(second.split()) > 20


def test_previews_and_thumbnails_have_a_limited_size(start: Start, samples: dict[str, dict[str, Any]]) -> None:
    for name, file in samples.items():
        if file["state"] != "done":
            continue
        thumbnail = file["artifacts"]["thumbnail"]
        with Image.open(io.BytesIO(start.client.fetch(thumbnail["url"]))) as picture:
            assert picture.format == {"image/webp": "WEBP", "image/png": "PNG"}[thumbnail["media_type"]], name
            assert picture.size == (thumbnail["width"], thumbnail["height"])
            assert max(picture.size) <= 320
        preview = file["artifacts"]["preview"]
        content = start.client.fetch(preview["url"])
        if preview["media_type"].startswith("image/"):
            with Image.open(io.BytesIO(content)) as picture:
                assert max(picture.size) <= 2000
        else:
            assert content.startswith((b"%PDF", b"<!doctype html>")), name


def test_the_original_is_downloaded_under_its_own_name(start: Start, samples: dict[str, dict[str, Any]]) -> None:
    answer = httpx.get(samples["receipt lunch (copy).jpg"]["artifacts"]["original"]["url"], trust_env=False)
    assert answer.content == (SAMPLES / "receipt lunch (copy).jpg").read_bytes()
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''receipt%20lunch%20%28copy%29.jpg"


def test_history_shows_every_attempt(start: Start, samples: dict[str, dict[str, Any]]) -> None:
    attempts = start.client.call("GET", f"/files/{samples['human-rights.txt']['id']}/history")["attempts"]
    assert attempts[0]["step"] == "intake"
    done = sorted(attempt["step"] for attempt in attempts if attempt["outcome"] == "done")
    assert done == ["extraction", "intake", "preview", "text", "thumbnail"]
    # On a busy machine an attempt may have yielded to shorter work, which is a separate entry.
    assert {attempt["outcome"] for attempt in attempts} <= {"done", "snoozed"}


def test_the_same_content_again_is_a_duplicate(start: Start, samples: dict[str, dict[str, Any]]) -> None:
    client = start.client
    batch = client.upload(samples["human-rights.txt"]["dataset_id"], [SAMPLES / "human-rights.txt"])
    (file,) = batch["files"]
    assert file["state"] == "duplicate" and file["id"] is None and file["upload"] is None
    assert file["duplicate_of"] == samples["human-rights.txt"]["id"]


def test_an_upload_url_is_valid_once_and_for_its_object_only(start: Start) -> None:
    client = start.client
    dataset = client.dataset("uploads")
    batch = client.call("POST", f"/datasets/{dataset['id']}/batches", {"files": [{"name": "a.txt", "size_bytes": 5}]})
    upload = batch["files"][0]["upload"]
    longer = httpx.put(upload["url"], content=b"123456", headers={"If-None-Match": "*"}, trust_env=False)
    assert longer.status_code == 403
    unguarded = httpx.put(upload["url"], content=b"12345", trust_env=False)
    assert unguarded.status_code == 403
    first = httpx.put(upload["url"], content=b"hello", headers=upload["headers"], trust_env=False)
    again = httpx.put(upload["url"], content=b"world", headers=upload["headers"], trust_env=False)
    assert (first.status_code, again.status_code) == (200, 412)
    (file,) = settle(client, dataset["id"], batch["id"])
    assert client.fetch(file["artifacts"]["text"]["url"]) == b"hello"


def test_a_large_file_is_uploaded_in_parts_and_resumed_after_an_interruption(start: Start, tmp_path: Path) -> None:
    client = start.client
    dataset = client.dataset("large files")
    path = tmp_path / "large.jpg"
    photo = (SAMPLES / "receipt-hardware.jpg").read_bytes()
    path.write_bytes(photo.ljust(LARGE_BYTES + 1000, b"\0"))
    body = {"files": [{"name": path.name, "size_bytes": path.stat().st_size}]}
    batch = client.call("POST", f"/datasets/{dataset['id']}/batches", body)
    (file,) = batch["files"]
    upload, where = file["upload"], f"/files/{file['id']}/upload"
    assert (upload["method"], upload["part_count"]) == ("MULTIPART", 3)
    (first,) = client.call("POST", f"{where}/parts", {"part_numbers": [1]})["parts"]
    part = path.read_bytes()[: upload["part_size_bytes"]]
    assert httpx.put(first["url"], content=part[:-1], trust_env=False).status_code == 403
    httpx.put(first["url"], content=part, trust_env=False).raise_for_status()
    assert client.call("GET", f"{where}/parts") == {"parts": [{"part_number": 1, "size_bytes": len(part)}]}
    with pytest.raises(Refused, match="2 of 3 parts are missing or incomplete: 2, 3"):
        client.call("POST", f"{where}/complete")
    with pytest.raises(Refused, match="has 3 parts"):
        client.call("POST", f"{where}/parts", {"part_numbers": [4]})
    client.resume(file["id"], path)
    assert client.call("POST", f"{where}/complete")["id"] == file["id"]
    (settled,) = settle(client, dataset["id"], batch["id"])
    assert settled["size_bytes"] == path.stat().st_size and settled["artifacts"]["record"]
    with pytest.raises(Refused, match="has already arrived"):
        client.call("POST", f"{where}/parts", {"part_numbers": [1]})


def test_the_members_of_an_archive_become_files_of_its_batch(start: Start) -> None:
    client = start.client
    dataset = client.dataset("archives")
    inner = zipped({"inside.txt": b"An archive in an archive stays one file."})
    content = zipped(
        {
            "2026/receipt.jpg": (SAMPLES / "receipt-hardware.jpg").read_bytes(),
            "notes.txt": b"Rent for March\nTotal: 900.00 EUR\n2026-03-01",
            "again.txt": b"Rent for March\nTotal: 900.00 EUR\n2026-03-01",
            "inner.zip": inner,
            "empty.txt": b"",
            "__MACOSX/._notes.txt": b"of the desktop",
        }
    )
    body = {"files": [{"name": "march.zip", "size_bytes": len(content)}], "expand_archives": True}
    batch = client.call("POST", f"/datasets/{dataset['id']}/batches", body)
    client.put(batch["files"][0]["upload"], content)
    eventually(lambda: len(list(client.files(dataset["id"]))) == 6, 60)
    files = {file["name"]: file for file in settle(client, dataset["id"], batch["id"])}
    assert {name: file["state"] for name, file in files.items()} == {
        "march.zip": "done",
        "2026/receipt.jpg": "done",
        "notes.txt": "done",
        "again.txt": "done",
        "inner.zip": "done",
        "empty.txt": "failed",
    }
    assert files["2026/receipt.jpg"]["artifacts"]["record"]["fields"]["total"] > 0
    assert files["notes.txt"]["artifacts"]["record"]["fields"]["total"] == 900
    assert files["march.zip"]["artifacts"]["record"] is None
    assert client.fetch(files["inner.zip"]["artifacts"]["original"]["url"]) == inner


def test_an_archive_is_stored_unchanged_unless_it_is_to_be_expanded(start: Start) -> None:
    client = start.client
    dataset = client.dataset("kept archives")
    batch = upload_bytes(client, dataset["id"], "kept.zip", zipped({"a.txt": b"text"}))
    (file,) = settle(client, dataset["id"], batch["id"])
    assert (file["state"], file["media_type"]) == ("done", "application/zip")


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.pdf", b"", "empty_file"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<<", "corrupt"),
        ("cut.jpg", (SAMPLES / "receipt-hardware.jpg").read_bytes()[:300], "corrupt"),
        ("program.pdf", b"\x7fELF\x02\x01\x01" + bytes(200), "unsupported_type"),
    ],
)
def test_a_bad_file_fails_alone_with_its_code(start: Start, name: str, content: bytes, code: str) -> None:
    client = start.client
    dataset = client.dataset("bad files")
    batch = upload_bytes(client, dataset["id"], name, content)
    (file,) = settle(client, dataset["id"], batch["id"])
    assert (file["state"], file["error"]["code"]) == ("failed", code)


def test_an_upload_of_another_size_is_refused_and_hostile_names_are_preserved(start: Start) -> None:
    client = start.client
    dataset = client.dataset("names")
    name = "../..//%00\u202eexe.txt\n\U0001f9fe \u0444\u0430\u0439\u043b" + "x" * 900
    batch = upload_bytes(client, dataset["id"], name, b"a line of text that can be read")
    (file,) = settle(client, dataset["id"], batch["id"])
    assert (file["state"], file["name"]) == ("done", name)


def test_a_removed_file_disappears_at_once_and_is_erased_soon(start: Start) -> None:
    client = start.client
    dataset = client.dataset("removals")
    batch = upload_bytes(client, dataset["id"], "a.txt", b"a text that will be removed again")
    (file,) = settle(client, dataset["id"], batch["id"])
    removal = client.call("DELETE", f"/files/{file['id']}", undo_window_s=0)
    assert list(client.files(dataset["id"])) == []
    with pytest.raises(Refused, match="not_found"):
        client.call("GET", f"/files/{file['id']}")
    receipt = eventually(lambda: erased(client, removal["id"]), 150)
    assert receipt["count"] == 1 and receipt["objects_erased"] >= 3
    listed = start.s3().list_object_versions(Bucket=start.endpoint["bucket"])
    assert not [version for version in listed.get("Versions", []) if file["id"] in version["Key"]]


def erased(client: Client, removal_id: str) -> dict[str, Any] | None:
    receipt: dict[str, Any] = client.call("GET", f"/removals/{removal_id}")
    return receipt if receipt["erased_at"] else None


def test_a_redrive_runs_a_step_again(start: Start, samples: dict[str, dict[str, Any]]) -> None:
    client = start.client
    file = samples["statement.html"]
    client.call("POST", f"/files/{file['id']}/redrive", {"step": "thumbnail"})

    def is_remade() -> bool:
        shown = client.call("GET", f"/files/{file['id']}")
        step = shown["pipelines"]["thumbnail"]["steps"][0]
        return bool(step["state"] == "done" and step["attempts"] == 2)

    assert eventually(is_remade, 30)


def code_block(document: str, language: str, number: int = 1) -> str:
    """A code block in this language in a Markdown document, counted from 1."""
    return (ROOT / document).read_text().split(f"```{language}\n")[number].split("```", 1)[0]


@pytest.fixture
def folder(start: Start, tmp_path: Path) -> Path:
    """A folder in which the README's sessions run: as in the root, with the home of this start."""
    for name in ("events", "clients", "web"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".fairway").symlink_to(start.home)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "fairway").symlink_to(Path(sys.executable).with_name("fairway"))
    return tmp_path


def run_session(folder: Path, *command: str) -> str:
    """What a session prints in this folder. It sees no settings of this process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FAIRWAY_"))}
    environment |= {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder)}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_readmes_python_session_runs_as_it_is_written(folder: Path) -> None:
    *states, record = run_session(folder, sys.executable, "-c", code_block("README.md", "python")).splitlines()
    assert states[-1] == "[('receipt-hardware.jpg', 'done')]"
    assert f"`{record}`" in (ROOT / "README.md").read_text(), "the README shows the record that the session prints"


def test_the_readmes_session_in_a_shell_runs_as_it_is_written(folder: Path) -> None:
    assert "148.4" in run_session(folder, "bash", "-euc", code_block("README.md", "sh"))
    assert (folder / "receipts.xlsx").read_bytes().startswith(b"PK")


def test_the_readmes_receiver_of_a_webhook_runs_as_it_is_written(folder: Path) -> None:
    assert run_session(folder, sys.executable, "-c", code_block("README.md", "python", 2)) == "endpoint.test\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_readmes_javascript_session_runs_as_it_is_written(folder: Path) -> None:
    output = run_session(folder, "node", "--input-type=module", "-e", code_block("README.md", "js"))
    assert "[ 'done' ]" in output and "total: 148.4" in output


KILLED_AFTER_20_FILES = """
import itertools, os, signal, sys
from fairway_client import sending
from fairway_client.cli.main import main

send, numbers = sending.send, itertools.count(1)

def send_or_die(*arguments):
    if next(numbers) > 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return send(*arguments)

sending.send = send_or_die
sys.exit(main(sys.argv[1:]))
"""


def test_a_killed_upload_continues_and_no_file_is_there_twice(start: Start, folder: Path) -> None:
    inbox, count = folder / "inbox", 60
    inbox.mkdir()
    for number in range(count):
        (inbox / f"{number}.txt").write_text(f"Receipt {number}, total {number}.00 EUR")
    arguments = ["upload", str(inbox), "--dataset", "killed upload"]
    environment = {**os.environ, "FAIRWAY_HOME": str(start.home), "XDG_STATE_HOME": str(folder / "state")}
    client, dataset = start.client, start.client.dataset("killed upload")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_20_FILES, *arguments], cwd=folder, env=environment, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    again = subprocess.run(
        [sys.executable, "-m", "fairway_client", *arguments, "--json", "--wait"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    report = json.loads(again.stdout)
    assert (again.returncode, report["sent"], report["failed"]) == (0, count, [])
    names = sorted(file["name"] for file in client.files(dataset["id"]))
    assert names == sorted(path.name for path in inbox.iterdir())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed; `make test` names it in its last line")
def test_the_tutorials_session_runs_as_it_is_written(start: Start) -> None:
    session = code_block("docs/tutorial.md", "bash")
    environment = {**os.environ, "FAIRWAY_HOME": str(start.home)}
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    output = result.stdout
    assert "148.4" in output and "hardware.jpg" in output, "the record and the table"
    assert "'by_state': {}" in output, "removed from the counts"
    assert '"lost":0,"doubled":0' in output


def test_a_killed_worker_is_restarted_and_its_files_settle(start: Start) -> None:
    client = start.client
    dataset = client.dataset("killed worker")
    paths = [path for path in sorted(SAMPLES.iterdir()) if path.suffix in (".jpg", ".pdf")]
    batch = client.upload(dataset["id"], paths)
    before = start.endpoint["processes"]["worker-1"]
    os.kill(before, signal.SIGKILL)
    files = settle(client, dataset["id"], batch["id"])
    assert {file["state"] for file in files if file["name"] != "locked-invoice.pdf"} == {"done"}
    assert eventually(lambda: start.endpoint["processes"].get("worker-1") not in (None, before), 30)


@pytest.mark.parametrize("part", ["valkey", "store", "postgres"])
def test_a_killed_server_is_restarted_and_work_continues(start: Start, part: str) -> None:
    client = start.client
    dataset = client.dataset(f"killed {part}")
    before = start.endpoint["processes"][part]
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: start.endpoint["processes"].get(part) not in (None, before), 30)
    assert eventually(lambda: is_healthy(start), 30)
    assert eventually(lambda: takes_uploads(client, dataset["id"]), 30)
    batch = upload_bytes(client, dataset["id"], "after.txt", b"uploaded after a part was killed")
    (file,) = settle(client, dataset["id"], batch["id"])
    assert file["state"] == "done"


def takes_uploads(client: Client, dataset_id: str) -> bool:
    try:
        upload_bytes(client, dataset_id, "before.txt", b"tried while a part may be down")
    except (httpx.HTTPError, Refused):
        return False
    return True


def is_healthy(start: Start) -> bool:
    try:
        answer = httpx.get(f"{start.endpoint['api_url']}/health", trust_env=False, timeout=10)
    except (httpx.HTTPError, FileNotFoundError):
        return False
    return bool(answer.json()["status"] == "ok")


def test_the_next_start_continues_after_everything_was_killed(tmp_path: Path) -> None:
    start = Start(tmp_path / "home").up()
    try:
        client = start.client
        dataset = client.dataset("interrupted")
        paths = [path for path in sorted(SAMPLES.iterdir()) if path.name != "LICENSES.md"]
        batch = client.upload(dataset["id"], paths)
        assert start.process is not None
        pids = [start.process.pid, *start.endpoint["processes"].values()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        start.process.wait()
        start.up()
        files = settle(start.client, dataset["id"], batch["id"])
        assert len(files) == len(paths)
        assert {file["state"] for file in files} == {"done", "failed"}
        assert [file["name"] for file in files if file["state"] == "failed"] == ["locked-invoice.pdf"]
        pids = list(start.endpoint["processes"].values())
        start.down()
        assert not (start.home / "endpoint.json").exists()
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    finally:
        start.down()
