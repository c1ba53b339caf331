"""The owner of the database is no superuser: it migrates, gives logins for views, and says which right it lacks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra import readers
from infra.migrate import migrate
from layers.adapters.postgres.dataset_views import role_of
from tests.conftest import PASSWORD
from tests.making import Urls

ROLES = "fairway_worker, fairway_api, fairway_views"
TENANT = """
WITH t AS (INSERT INTO tenants (name) VALUES ('one') RETURNING tenant_id),
     d AS (INSERT INTO datasets (tenant_id, name) SELECT tenant_id, 'Receipts' FROM t RETURNING tenant_id, dataset_id),
     s AS (INSERT INTO schema_versions (dataset_id, version, tenant_id, schema)
           SELECT dataset_id, 1, tenant_id, '{"type": "object", "properties": {"total": {"type": "number"}}}' FROM d)
SELECT tenant_id FROM t
"""


@dataclass(frozen=True)
class Owned:
    """A migrated database of an owner without other rights than those of the test, with one tenant."""

    superuser: str
    owner: str
    tenant_id: str

    def as_superuser(self, statement: str) -> None:
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    @property
    def owner_name(self) -> str:
        return str(conninfo_to_dict(self.owner)["user"])


@pytest.fixture
def make_owned(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Owned]]:
    made: list[str] = []

    def make(rights: str) -> Owned:
        name = f"o{uuid.uuid4().hex}"
        superuser = make_conninfo(database_urls.owner, dbname=name)
        with psycopg.connect(database_urls.owner, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' {rights}")
            # Another owner has created them on this server.
            connection.execute(f"GRANT {ROLES} TO {name} WITH ADMIN OPTION")
            connection.execute(f"CREATE DATABASE {name} OWNER {name}")
        made.append(name)
        with psycopg.connect(superuser, autocommit=True) as connection:
            if connection.info.server_version < 150_000:
                connection.execute(f"ALTER SCHEMA public OWNER TO {name}")
        owner = make_conninfo(superuser, user=name, password=PASSWORD)
        migrate(owner)
        with psycopg.connect(owner) as connection:
            connection.execute("SET LOCAL ROLE fairway_worker")
            row = connection.execute(TENANT).fetchone()
        assert row
        worker = make_conninfo(superuser, user="fairway_worker", password=PASSWORD)
        monkeypatch.setattr(readers, "_urls", lambda _home: (owner, worker))
        return Owned(superuser, owner, str(row[0]))

    yield make
    with psycopg.connect(database_urls.owner, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def reader_exists(owned: Owned) -> bool:
    with psycopg.connect(owned.superuser) as connection:
        name = role_of(owned.tenant_id)
        return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is not None


def test_an_owner_that_is_no_superuser_gives_a_login_and_drops_it_while_it_is_connected(
    make_owned: Callable[[str], Owned], capsys: Any
) -> None:
    owned = make_owned("CREATEROLE")
    assert readers.main(["give", "one"]) == 0
    login = next(word for word in capsys.readouterr().out.split() if word.startswith("postgresql://"))
    server = conninfo_to_dict(owned.superuser)
    reader = psycopg.connect(make_conninfo(login, host=server["host"], port=server["port"]))
    assert reader.execute("SELECT count(total) FROM dataset_receipts").fetchone() == (0,)
    assert readers.main(["give", "one"]) == 0  # with a new password
    assert readers.main(["drop", "one"]) == 0
    with pytest.raises(psycopg.OperationalError):
        reader.execute("SELECT 1")
    assert not reader_exists(owned)


def test_an_owner_that_may_not_create_roles_is_told_so_and_nothing_changes(
    make_owned: Callable[[str], Owned], capsys: Any
) -> None:
    owned = make_owned("")
    assert readers.main(["give", "one"]) == 1
    assert f"ALTER ROLE {owned.owner_name} CREATEROLE" in capsys.readouterr().err
    assert not reader_exists(owned)
    assert readers.main(["show", "one"]) == 0


def test_no_login_is_given_while_every_login_may_create_objects_beside_fairways_functions(
    make_owned: Callable[[str], Owned], capsys: Any
) -> None:
    owned = make_owned("CREATEROLE")
    owned.as_superuser("GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert readers.main(["give", "one"]) == 1
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in capsys.readouterr().err
    assert not reader_exists(owned)
    owned.as_superuser("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    assert readers.main(["give", "one"]) == 0
    assert readers.main(["drop", "one"]) == 0
