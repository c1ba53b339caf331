"""AWS in this process: moto on a free port of the loopback address, since the adapters also use plain HTTP without the SDK."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

REGION = "us-east-1"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "NO_PROXY": "127.0.0.1",
}


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with warnings.catch_warnings():
        # moto[server] needs packages for services that are not tested here.
        warnings.filterwarnings("ignore", "When using MotoServer", UserWarning)
        from moto.server import ThreadedMotoServer
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_url(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty AWS, which the SDK finds in the environment."""
    from moto.moto_api._internal import moto_api_backend

    moto_api_backend.reset()
    for name, value in {**VARIABLES, "AWS_ENDPOINT_URL": moto_url}.items():
        monkeypatch.setenv(name, value)
    return moto_url


@pytest.fixture(scope="session")
def make_client(moto_url: str) -> Callable[[str], Any]:
    """An SDK client of a service; one for all tests, since each costs a tenth of a second."""

    @cache
    def make(service: str) -> Any:
        config = Config(
            retries={"total_max_attempts": 1},
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
        )
        session = boto3.session.Session("id", "secret", region_name=REGION)
        return session.client(service, endpoint_url=moto_url, config=config)

    return make


@pytest.fixture
def client(aws_url: str, make_client: Callable[[str], Any]) -> Callable[[str], Any]:
    """SDK clients of an empty AWS."""
    return make_client
