"""DolphinScheduler 3.1.1 as one process, from Maven's jars, with a database in the cluster's PostgreSQL.

Maven Central has no archive of it. The standalone server needs configuration that only the jars of sources contain, and two
parent poms that are missing there. Some of its ports bind to all addresses, so it runs in a network of its own, where the
host allows that. Its web page is only in the archive: the server shows what is in the folder `ui` of its home.
"""

from __future__ import annotations

import getpass
import os
import shutil
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from fairway_client import Client as Fairway

from infra.cluster import own_network, programs
from infra.dolphinscheduler.client import Client
from infra.dolphinscheduler.installation import Installation, Target
from infra.dolphinscheduler.workflows import declared
from infra.local.embedded import Embedded
from infra.local.leftovers import MARK
from infra.local.ports import ADDRESS, choose_ports
from infra.local.process import Process

VERSION = "3.1.1"
GROUP = "org.apache.dolphinscheduler"
NAME = f"dolphinscheduler-{VERSION}"
DATABASE = "dolphinscheduler"
PORTS = ("dolphinscheduler", "dolphinscheduler_master", "dolphinscheduler_worker", "dolphinscheduler_alert")
ADMIN, PASSWORD = "admin", "dolphinscheduler123"  # of a new installation
START_S, STOP_S = 240.0, 20.0
OPEN_PORTS = (
    "This host lets you make no network namespace, so other machines reach the ports of DolphinScheduler's master, worker,"
    " alert server and ZooKeeper, which ask for no password: block them, or stop it when you have tried it."
)
OPENED = ("java.lang", "java.lang.invoke", "java.util", "java.lang.reflect")

BOM = f"""<dependencyManagement><dependencies><dependency><groupId>{GROUP}</groupId><artifactId>dolphinscheduler-bom</artifactId>
<version>{VERSION}</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>"""
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>{head}{body}</project>"""
OWN = (
    "<groupId>fairway</groupId><artifactId>dolphinscheduler</artifactId><version>1</version><packaging>pom</packaging>"
)
SERVER = f"""<dependencies><dependency><groupId>{GROUP}</groupId><artifactId>dolphinscheduler-standalone-server</artifactId>
<version>{VERSION}</version></dependency></dependencies>"""
# The parents that are missing: without the second one's management, Quartz's dependencies are left out.
MISSING_PARENTS = {
    "dolphinscheduler-registry-plugins": ("dolphinscheduler-registry", ""),
    "dolphinscheduler-scheduler-plugin": ("dolphinscheduler", BOM),
}
# What the configuration folder needs, by the jar that has it.
CONFIGURATION = {
    "standalone-server": (".yaml", "logback-spring.xml"),
    "api": ("task-type-config.yaml",),
    # The server does not start without the script for H2, although it does not run it.
    "dao": ("sql/dolphinscheduler_postgresql.sql", "sql/dolphinscheduler_h2.sql"),
}
INSTALL = "org.apache.maven.plugins:maven-install-plugin:2.5.2:install-file"
COPY_ALL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


def installed() -> Path:
    """The folder with `lib` and `conf`; fetched by Maven at first use, 200 MB."""
    return programs.cached(NAME, _fetch)


def attach(cluster: Embedded) -> None:
    """Start it beside a running cluster, and install Fairway's workflows. Raises Missing, StartFailed and
    DolphinSchedulerError."""
    installation = cluster.installation
    home = installation.home.path / "dolphinscheduler"
    ports = choose_ports(installation.home.path / "dolphinscheduler-ports.json", PORTS, 0)
    api_url = cluster.endpoint["api_url"]
    process = declare(home, ports, installation.database_url, api_url, {MARK: cluster.run_id})
    if not own_network.is_allowed():
        print(OPEN_PORTS, flush=True)
    cluster.supervisor.start([process], START_S)
    address = url(ports["dolphinscheduler"])
    token = _token(home / "token", address)
    key_file = _key_file(home / "key", Fairway(api_url, cluster.endpoint["api_key"]))
    target = Target(api_url, tenant=getpass.getuser(), key_file=str(key_file))
    Installation(Client(address, token)).install(target, declared())
    print(f"DolphinScheduler is at {address}; its admin is {ADMIN} with the password {PASSWORD}.", flush=True)
    if (home / "ui").is_dir():
        print(f"Its page is {address}/ui", flush=True)
    else:
        print(f"For its page, put the folder `ui` of its binary archive into {home}.", flush=True)


def admin(address: str) -> Client:
    """A client with the session of the admin that a new DolphinScheduler has."""
    login = Client(address).post("/login", userName=ADMIN, userPassword=PASSWORD)
    return Client(address, session=login["sessionId"])


def _token(path: Path, address: str) -> str:
    """The access token for DolphinScheduler, which is made once."""
    if not path.exists():
        made = admin(address).post("/access-tokens", userId=1, expireTime="2099-01-01 00:00:00")
        write_secret(path, made["token"])
    return path.read_text()


def _key_file(path: Path, fairway: Fairway) -> Path:
    """A file with the key for Fairway, which is made once."""
    if not path.exists():
        tenant = fairway.call("GET", "/operations/tenants")["tenants"][-1]
        made = fairway.call("POST", f"/operations/tenants/{tenant['id']}/keys", {"role": "scheduler"})
        write_secret(path, made["api_key"])
    return path


def write_secret(path: Path, secret: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.touch(mode=0o600)
    draft.write_text(secret)
    draft.rename(path)


def _fetch(into: Path) -> None:
    work = into.parent
    for name, (parent, body) in MISSING_PARENTS.items():
        head = (
            f"<parent><groupId>{GROUP}</groupId><artifactId>{parent}</artifactId><version>{VERSION}</version></parent>"
            f"<artifactId>{name}</artifactId><packaging>pom</packaging>"
        )
        (work / f"{name}.pom").write_text(POM.format(head=head, body=body))
        facts = {"file": f"{name}.pom", "groupId": GROUP, "artifactId": name, "version": VERSION, "packaging": "pom"}
        _maven(f"Preparing {name}.", work, INSTALL, facts)
    (work / "pom.xml").write_text(POM.format(head=OWN, body=BOM + SERVER))
    _maven(f"Fetching DolphinScheduler {VERSION} by Maven.", work, COPY_ALL, {"outputDirectory": str(into / "lib")})
    for name in CONFIGURATION:
        artifact = f"{GROUP}:dolphinscheduler-{name}:{VERSION}:jar:sources"
        _maven(
            f"Fetching the configuration of {name}.", work, COPY, {"artifact": artifact, "outputDirectory": str(work)}
        )
    _configure(work, into)


def _maven(what: str, folder: Path, goal: str, facts: dict[str, str]) -> None:
    arguments = [programs.found("mvn"), "--batch-mode", "--quiet", goal]
    programs.run(what, [*arguments, *(f"-D{name}={value}" for name, value in facts.items())], folder, {})


def _configure(work: Path, into: Path) -> None:
    conf = into / "conf"
    conf.mkdir()
    for name, endings in CONFIGURATION.items():
        with zipfile.ZipFile(work / f"dolphinscheduler-{name}-{VERSION}-sources.jar") as jar:
            for member in jar.namelist():
                if member.endswith(endings):
                    jar.extract(member, conf)
    with zipfile.ZipFile(into / "lib" / f"dolphinscheduler-common-{VERSION}.jar") as jar:
        jar.extract("common.properties", conf)


def declare(home: Path, ports: dict[str, int], database_url: str, api_url: str, marks: dict[str, str]) -> Process:
    """The process, with its files in `home`, in a network of its own if the host allows one.

    `database_url` is that of the owner of the cluster's database server. Both URLs are at 127.0.0.1.
    """
    program = installed()
    _prepare(home, program)
    own_url = _database(database_url, program)
    port = ports["dolphinscheduler"]
    server = [
        programs.java(),
        *_options(ports, own_url),
        "-cp",
        f"{home / 'conf'}:{program / 'lib'}/*",
        f"{GROUP}.StandaloneServer",
    ]
    reached = [number for number in (urlsplit(database_url).port, urlsplit(api_url).port) if number]
    return Process(
        name="dolphinscheduler",
        argv=own_network.argv(port, reached, server) if own_network.is_allowed() else server,
        env={**os.environ, "SPRING_DATASOURCE_PASSWORD": urlsplit(own_url).password or "", **marks},
        cwd=home,
        is_ready=lambda: is_healthy(port),
        stop_s=STOP_S,
    )


def url(port: int) -> str:
    return f"http://{ADDRESS}:{port}/dolphinscheduler"


def is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"{url(port)}/actuator/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _prepare(home: Path, program: Path) -> None:
    """A configuration of its own: tasks run as the user of the process, and store their files in `home`."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copytree(program / "conf", home / "conf", dirs_exist_ok=True)
    path = home / "conf" / "common.properties"
    changed = {"data.basedir.path": str(home / "work"), "sudo.enable": "false"}
    lines = [line for line in path.read_text().splitlines() if line.partition("=")[0].strip() not in changed]
    path.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in changed.items())]) + "\n")


def _database(database_url: str, program: Path) -> str:
    """The URL of its database, which is created with its tables if it does not exist."""
    address = urlsplit(database_url)
    own_url = address._replace(path=f"/{DATABASE}").geturl()
    with psycopg.connect(database_url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return own_url
        connection.execute(f"CREATE DATABASE {DATABASE}")
    script = (program / "conf" / "sql" / "dolphinscheduler_postgresql.sql").read_bytes()
    with psycopg.connect(own_url, autocommit=True) as connection:
        connection.execute(script)
    return own_url


def _options(ports: dict[str, int], database_url: str) -> list[str]:
    address = urlsplit(database_url)
    properties = {
        "java.net.preferIPv4Stack": "true",
        "user.timezone": "UTC",
        "spring.profiles.active": "postgresql",
        "spring.datasource.url": f"jdbc:postgresql://{address.hostname}:{address.port}{address.path}",
        "spring.datasource.username": address.username or "",
        "server.address": ADDRESS,
        "server.port": ports["dolphinscheduler"],
        "master.listen-port": ports["dolphinscheduler_master"],
        "worker.listen-port": ports["dolphinscheduler_worker"],
        "alert.port": ports["dolphinscheduler_alert"],
        "worker.alert-listen-port": ports["dolphinscheduler_alert"],
        "master.max-cpu-load-avg": 1000,  # otherwise nothing is dispatched on a busy machine
        "worker.max-cpu-load-avg": 1000,
        "python-gateway.enabled": "false",  # it asks for no password
        "spring.cloud.kubernetes.enabled": "false",
    }
    memory = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    return [*memory, *opened, *(f"-D{name}={value}" for name, value in properties.items())]
