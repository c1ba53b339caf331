"""Logins for tools that read PostgreSQL directly: `python -m infra.readers give|show|drop TENANT [--home FOLDER]`.

`give` creates the views of the tenant's datasets and a role that reads nothing else, and prints its URL with a new
password. Given again, it replaces the password. `show` lists the views. `drop` deletes the role and the views.

It uses FAIRWAY_OWNER_DATABASE_URL and the environment of a worker, or with --home those of an embedded start that runs.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from functions.dataset_views import AT_ONCE, refresh_views
from infra.local.home import Home, read_json
from layers import bootstrap
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.dataset_views import (
    MayNotGive,
    PostgresDatasetViews,
    UnknownTenant,
    drop_login,
    find_tenant,
    forget_reader,
    give_reader,
    views_of,
)

DONE, FAILED = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.readers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("give", "show", "drop"))
    parser.add_argument("tenant", help="the name or the id of the tenant")
    parser.add_argument("--home", type=Path, help="the folder of an embedded start that runs, such as .fairway")
    options = parser.parse_args(arguments)
    owner, worker = _urls(options.home)
    if not owner or not worker:
        print(
            "Set FAIRWAY_OWNER_DATABASE_URL and FAIRWAY_DATABASE_URL, or name the folder of a running start with --home",
            file=sys.stderr,
        )
        return FAILED
    try:
        return _act(options.action, options.tenant, owner, worker)
    except (UnknownTenant, MayNotGive) as error:
        print(error, file=sys.stderr)
    except psycopg.Error as error:
        print(f"PostgreSQL refused it: {str(error).strip().splitlines()[0]}", file=sys.stderr)
    return FAILED


def _act(action: str, tenant: str, owner: str, worker: str) -> int:
    views = PostgresDatasetViews(Database(worker, max_connections=1))
    if action == "drop":
        tenant_id = forget_reader(owner, tenant)
        _refresh(views, str(tenant_id))
        drop_login(owner, tenant_id)
        print("The login is deleted.")
        return DONE
    if action == "give":
        password = secrets.token_urlsafe(24)
        tenant_id, role = give_reader(owner, tenant, password)
        _refresh(views, str(tenant_id))
        print(f"The login, which is shown only now: {_login(owner, role, password)}")
    else:
        tenant_id = find_tenant(owner, tenant)
    for view in views_of(owner, tenant_id):
        problem = f" (not replaced: {view['problem']})" if view["problem"] else ""
        print(f"{view['view'] or 'no view'}: {view['dataset']}{problem}")
    return DONE


def _urls(home: Path | None) -> tuple[str, str]:
    """The URLs of the database for its owner and for a worker; empty if they are not known."""
    if home:
        url = (read_json(Home(home).endpoint) or {}).get("database_url", "")
        return url, url
    return bootstrap.owner_url(), bootstrap.settings().database_url


def _refresh(views: PostgresDatasetViews, tenant_id: str) -> None:
    """Replace all views of a tenant that are out of date. A view that can't be replaced now is tried again by upkeep."""
    while refresh_views(views, tenant_id) == AT_ONCE:
        pass


def _login(owner_url: str, role: str, password: str) -> str:
    server = conninfo_to_dict(owner_url)
    return f"postgresql://{role}:{password}@{server.get('host')}:{server.get('port') or 5432}/{server.get('dbname')}"


if __name__ == "__main__":
    sys.exit(main())
