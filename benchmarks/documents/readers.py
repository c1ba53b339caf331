"""Reads documents with Fairway and with its peers, each in a separate process, which is started again if it dies.

A program reads one path a line and answers each with a line of JSON: `{"text"}`, `{"pages"}` or `{"error"}`.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.starting import ROOT
from layers.decoders import tessdata

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairway" / "document-peers"
FILE_CPU_S, FILE_WALL_S, POLL_S = 120, 1200, 0.2
MOST_ANSWER_BYTES = 256 * 2**20
MARK = "@@ "
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


class NotInstalled(Exception):
    """A peer can't be measured. The message is the reason."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A program that reads documents. `packages` is the requirements file of its virtual environment; `lists_all`: it lists
    their dependencies too. `is_java`: Maven fetches the dependencies in `pom.xml`."""

    name: str
    program: str
    packages: str | None = None
    lists_all: bool = False
    is_java: bool = False

    def command(self) -> list[str]:
        """The command of the program, installed if it is not yet. Raises NotInstalled."""
        if self.is_java:
            return ["java", "-XX:+UseSerialGC", "-cp", f"{_jars()}/*", str(HERE / "peers" / self.program)]
        python = environment_of(self.packages, self.lists_all) if self.packages else Path(sys.executable)
        return [str(python), str(HERE / "peers" / self.program)]


READERS = (
    Reader("Fairway", "fairway_reader.py"),
    Reader("Apache Tika 3.3 with Tesseract", "TikaReader.java", is_java=True),
    Reader("markitdown 0.1", "markitdown_reader.py", "requirements-markitdown.txt"),
    Reader("unstructured 0.27", "unstructured_reader.py", "requirements-unstructured.txt", lists_all=True),
    Reader("kreuzberg 4.10, alone", "kreuzberg_reader.py", "requirements-kreuzberg.txt"),
)


@dataclass(slots=True)
class Reading:
    """The results of a reader: an answer for each document, which has only `died` if it died or took too long."""

    answers: list[dict[str, Any]]
    cpu_s: float
    deaths: int


def read(reader: Reader, paths: Sequence[Path]) -> Reading:
    """Read the documents one after the other. Raises NotInstalled."""
    command, environment = reader.command(), with_tesseract()
    reading = Reading([], 0.0, 0)
    while len(reading.answers) < len(paths):
        before = _cpu_of_children_s()
        with started(command, environment) as process:
            answers = list(_answers(process, paths[len(reading.answers) :]))
        reading.cpu_s += _cpu_of_children_s() - before
        reading.answers += answers
        if len(reading.answers) < len(paths):
            if process.returncode and not answers and not reading.answers:
                raise NotInstalled(f"its program ended with the code {process.returncode} before the first document")
            reading.answers.append({"died": True})
            reading.deaths += 1
    return reading


def started(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT
    )


def _answers(process: subprocess.Popen[bytes], paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """The answers up to the first document with which the process dies, or which takes too long."""
    assert process.stdin and process.stdout
    try:
        for path in paths:
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()
            line = next_line(process, process.stdout)
            if line is None:
                return
            yield json.loads(line)
        process.stdin.close()
        process.wait()
    except BrokenPipeError:
        return
    finally:
        process.kill()
        process.wait()


def next_line(process: subprocess.Popen[bytes], stream: IO[bytes]) -> str | None:
    """The next line of an answer; None if there is none, or none of a length that anybody reads. Libraries print lines of
    their own, which have no mark."""
    deadline, limit_s = time.monotonic() + FILE_WALL_S, _cpu_s(process.pid) + FILE_CPU_S
    content = bytearray()
    while time.monotonic() < deadline and _cpu_s(process.pid) < limit_s:
        if not select.select([stream], [], [], POLL_S)[0]:
            continue
        piece = os.read(stream.fileno(), 1 << 16)
        if not piece:
            return None
        content += piece
        if len(content) > MOST_ANSWER_BYTES:
            return None
        if b"\n" not in piece:  # a long answer comes in many pieces
            continue
        *lines, rest = content.split(b"\n")
        content = bytearray(rest)
        for line in lines:
            if line.startswith(MARK.encode()):
                return line[len(MARK) :].decode()
    return None


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- what has to be installed ----------------------------------------------------------------------------


def with_tesseract() -> dict[str, str]:
    """The environment in which every reader finds the same Tesseract, which uses one thread, as in Fairway's sandbox."""
    program = Path(tessdata.program())
    folder = tessdata.folder_with(["eng"])
    own = {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_THREAD_LIMIT": "1",
        "PYTHONPATH": str(ROOT),
    }
    return {**os.environ, **own, **({"TESSDATA_PREFIX": folder} if folder else {})}


def environment_of(packages: str, lists_all: bool) -> Path:
    """Python of a virtual environment with the packages of a requirements file, and their dependencies unless it
    `lists_all`."""
    wanted = HERE / packages
    folder = CACHE / wanted.stem.removeprefix("requirements-")
    python, mark = folder / "bin" / "python", folder / ".ready"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)]
        pip += ["--no-deps"] * lists_all
        _run([sys.executable, "-m", "venv", str(folder)])
        _run(pip)
        mark.write_text(wanted.read_text())
    return python


def _jars() -> Path:
    """The folder of Tika's jars."""
    wanted, folder = HERE / "pom.xml", CACHE / "tika"
    mark = folder / ".ready"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        with tempfile.TemporaryDirectory() as scratch:
            pom = Path(scratch) / "pom.xml"
            pom.write_text(wanted.read_text())
            _run(
                ["mvn", "-q", "-B", "-f", str(pom), MAVEN_COPY, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
            )
        mark.write_text(wanted.read_text())
    return folder


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        raise NotInstalled(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        output = (error.stderr or error.stdout or b"").decode(errors="replace").strip().splitlines()
        raise NotInstalled(f"`{' '.join(command[:4])} ...` failed: {output[-1] if output else error}") from None
