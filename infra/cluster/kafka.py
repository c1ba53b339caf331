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
REPLICAS = 1
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{address}:{controller_port}
listeners=PLAINTEXT://{address}:{port},CONTROLLER://{address}:{controller_port}{more_listeners}
advertised.listeners=PLAINTEXT://{address}:{port}{more_listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={replicas}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={replicas}
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=1000
"""


def declare(
    folder: Path,
    port: int,
    controller_port: int,
    marks: Mapping[str, str],
    *,
    more_listeners: Mapping[str, int] | None = None,
    more_settings: str = "",
    users: Mapping[str, str] | None = None,
) -> Process:
    """The broker as a supervised process. It listens on this machine only, without login or encryption.

    `more_listeners` are ports by security protocol, and `more_settings` are lines of configuration for them. `users`
    are passwords by name, for SCRAM.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = folder / "server.properties"
    listeners = "".join(f",{protocol}://{ADDRESS}:{number}" for protocol, number in (more_listeners or {}).items())
    content = more_settings + SETTINGS.format(
        address=ADDRESS,
        port=port,
        controller_port=controller_port,
        data=folder / "data",
        replicas=REPLICAS,
        more_listeners=listeners,
    )
    return Process(
        name="kafka",
        argv=[*_java(), "kafka.Kafka", str(settings)],
        env={"PATH": os.environ.get("PATH", os.defpath), **marks},
        cwd=folder,
        before_start=lambda: _prepare(settings, content, users or {}),
        is_ready=lambda: _accepts(port),
        stop_s=STOP_S,
    )


def _prepare(settings: Path, content: str, users: Mapping[str, str]) -> None:
    with open(os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    if not (settings.parent / "data" / "meta.properties").exists():
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = [*_java(), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(settings)]
        for name, password in users.items():
            for mechanism in SCRAM:
                arguments += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
        done = subprocess.run(arguments, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"Kafka's folder could not be prepared: {(done.stdout + done.stderr)[-2000:]}")


def _java() -> list[str]:
    # This broker has little to do: fast compilation and a single-threaded garbage collector suffice.
    tuning = [f"-Xmx{MEMORY_MB}m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [programs.java(), *tuning, "-cp", f"{programs.kafka_classes()}/*"]


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((ADDRESS, port), timeout=1).close()
    except OSError:
        return False
    return True
