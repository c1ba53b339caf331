"""A link that signs a person in to the page of a running start: `python -m infra.local.link`, or `make link`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
from fairway_client import Client

DEFAULT_HOME = ".fairway"


def link(endpoint: dict[str, Any]) -> str | None:
    """A link to the page with a one-time code in its fragment; None if the API serves no page."""
    api_url = endpoint["api_url"]
    if httpx.get(f"{api_url}/", trust_env=False, timeout=10).status_code != 200:
        return None
    code = Client(api_url, endpoint["api_key"]).call("POST", "/sessions", {"role": "admin"})["code"]
    return f"{api_url}/#code={code}"


def main() -> int:
    path = Path(os.environ.get("FAIRWAY_HOME") or DEFAULT_HOME) / "endpoint.json"
    if not path.is_file():
        print(f"Fairway is not running: there is no {path}. Start it with `make run`.", file=sys.stderr)
        return 1
    found = link(json.loads(path.read_text()))
    print(found or "This start has no page; see its log.")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
