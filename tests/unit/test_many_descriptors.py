"""A process with thousands of open files and connections can still wait for each of them."""

from __future__ import annotations

import fcntl
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.adapters.postgres.database import _server_closed
from layers.decoding.fork_server import DecoderProcess, is_readable

ROOT = Path(__file__).resolve().parents[2]
HIGH = 1100  # select.select() accepts no descriptor above 1,023


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose descriptor for reading is high, and the other one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= HIGH:
        pytest.skip(f"this user may open {hard} files at most")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, HIGH + 10), hard))
    reading, writing = os.pipe()
    high = fcntl.fcntl(reading, fcntl.F_DUPFD, HIGH)
    os.close(reading)
    try:
        yield high, writing
    finally:
        for descriptor in (high, writing):
            try:
                os.close(descriptor)
            except OSError:  # closed by the test
                continue
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Connection:
    def __init__(self, descriptor: int) -> None:
        self.fileno = lambda: descriptor


def test_an_idle_connection_to_the_database_can_have_a_high_descriptor(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    assert not _server_closed(Connection(reading))  # type: ignore[arg-type]
    os.close(writing)
    assert _server_closed(Connection(reading))  # type: ignore[arg-type]


def test_an_answer_of_a_decoder_can_have_a_high_descriptor(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    assert not is_readable(reading, 0.0)
    os.write(writing, b"x")
    assert is_readable(reading, 0.0)


def test_the_end_of_a_decoder_can_have_a_high_descriptor(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    stdin, stdout = os.pipe()
    decoder = DecoderProcess(pid=0, stdin=stdout, stdout=stdin, life=-1, end=reading)
    assert decoder.poll() is None
    os.write(writing, b"-9")
    assert decoder.poll() == -9
    decoder.stdin.close()
    decoder.stdout.close()


def test_nothing_waits_with_select() -> None:
    code = [path for folder in ("functions", "infra", "layers") for path in (ROOT / folder).rglob("*.py")]
    assert [str(path) for path in code if re.search(r"select\.select\([^)]", path.read_text())] == []
