"""The environment variables of the API and the workers of an embedded start."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from infra.local import object_store
from infra.local.installation import API_ROLE, WORKER_ROLE, Installation
from infra.local.ports import ADDRESS
from infra.local.store_setup import BUCKET
from infra.local.supervisor import StartFailed

STAGE = "local"
# The AWS SDK's variables that are passed on, because they concern Textract and Bedrock; all others are removed.
PASSED_AWS_VARIABLES = {
    *("AWS_ENDPOINT_URL_TEXTRACT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE"),
}
# Secrets that only one kind of process needs: row-level security does not restrict the workers' role, and the pepper is
# needed to check keys. Migrations run in the process that starts the others.
WORKER_SECRETS = {"FAIRWAY_DATABASE_URL"}
API_SECRETS = {"FAIRWAY_API_DATABASE_URL", "FAIRWAY_KEY_PEPPER"}
MIGRATION_SECRETS = {"FAIRWAY_OWNER_DATABASE_URL", "FAIRWAY_OWNER_SECRET", "FAIRWAY_ADMIN_KEY"}
DRAIN_S = "7"


def program_environment(installation: Installation) -> dict[str, str]:
    """The environment of the API and the workers: this process's, without credentials of AWS, and the start's settings."""
    inherited = {
        name: value
        for name, value in without(os.environ, MIGRATION_SECRETS).items()
        if not name.startswith("AWS_") or name in PASSED_AWS_VARIABLES
    }
    no_proxy = ",".join(filter(None, (os.environ.get("NO_PROXY"), ADDRESS, "localhost")))
    return {
        **inherited,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "FAIRWAY_STAGE": STAGE,
        "FAIRWAY_DRAIN_S": DRAIN_S,
        "FAIRWAY_HOME": str(installation.home.path),
        "FAIRWAY_HOST": ADDRESS,
        "FAIRWAY_PORT": str(installation.ports["api"]),
        "FAIRWAY_DATABASE_URL": installation.database_url_of(WORKER_ROLE, installation.secrets.worker_role_password),
        "FAIRWAY_API_DATABASE_URL": installation.database_url_of(API_ROLE, installation.secrets.api_role_password),
        "FAIRWAY_REDIS_URL": installation.redis_url,
        "FAIRWAY_BUCKET": BUCKET,
        "FAIRWAY_STORE_PUBLIC_URL": installation.url("store_public"),
        "FAIRWAY_KEY_PEPPER": installation.secrets.key_pepper,
        "AWS_ENDPOINT_URL": installation.url("store"),
        "AWS_ACCESS_KEY_ID": installation.secrets.store_key_id,
        "AWS_SECRET_ACCESS_KEY": installation.secrets.store_secret,
        "AWS_DEFAULT_REGION": object_store.REGION,
    }


def without(environment: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}


def whole_number(variable: str, default: int) -> int:
    """The value of an environment variable. Raises StartFailed."""
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit():
        raise StartFailed(f"{variable} must be a whole number, not {text!r}.")
    return int(text)
