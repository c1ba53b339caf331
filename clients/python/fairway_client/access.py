"""Where Fairway is, and with which key: by options, environment, a file, or a start on this machine."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fairway_client.client import Client
from fairway_client.secret_files import write_private

URL, KEY = "FAIRWAY_API_URL", "FAIRWAY_API_KEY"
CODE = re.compile(r"code=([^&\s]+)")
HELP = f"set {URL} and {KEY}, or run `fairway login LINK` with the link of a one-time code"


class NoAccess(Exception):
    """It is not known where Fairway is, or with which key."""


@dataclass(frozen=True, slots=True)
class Access:
    """An address, a key, and where they were found."""

    api_url: str
    api_key: str
    source: str

    def client(self) -> Client:
        return Client(self.api_url, self.api_key)


def connect() -> Client:
    """A client of the Fairway that `fairway` would use. Raises NoAccess."""
    return find_access().client()


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The file that `fairway login` writes."""
    if chosen := environment.get("FAIRWAY_CONFIG"):
        return Path(chosen)
    home = environment.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "fairway" / "config.toml"


def find_access(
    api_url: str | None = None, api_key: str | None = None, environment: Mapping[str, str] = os.environ
) -> Access:
    """The first complete pair of an address and a key: of options and environment, of the file, or of the local start in
    this folder. An option or variable alone replaces its half of a later pair. Raises NoAccess."""
    given_url, given_key = api_url or environment.get(URL), api_key or environment.get(KEY)
    if given_url and given_key:
        return Access(given_url.rstrip("/"), given_key, "options or environment")
    for path, read in ((config_path(environment), _from_config), (_endpoint_path(environment), _from_endpoint)):
        found = read(path)
        if found:
            return Access((given_url or found[0]).rstrip("/"), given_key or found[1], str(path))
    raise NoAccess(HELP)


def keep_access(access: Access, path: Path) -> None:
    """Store an address and a key in a file that only its owner can read. Its other settings stay."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = path.read_text().splitlines() if path.exists() else []
    others = [line for line in kept if not re.match(r"\s*api_(url|key)\s*=", line)]
    lines = [f"api_url = {json.dumps(access.api_url)}", f"api_key = {json.dumps(access.api_key)}", *others]
    write_private(path, "".join(f"{line}\n" for line in lines))


def parse_link(link: str) -> tuple[str, str]:
    """The address and the code of a link such as `http://127.0.0.1:8000/#code=fwc_...`. Raises NoAccess."""
    parts = urlsplit(link)
    code = CODE.search(parts.fragment)
    if not parts.netloc or not code:
        raise NoAccess("this is not a link with a one-time code; `make link` prints one")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", code.group(1)


def _endpoint_path(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("FAIRWAY_HOME", ".fairway")) / "endpoint.json"


def _from_config(path: Path) -> tuple[str, str] | None:
    try:
        found = tomllib.loads(path.read_text())
    except OSError:
        return None
    except tomllib.TOMLDecodeError as error:
        raise NoAccess(f"{path} is not TOML: {error}") from None
    url, key = found.get("api_url"), found.get("api_key")
    return (str(url), str(key)) if url and key else None


def _from_endpoint(path: Path) -> tuple[str, str] | None:
    try:
        found = json.loads(path.read_text())
        return str(found["api_url"]), str(found["api_key"])
    except (OSError, ValueError, KeyError):
        return None
