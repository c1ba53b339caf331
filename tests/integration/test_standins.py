"""The stand-in servers as programs: they start, are controlled over HTTP, and stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(params=["tests.standins.textract", "tests.standins.model"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    program = [sys.executable, "-m", request.param, "--settings", json.dumps({"delay_s": 0.01})]
    process = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_stand_in_is_controlled_while_it_runs_and_counts_its_calls(url: str) -> None:
    with httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get("/_standin").json()["settings"]["delay_s"] == 0.01
        client.put(
            "/_standin", json={"next": [{"status": 418, "body": {"tea": True}}], "calls_per_s": 0.001, "burst": 2}
        )
        assert client.post("/v1/anything", content=b"{}").json() == {"tea": True}
        client.put("/_standin", json={"always": {"status": 202}})
        answers = [client.post("/v1/anything", content=b"{}").status_code for _ in range(3)]
        assert answers[:2] == [202, 202] and answers[2] in (400, 429)
        counts = client.get("/_standin").json()["counts"]
        assert (counts["calls"], counts["throttled"]) == (4, 1)
        assert client.put("/_standin", json={"no such": 1}).status_code == 400
        assert client.delete("/_standin").json()["counts"] == {}
