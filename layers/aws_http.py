"""What it takes to call AWS's services over plain HTTP: a pool of connections, and whose credentials sign."""

from __future__ import annotations

from typing import Any

CONNECT_S, READ_S = 3.0, 30.0  # the longest poll of a queue is 20 seconds
CONNECTIONS = 32


def pool(*methods: str) -> Any:
    """Connections that try a call of these methods again where none was answered, or the service stumbled."""
    import urllib3

    again = urllib3.Retry(
        total=2, redirect=0, backoff_factor=0.1, status_forcelist=(500, 502, 503, 504),
        allowed_methods=methods, raise_on_status=False,
    )  # fmt: skip
    timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    return urllib3.PoolManager(maxsize=CONNECTIONS, timeout=timeout, retries=again)


def credentials_of(client: Any) -> Any:
    """Those of an SDK's client, which keeps them fresh."""
    return client._request_signer._credentials.get_frozen_credentials()
