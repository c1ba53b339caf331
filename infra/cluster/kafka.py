"""One Kafka broker on this machine, which is its own controller."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from infra.cluster import programs
from infra.local.ports import ADDRESS
from infra.local.process import Process

MEMORY_MB = 256
STOP_S = 10.0
ALONE = 1  # replicas

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{address}:{controller_port}
listeners=PLAINTEXT://{address}:{port},CONTROLLER://{address}:{controller_port}
advertised.listeners=PLAINTEXT://{address}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor={alone}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={alone}
transaction.state.log.min.isr={alone}
share.coordinator.state.topic.replication.factor={alone}
share.coordinator.state.topic.min.isr={alone}
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=1000
"""


def declare(folder: Path, port: int, controller_port: int, marks: Mapping[str, str]) -> Process:
    """The broker as a supervised process. It listens on this machine only, without login or encryption."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = folder / "server.properties"
    return Process(
        name="kafka",
        argv=[*_java(), "kafka.Kafka", str(settings)],
        env={"PATH": os.environ.get("PATH", os.defpath), **marks},
        cwd=folder,
        before_start=lambda: _prepare(settings, port, controller_port),
        is_ready=lambda pid: _accepts(port),
        stop_s=STOP_S,
    )


def _prepare(settings: Path, port: int, controller_port: int) -> None:
    data = settings.parent / "data"
    settings.write_text(
        SETTINGS.format(address=ADDRESS, port=port, controller_port=controller_port, data=data, alone=ALONE)
    )
    if not (data / "meta.properties").exists():
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = [*_java(), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(settings)]
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _java() -> list[str]:
    # Compiled quickly instead of well, and without threads for collection: this broker has little to do.
    tuning = [f"-Xmx{MEMORY_MB}m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [programs.java(), *tuning, "-cp", f"{programs.kafka_classes()}/*"]


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((ADDRESS, port), timeout=1).close()
    except OSError:
        return False
    return True
