"""The preview service as a separate process, with real LibreOffice, called by Fairway's client and with plain forms."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pypdfium2 as pdfium
import pytest

from infra.local import process_table
from infra.local.ports import choose_ports
from infra.preview_service.converter import Converter
from infra.preview_service.forms import Conversion
from infra.preview_service.shared_prints import MOST_KEPT
from layers.adapters.printing.gotenberg_printer import GotenbergPrinter
from layers.adapters.printing.libreoffice_printer import installed
from layers.decoding import sandbox
from layers.domain.errors import PermanentError
from tests.integration.test_printers import POWERPOINT, SAMPLES, WORD, needs_libreoffice, words_of
from tests.standins.gotenberg_answers import CASES, ask, facts_of, recorded

pytestmark = needs_libreoffice
START_S = 60.0
LETTER = SAMPLES / "joinery-invoice.docx"
ANSWERS = recorded()


class Service:
    def __init__(self, folder: Path, **variables: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        port = choose_ports(folder / "ports.json", ("preview",), 0)["preview"]
        self.url = f"http://127.0.0.1:{port}"
        own = {"FAIRWAY_PREVIEW_PORT": str(port), "TMPDIR": str(self.temporary)}
        environment = os.environ | own | variables
        self.process = subprocess.Popen([sys.executable, "-m", "infra.preview_service"], env=environment)
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=60)
        deadline = time.monotonic() + START_S
        while not self.answers() and time.monotonic() < deadline:
            assert self.process.poll() is None
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def convert(self, name: str, content: bytes, **fields: str) -> httpx.Response:
        return self.http.post("/forms/libreoffice/convert", files={"files": (name, content)}, data=fields)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0
        self.http.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("preview"), FAIRWAY_PREVIEW_AT_ONCE="1", FAIRWAY_PREVIEW_QUEUE="2")
    yield running
    running.stop()


def pages(pdf: bytes) -> int:
    document = pdfium.PdfDocument(pdf)
    try:
        return len(document)
    finally:
        document.close()


def test_our_client_gets_the_document_and_only_the_first_page_if_it_asks(service: Service, tmp_path: Path) -> None:
    printer = GotenbergPrinter(service.url)
    made = printer.to_pdf(LETTER, WORD, tmp_path)
    assert "486.00" in words_of(tmp_path / made.name)
    every = pages((tmp_path / printer.to_pdf(SAMPLES / "order-review.pptx", POWERPOINT, tmp_path).name).read_bytes())
    first = printer.to_pdf(SAMPLES / "order-review.pptx", POWERPOINT, tmp_path, first_page_only=True)
    assert every > 1 and pages((tmp_path / first.name).read_bytes()) == 1


@pytest.mark.parametrize(("ranges", "count"), [("1-1", 1), ("2", 1), ("1,3", 2), ("", 3)])
def test_page_ranges_are_those_of_gotenberg(service: Service, ranges: str, count: int) -> None:
    answer = service.convert("review.pptx", (SAMPLES / "order-review.pptx").read_bytes(), nativePageRanges=ranges)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
    assert pages(answer.content) == count


# Where this service differs from Gotenberg 8.26 on purpose: a page number alone means this page, and only documents are printed.
BETTER_THAN_GOTENBERG = {
    "the first page by its number": {"status": 200, "pages": 1},
    "a text under the name of a letter": {"status": 400},
    "an empty letter": {"status": 422},
}


@pytest.mark.parametrize("name", CASES)
def test_each_request_has_the_answer_that_a_real_gotenberg_gave(service: Service, name: str) -> None:
    given = facts_of(ask(service.url, CASES[name]))
    expected = ANSWERS[name] | BETTER_THAN_GOTENBERG.get(name, {})
    assert given["status"] == expected["status"], given
    if given["status"] == 200:
        assert (given["pages"], given["begins"]) == (expected["pages"], expected["begins"])
    else:
        assert given["content_type"] == "text/plain; charset=UTF-8" and given["text"]


def letter(number: int) -> bytes:
    """A letter with bytes of its own, which no other request has had printed."""
    content = io.BytesIO(LETTER.read_bytes())
    with zipfile.ZipFile(content, "a") as document:
        document.comment = str(number).encode()
    return content.getvalue()


def printed(service: Service) -> float:
    """How often LibreOffice has printed."""
    (line,) = re.findall(r'conversions_total\{outcome="printed"\} (\S+)', service.http.get("/metrics").text)
    return float(line)


def test_a_preview_and_a_thumbnail_of_a_document_are_printed_once(service: Service) -> None:
    content = (SAMPLES / "order-review.pptx").read_bytes()
    service.convert("a.pptx", content)  # others of this module may have had it printed before
    before = printed(service)
    with zipfile.ZipFile(io.BytesIO(content)) as document:
        assert not document.comment
    once = content[:-2] + len(b"once").to_bytes(2, "little") + b"once"  # the zip file's comment, and its length
    first = service.convert("a.pptx", once, nativePageRanges="1-1")
    every = service.convert("a.pptx", once)
    assert (pages(first.content), pages(every.content)) == (1, 3)
    assert printed(service) == before + 1


def test_a_first_page_is_printed_alone_where_the_whole_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = installed()
    assert program
    converter = Converter(program, at_once=1, kept=0)
    printing = converter._convert
    asked: list[str] = []

    def limited(conversion: Conversion, into: Path, computes: bool = False) -> Path:
        asked.append(conversion.pages)
        if not conversion.pages:
            raise PermanentError("timeout", "it takes too long")
        return printing(conversion, into, computes)

    monkeypatch.setattr(converter, "_convert", limited)
    try:
        assert converter.convert(Conversion(LETTER.name, LETTER, WORD, "1-1"), tmp_path).exists()
        with pytest.raises(PermanentError):
            converter.convert(Conversion(LETTER.name, LETTER, WORD), tmp_path)
    finally:
        converter.close()
    assert asked[:2] == ["", "1-1"]


def encrypted() -> bytes:
    """The signature of an encrypted Office document: an OLE container with this stream."""
    from layers.decoders.containers import OLE_MARK

    return OLE_MARK + bytes(2000) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)


@pytest.mark.parametrize(
    ("name", "content", "fields", "status", "detail"),
    [
        ("a.docx", b"This is no document.", {}, 400, "could not read the document 'a.docx'"),
        ("a.docx", encrypted(), {}, 400, "The document 'a.docx' is password-protected."),
        ("a.exe", b"x", {}, 400, "no form file found for extensions"),
        ("a.docx", LETTER.read_bytes(), {"nativePageRanges": "one"}, 400, "could not apply the page ranges 'one'"),
        ("a.docx", LETTER.read_bytes(), {"landscape": "true"}, 400, "does not support form field 'landscape'"),
    ],
)
def test_what_can_not_be_printed_is_refused_with_the_reason(
    service: Service, name: str, content: bytes, fields: dict[str, str], status: int, detail: str
) -> None:
    answer = service.convert(name, content, **fields)
    assert answer.status_code == status and detail in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"


def test_our_client_tells_a_password_from_damage(service: Service, tmp_path: Path) -> None:
    for content, code in ((encrypted(), "password_protected"), (b"no document", "corrupt")):
        path = tmp_path / "original"
        path.write_bytes(content)
        with pytest.raises(PermanentError) as caught:
            GotenbergPrinter(service.url).to_pdf(path, WORD, tmp_path)
        assert caught.value.code == code


def test_a_form_without_a_document_and_other_paths_are_refused(service: Service) -> None:
    answer = service.http.post("/forms/libreoffice/convert", content=b"x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400 and "multipart/form-data" in answer.text
    assert service.http.get("/forms/libreoffice/convert").status_code == 405
    assert service.http.get("/forms/chromium/convert/url").status_code == 404


def libreoffice_pids(service: Service) -> list[int]:
    """The decoders in which LibreOffice is loaded."""
    found = []
    for entry in process_table.descendants([service.process.pid]):
        try:
            maps = Path(f"/proc/{entry.pid}/maps").read_text()
        except OSError:
            continue
        if "libmergedlo.so" in maps:
            found.append(entry.pid)
    return found


def test_a_converter_that_is_killed_loses_nothing(service: Service) -> None:
    service.convert("a.docx", LETTER.read_bytes())
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.5):
            for pid in libreoffice_pids(service):
                os.kill(pid, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    with ThreadPoolExecutor(2) as clients:
        killer.start()
        answers = list(clients.map(lambda number: service.convert("a.docx", letter(number)), range(6)))
    stop.set()
    killer.join()
    assert [answer.status_code for answer in answers] == [200] * 6


def test_more_documents_than_may_wait_are_sent_away_with_a_time_to_come_back(service: Service) -> None:
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda number: service.convert("a.docx", letter(100 + number)), range(12)))
        assert service.answers()
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503} and statuses.count(200) >= 3
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 503)


def test_metrics_count_conversions_by_outcome(service: Service) -> None:
    service.convert("a.docx", letter(200))
    service.convert("a.docx", b"no document")
    text = service.http.get("/metrics").text
    assert 'fairway_preview_conversions_total{outcome="printed"}' in text
    assert 'fairway_preview_conversions_total{outcome="corrupt"}' in text
    assert "fairway_preview_waiting 0.0" in text


def test_nothing_is_left_on_disk(service: Service) -> None:
    service.convert("a.docx", LETTER.read_bytes())
    service.convert("a.docx", b"no document")
    assert not list(service.temporary.glob("fairway-preview-*"))
    (kept,) = service.temporary.glob("fairway-scratch-*/prints-*")
    assert len(list(kept.iterdir())) <= MOST_KEPT


def test_idle_processes_end_unless_they_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = installed()
    assert program
    converter = Converter(program, at_once=1, kept=0)
    try:
        converter.warm_up(tmp_path)
        converter.retire_idle()
        assert converter.processes == 1  # it has just worked
        monkeypatch.setattr(sandbox, "IDLE_S", -1.0)
        converter.retire_idle()
        assert converter.processes == 0
        converter.warm_up(tmp_path)  # another process is started
    finally:
        converter.close()


def test_a_process_that_has_only_printed_the_sample_ends_and_one_that_is_used_does_not(tmp_path: Path) -> None:
    program = installed()
    assert program
    converter = Converter(program, at_once=1, kept=0)
    try:
        converter.warm_up(tmp_path)
        converter.retire_unused()
        assert converter.processes == 0
        converter.convert(Conversion(LETTER.name, LETTER, WORD), tmp_path)
        converter.retire_unused()
        assert converter.processes == 1
    finally:
        converter.close()
