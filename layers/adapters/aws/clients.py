"""AWS: SDK clients with Fairway's timeouts, secrets, and tokens for the database.

The SDK is imported at first use, since its import takes a tenth of a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONNECT_TIMEOUT_S = 3


def own_client(service: str, region: str, *, addressing: str = "auto") -> Any:
    """A client of a service that Fairway runs on, with few retries: steps have their own.

    `addressing`: whether the bucket's name is in the `path`, as many stores other than Amazon's expect, or in the host
    name (`virtual`); `auto`: the SDK decides.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        region_name=region,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=30,
        retries={"max_attempts": 2, "mode": "standard"},
        max_pool_connections=32,
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": addressing},
    )
    return boto3.session.Session().client(service, config=config)


def paid_client(service: str, region: str, profile: str, endpoint_url: str | None, read_timeout_s: float) -> Any:
    """A client of a service that costs money for each call, without retries: steps have their own.

    It ignores the general endpoint, which is that of the object store.
    """
    from botocore.config import Config

    config = Config(
        region_name=region,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        max_pool_connections=16,
        ignore_configured_endpoint_urls=True,
    )
    return _session(profile).client(service, endpoint_url=endpoint_url, config=config)


def has_credentials(profile: str) -> bool:
    """Whether there are credentials for services that cost money for each call."""
    return _session(profile).get_credentials() is not None


def _session(profile: str) -> Any:
    import boto3

    return boto3.session.Session(profile_name=profile or None)


def read_secrets(names: Iterable[str]) -> dict[str, str]:
    """The values in these secrets, each of which is a JSON object. Raises the SDK's ClientError."""
    import boto3

    client = boto3.session.Session().client("secretsmanager")
    values: dict[str, str] = {}
    for name in names:
        values |= json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    return values


def database_token(url: str, region: str) -> dict[str, str]:
    """Connection parameters for RDS Proxy: a token that is valid for fifteen minutes, and its certificate authorities."""
    address = urlsplit(url)
    client = own_client("rds", region)
    token = client.generate_db_auth_token(address.hostname, address.port or 5432, address.username)
    return {"password": token, "sslmode": "verify-full", "sslrootcert": certificate_authorities()}


def certificate_authorities() -> str:
    """The path of the file of certificate authorities that the SDK trusts."""
    import botocore

    return str(Path(botocore.__file__).with_name("cacert.pem"))
