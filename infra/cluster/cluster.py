"""A cluster on one machine: PostgreSQL, Valkey, Kafka, an object store, a preview service, API processes and worker hosts."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import boto3
from botocore.config import Config

from infra.cluster import kafka, programs, versitygw
from infra.local import api_and_workers, embedded, environments, postgres, valkey
from infra.local.embedded import Embedded
from infra.local.environments import API_SECRETS, WORKER_SECRETS, without
from infra.local.home import Home
from infra.local.installation import Installation
from infra.local.leftovers import MARK
from infra.local.ports import ADDRESS, choose_ports
from infra.local.process import Process
from infra.local.store_setup import BUCKET
from infra.local.supervisor import StartFailed
from infra.topics import ARRIVALS, TOPICS
from layers.adapters.kafka import administration
from layers.adapters.kafka.access import Access
from layers.adapters.postgres.migration import ensure_database

PREFIX = "fairway-"
PORTS = ("postgres", "valkey", "kafka", "kafka_controller", "store", "preview", "api-2")
APIS = ("api", "api-2")
HOSTS = ("host-a", "host-b")
PARTITIONS = 8
START_S = 240.0  # Java and Python start slowly on a busy machine
RETRY_S = 0.5


def start(
    home_path: Path,
    port: int,
    *,
    apis: Sequence[str] = APIS,
    hosts: Sequence[str] = HOSTS,
    prepare: Callable[[Installation], None] = embedded.bring_up_to_date,
    adopts: bool = False,
) -> Embedded:
    """Start a cluster with its first API at `port` (0 picks one) and a worker on each of `hosts`. Returns when it is ready.

    `prepare` is called once the database accepts connections. Raises Missing, AlreadyRuns, HomeUnusable, PortTaken,
    PostgresUnusable and StartFailed; then nothing is left running.
    """
    programs.fetch()
    home = Home(home_path)
    with embedded.starting(home, lambda: _installation(home, port), adopts=adopts) as (cluster, database):
        installation, run_id = cluster.installation, cluster.run_id
        cluster.supervisor.start(servers(installation, database, run_id), START_S)
        ensure_database(installation.database_url)
        prepare(installation)
        make_topics(installation)
        cluster.supervisor.start([object_store(installation, run_id)], START_S)
        make_bucket(installation)
        cluster.supervisor.start(own_programs(installation, run_id, apis, hosts), START_S)
    return cluster


def _installation(home: Home, port: int) -> Installation:
    ports = choose_ports(home.path / "ports.json", PORTS, port)
    # Clients and workers use the same address of the store.
    return Installation(home, home.secrets(), {**ports, "store_public": ports["store"]})


def own_programs(installation: Installation, run_id: str, apis: Sequence[str], hosts: Sequence[str]) -> list[Process]:
    """The APIs, a worker on each host, and the preview service unless the environment names another one."""
    environment = program_environment(installation, run_id)
    has_previews = environment.get("FAIRWAY_PREVIEW_URL") == installation.url("preview")
    return [
        *([api_and_workers.preview_service(installation, run_id)] if has_previews else []),
        *(api(installation, name, environment) for name in apis),
        *(
            worker(installation, name, environment | api_and_workers.own_steps(len(hosts), index))
            for index, name in enumerate(hosts)
        ),
    ]


def servers(installation: Installation, database: postgres.Program, run_id: str) -> list[Process]:
    """PostgreSQL, Valkey and Kafka, which start independently of each other."""
    home, secrets, ports = installation.home, installation.secrets, installation.ports
    return [
        postgres.declare(home.postgres, database, ports["postgres"], secrets.database_password),
        valkey.declare(home.path, ports["valkey"], secrets.redis_password),
        kafka.declare(home.path / "kafka", ports["kafka"], ports["kafka_controller"], {MARK: run_id}),
    ]


def object_store(installation: Installation, run_id: str) -> Process:
    secrets = installation.secrets
    return versitygw.declare(
        installation.home.objects,
        installation.ports["store"],
        key_id=secrets.store_key_id,
        secret=secrets.store_secret,
        brokers=brokers(installation),
        topic=PREFIX + ARRIVALS,
        marks={MARK: run_id},
    )


def brokers(installation: Installation) -> str:
    return f"{ADDRESS}:{installation.ports['kafka']}"


def make_topics(installation: Installation) -> None:
    """Create the topics that are missing, once the broker answers."""
    access, until = Access(brokers(installation)), time.monotonic() + START_S
    while True:
        try:
            administration.ensure_topics(access, {PREFIX + topic: PARTITIONS for topic in TOPICS}, kafka.REPLICAS)
            return
        except Exception as error:
            if time.monotonic() > until:
                raise StartFailed(f"Kafka's topics could not be created: {error}") from error
            time.sleep(RETRY_S)


def make_bucket(installation: Installation) -> None:
    """Create the bucket if it is missing, enable versions, and let browsers upload to it."""
    s3 = boto3.session.Session(
        installation.secrets.store_key_id, installation.secrets.store_secret, region_name=versitygw.REGION
    ).client("s3", endpoint_url=installation.url("store"), config=Config(s3={"addressing_style": "path"}))
    if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rule = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})


def program_environment(installation: Installation, run_id: str) -> dict[str, str]:
    """The environment of the API and the workers: that of the embedded start, with Kafka for the messages."""
    inherited = environments.program_environment(installation)
    preview = {"FAIRWAY_PREVIEW_URL": installation.url("preview")} if api_and_workers.serves_previews(inherited) else {}
    return {
        **inherited,
        **preview,
        "FAIRWAY_TOPICS": "kafka",
        "FAIRWAY_KAFKA_BROKERS": brokers(installation),
        "FAIRWAY_QUEUE_PREFIX": PREFIX,
        MARK: run_id,
    }


def api(installation: Installation, name: str, environment: dict[str, str]) -> Process:
    """One of the API processes, which all give the same answers, as behind a load balancer."""
    port = installation.ports[name]
    return Process(
        name=name,
        argv=[sys.executable, "-m", "infra.http"],
        env={**without(environment, WORKER_SECRETS), "FAIRWAY_WORKER": name, "FAIRWAY_PORT": str(port)},
        cwd=api_and_workers.ROOT,
        reports_ready=True,
        is_ready=lambda: api_and_workers.is_healthy(port),
        stop_s=api_and_workers.API_STOP_S,
        death_signal=signal.SIGTERM,
    )


def worker(installation: Installation, host: str, environment: dict[str, str]) -> Process:
    """The worker of a host. Each has its own home folder, because hosts share servers but no disk."""
    home = installation.home.path / host
    home.mkdir(mode=0o700, exist_ok=True)
    return Process(
        name=host,
        argv=[sys.executable, "-m", "infra.worker"],
        env={**without(environment, API_SECRETS), "FAIRWAY_HOME": str(home), "FAIRWAY_WORKER": host},
        cwd=api_and_workers.ROOT,
        reports_ready=True,
        stop_s=api_and_workers.WORKER_STOP_S,
        death_signal=signal.SIGTERM,
    )
