"""Runs the contract suite of topics on a real broker: `make test-cluster`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cluster import kafka
from infra.local.api_and_workers import ROOT
from infra.local.ports import ADDRESS, choose_ports
from infra.local.supervisor import Supervisor
from layers.adapters.kafka import administration
from layers.adapters.kafka.access import Access
from tests.cluster.ground import START_S, wait_for

pytestmark = pytest.mark.timeout(600)


def test_kafka_keeps_the_contract_of_topics(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    ports = choose_ports(tmp_path / "ports.json", ("kafka", "controller"), 0)
    supervisor = Supervisor(tmp_path / "logs")
    try:
        supervisor.start([kafka.declare(tmp_path / "kafka", ports["kafka"], ports["controller"], {})], START_S)
        brokers = f"{ADDRESS}:{ports['kafka']}"
        wait_for(lambda: administration.brokers_answer(Access(brokers)), START_S)
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/test_topics.py"]
        environment = os.environ | {"FAIRWAY_TEST_KAFKA": brokers}
        done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    finally:
        supervisor.stop()
    assert done.returncode == 0 and "skipped" not in done.stdout, done.stdout[-6000:] + done.stderr[-2000:]
