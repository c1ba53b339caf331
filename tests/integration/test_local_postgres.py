"""The embedded PostgreSQL is created, run, killed and restarted, as the user who runs the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local import postgres, process_table
from infra.local.ports import choose_ports
from infra.local.supervisor import Supervisor
from layers.adapters.postgres.migration import ensure_database
from tests.waiting import eventually

PASSWORD = "for-this-test"
LONG_S = 30.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user for PostgreSQL")


class Server:
    """A cluster in a folder that only its owner can access."""

    def __init__(self, home: Path) -> None:
        home.chmod(0o700)
        self.home = home
        self.folder = home / "postgres"
        self.port = choose_ports(home / "ports.json", ("postgres",), 0)["postgres"]
        self.program = postgres.prepare(self.folder, PASSWORD, home / "initdb.log")
        self.supervisor = Supervisor(home)
        self.supervisor.start([postgres.declare(self.folder, self.program, self.port, PASSWORD)])
        self.url = postgres.database_url(self.port, PASSWORD)
        ensure_database(self.url)

    @property
    def pid(self) -> int | None:
        return self.supervisor.pids().get("postgres")

    def backends(self) -> list[process_table.Entry]:
        assert self.pid is not None
        return process_table.descendants([self.pid])

    def run(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def has_come_back(self, killed: int) -> bool:
        return eventually(lambda: self.pid not in (None, killed) and postgres.answers(self.url), LONG_S)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("home"))
    yield running
    running.supervisor.stop()


def test_clients_need_the_password(server: Server) -> None:
    assert server.run("SELECT current_user") == [("fairway",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.database_url(server.port, "guess"))


def test_text_sorts_the_same_on_every_machine(server: Server) -> None:
    assert server.run("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()") == [
        ("b", "C.UTF-8")
    ]
    assert server.run("SELECT upper('é'), 'Z' < 'a'") == [("É", True)]


def test_what_was_committed_survives_a_kill_of_the_server(server: Server) -> None:
    server.run("CREATE TABLE kept AS SELECT 42 AS n")
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert server.has_come_back(killed)
    assert server.run("SELECT n FROM kept") == [(42,)]


def test_a_busy_backend_of_a_killed_server_does_not_block_the_next(server: Server) -> None:
    busy = threading.Thread(target=_be_busy, args=(server.url,), daemon=True)
    busy.start()
    active = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT sum(sqrt%' AND state = 'active'"
    assert eventually(lambda: server.run(active), LONG_S)
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert server.has_come_back(killed)


def _be_busy(url: str) -> None:
    try:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT sum(sqrt(n)) FROM generate_series(1, 2000000000) n")
    except psycopg.OperationalError:
        return


def test_the_server_recovers_from_a_killed_backend(server: Server) -> None:
    with psycopg.connect(server.url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert eventually(lambda: postgres.answers(server.url), LONG_S)


def test_stopping_does_not_wait_for_clients_and_leaves_no_process(tmp_path: Path) -> None:
    server = Server(tmp_path)
    connection = psycopg.connect(server.url)
    all_of_it = process_table.working_in(server.folder / "data")
    assert len(all_of_it) > 1
    server.supervisor.stop()
    assert [process for process in all_of_it if process_table.lives(process.pid, process.started)] == []
    connection.close()
    assert "database system is shut down" in (tmp_path / "postgres.log").read_text()


def test_a_prepared_cluster_is_left_as_it_is(server: Server) -> None:
    created_ns = (server.folder / "data" / "PG_VERSION").stat().st_mtime_ns
    postgres.prepare(server.folder, "another password", server.home / "initdb.log")
    assert (server.folder / "data" / "PG_VERSION").stat().st_mtime_ns == created_ns


def test_an_unfinished_cluster_is_created_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    postgres.prepare(tmp_path / "postgres", PASSWORD, tmp_path / "initdb.log")
    assert (tmp_path / "postgres" / "data" / "global" / "pg_control").exists()
    assert not half.exists()


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(postgres.PostgresUnusable, match=r"created by PostgreSQL 17.* is PostgreSQL 18"):
        postgres.prepare(tmp_path, PASSWORD, tmp_path / "initdb.log")


def test_a_shell_in_the_data_folder_is_not_killed(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text("1\n")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=tmp_path) as shell:
        assert eventually(lambda: shell.pid in {process.pid for process in process_table.working_in(tmp_path)}, LONG_S)
        postgres.clear_leftovers(tmp_path)
        assert shell.poll() is None
        shell.kill()
    assert not (tmp_path / "postmaster.pid").exists()


@as_root
def test_root_gives_the_data_to_another_user_without_opening_its_folders(server: Server) -> None:
    assert server.program.user is not None
    assert (server.folder / "data").stat().st_uid == server.program.user[0] != 0
    assert server.home.stat().st_mode & 0o777 == 0o700
    assert server.folder.stat().st_mode & 0o777 == 0o700
    assert {_uid(backend.pid) for backend in server.backends()} == {server.program.user[0]}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that all users can access."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@as_root
def test_a_program_in_a_private_folder_is_copied_to_a_shared_one(tmp_path: Path, shared: Path) -> None:
    package = _closed_package(tmp_path)
    program = postgres.find_program(tmp_path / "data", package, (shared,))
    assert program.binaries.is_relative_to(shared)
    assert postgres.find_program(tmp_path / "data", package, (shared,)) == program
    assert len(list(shared.iterdir())) == 1


@as_root
def test_a_copy_that_others_can_write_is_not_used(tmp_path: Path, shared: Path) -> None:
    package = _closed_package(tmp_path)
    postgres.find_program(tmp_path / "data", package, (shared,))
    next(shared.iterdir()).chmod(0o777)
    with pytest.raises(postgres.PostgresUnusable):
        postgres.find_program(tmp_path / "data", package, (shared,))


def _closed_package(tmp_path: Path) -> Path:
    """The package's folder as in a virtual environment in root's home."""
    installed = postgres.installed_package()
    tmp_path.chmod(0o700)
    for source in (installed, installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(source, tmp_path / "site-packages" / source.name, symlinks=True)
    return tmp_path / "site-packages" / installed.name


def _uid(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
