"""Serves the web page to browsers: the files of `web/` and the libraries beside them, with ETag, gzip and a strict CSP.

All files are read once. Their address contains a digest of all of them, so that a browser keeps them without asking
again; only the page itself is checked at each visit.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.compression import takes_gzip
from infra.web_modules import INSTALLED, MODULES
from infra.web_sources import first_modules, modules_of_screens, sources
from layers.telemetry.log import log

WEB = Path(__file__).resolve().parent.parent / "web"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
}
PREFIX = "/web/"
VERSION = "{version}"  # in index.html, in place of the digest
IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
KEPT = "public, max-age=31536000, immutable"
CHECKED = "no-cache"
LEAST_COMPRESSED_BYTES = 500
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Content:
    """One file as it is sent. `compressed` is None if compression does not pay."""

    media_type: str
    body: bytes
    compressed: bytes | None
    tag: str

    @classmethod
    def of(cls, media_type: str, body: bytes) -> Content:
        is_large = len(body) >= LEAST_COMPRESSED_BYTES
        compressed = gzip.compress(body, 9, mtime=0) if is_large else None
        return cls(media_type, body, compressed, f'"{hashlib.sha256(body).hexdigest()[:20]}"')


class WebPage:
    """The page and its files. `store_origins` names the origins of presigned URLs; it is called for the first page."""

    def __init__(self, web: Path, modules: Path, store_origins: Callable[[], set[str]]) -> None:
        served = sources(web, modules)
        digest = hashlib.sha256()
        for name in sorted(served):
            digest.update(name.encode() + b"\x00" + served[name] + b"\x00")
        self._version = digest.hexdigest()[:16]
        text = served.pop("index.html").decode().replace("<!-- modules -->", _links(served))
        text = text.replace(VERSION, self._version)
        self._files = {name: Content.of(MEDIA_TYPES[Path(name).suffix], body) for name, body in served.items()}
        self._page = Content.of("text/html; charset=utf-8", text.encode())
        found = IMPORT_MAP.search(text)
        self._map_text = found.group(1) if found else ""
        self._store_origins = store_origins
        self._policy: str | None = None

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer | None:
        """The response to a request for the page or one of its files, or None for any other path.

        `headers` are the request's, by lower-case name.
        """
        if method not in ("GET", "HEAD"):
            return None
        if path == "/":
            return _sent(self._page, CHECKED, headers, self._page_headers())
        version, _, name = path.removeprefix(PREFIX).partition("/")
        content = self._files.get(name) if path.startswith(PREFIX) else None
        if content is None:
            return None
        # A page that was loaded before an upgrade gets the new files, but must not keep them under the old address.
        return _sent(content, KEPT if version == self._version else CHECKED, headers, {})

    def files_of_a_host(self, api_url: str) -> dict[str, tuple[str, bytes]]:
        """The media type and content of all files by their path, for a host that serves only files. Its page calls this API, and
        has its policy in itself."""
        scheme, host = urlsplit(api_url)[:2]
        rules = policy(self._map_text, self._store_origins(), own={f"{scheme}://{host}"}, is_in_page=True)
        head = (
            f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n  '
            f'<meta name="fairway-api" content="{api_url.rstrip("/")}">\n  <title>'
        )
        text = self._page.body.decode().replace("<title>", head, 1)
        files = {f"web/{self._version}/{name}": (file.media_type, file.body) for name, file in self._files.items()}
        return files | {"index.html": (self._page.media_type, text.encode())}

    def _page_headers(self) -> dict[str, str]:
        if self._policy is None:
            self._policy = policy(self._map_text, self._store_origins())
        return {
            "Content-Security-Policy": self._policy,
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }


def policy(import_map: str, store_origins: set[str], *, own: Iterable[str] = (), is_in_page: bool = False) -> str:
    """The Content-Security-Policy: own files, the object store, and this one inline import map by its digest.

    `own`: the API's origin, if it is another one. A policy in a page can't state where the page may be framed.
    """
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    store = " ".join(sorted(store_origins))
    rules = {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self'",
        "img-src": f"'self' data: {store}",
        "media-src": store or "'none'",
        "connect-src": " ".join(["'self'", *sorted(own), store]),
        "frame-src": store or "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    if is_in_page:
        rules.pop("frame-ancestors")
    return "; ".join(f"{name} {value}".strip() for name, value in rules.items())


def installed_page(store_origins: Callable[[], set[str]]) -> WebPage | None:
    """The page, or None where its libraries are not installed or the package does not contain it."""
    if not (WEB / "index.html").is_file() or not all((INSTALLED / name).is_file() for name in MODULES):
        log("web_page_absent", detail="`make run` installs it; by hand: python -m infra.web_modules")
        return None
    return WebPage(WEB, INSTALLED, store_origins)


def _links(served: Mapping[str, bytes]) -> str:
    """Links by which a browser requests the modules of every screen at once, not one after the other, and the names of those
    of each screen, which the page requests itself."""
    first = [f'<link rel="modulepreload" href="{PREFIX}{VERSION}/{name}">' for name in first_modules(served)]
    screens = [
        f'<meta name="modules-of-{screen}" content="{" ".join(names)}">'
        for screen, names in modules_of_screens(served).items()
    ]
    return "\n  ".join(first + screens)


def _sent(content: Content, cache: str, request: Mapping[str, str], more: Mapping[str, str]) -> Answer:
    headers = {
        "ETag": content.tag,
        "Cache-Control": cache,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        **more,
    }
    if content.tag in request.get("if-none-match", ""):
        return 304, headers, b""
    headers["Content-Type"] = content.media_type
    if content.compressed is not None and takes_gzip(request.get("accept-encoding", "")):
        return 200, {**headers, "Content-Encoding": "gzip"}, content.compressed
    return 200, headers, content.body
