"""How the web page and its files are served."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import app
from infra import web_modules
from infra.http import Application
from infra.web import IMPORT_MAP, WEB, WebPage
from infra.web_sources import first_modules, modules_of_screens, sources, without_comments

STORE = "http://127.0.0.1:9000"
REQUEST_BYTES = 300  # headers of a response
FIRST_BYTES = 43_000  # without the libraries, which have 11 kB, and the rows
GZIP = {"accept-encoding": "gzip, br"}


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    for name in web_modules.MODULES:
        (tmp_path / name).write_text(f"export const name = {json.dumps(name)};\n" * 40)
    return tmp_path


@pytest.fixture
def page(modules: Path) -> WebPage:
    return WebPage(WEB, modules, lambda: {STORE})


def get(page: WebPage, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    answer = page.answer("GET", path, headers or {})
    assert answer is not None
    return answer


def addresses(page: WebPage) -> list[str]:
    return re.findall(r'(?:href|src)="(/web/[^"]+)"', get(page, "/")[2].decode())


def test_the_page_names_only_files_that_are_served(page: WebPage) -> None:
    found = addresses(page)
    mapped = IMPORT_MAP.search(get(page, "/")[2].decode())
    assert mapped
    for address in [*found, *json.loads(mapped.group(1))["imports"].values()]:
        assert get(page, address)[0] == 200, address
    assert any(address.endswith("/src/main.js") for address in found)


def test_the_page_names_the_modules_of_each_screen_and_preloads_those_of_all(page: WebPage) -> None:
    text = get(page, "/")[2].decode()
    preloaded = set(re.findall(r'rel="modulepreload" href="/web/[^/]+/([^"]+)"', text))
    screens = dict(re.findall(r'<meta name="modules-of-(\w+)" content="([^"]+)">', text))
    assert {f"{name}.js" for name in screens} == {path.name for path in (WEB / "src" / "screens").glob("*.js")}
    for names in screens.values():
        known = preloaded | set(names.split())
        for name in [name for name in known if name.startswith("src/")]:
            path = WEB / name
            for relative in re.findall(r'from "(\.[^"]+)"', path.read_text()):
                assert (path.parent / relative).resolve().relative_to(WEB).as_posix() in known, f"{name}: {relative}"
    assert "src/parts/table.js" in screens["dataset"].split() and "src/parts/table.js" not in preloaded


def test_the_first_rows_of_a_table_need_few_bytes(modules: Path) -> None:
    served = sources(WEB, modules)
    names = [*first_modules(served), *modules_of_screens(served)["dataset"], "styles/page.css", "catalogs/en.json"]
    bodies = [gzip.compress(served[name], 9, mtime=0) for name in names if not name.startswith("modules/")]
    assert sum(map(len, bodies)) + REQUEST_BYTES * len(bodies) < FIRST_BYTES


def test_texts_of_the_first_rows_are_read_before_all_others(modules: Path) -> None:
    served = sources(WEB, modules)
    for path in (WEB / "catalogs").glob("*.json"):
        first, later = (json.loads(served[f"catalogs/{path.stem}{part}.json"]) for part in ("", ".later"))
        assert json.loads(path.read_text()) == first | later and not first.keys() & later.keys()
        assert {"table.state", "state.done", "waiting.fair_share", "filter.all"} <= first.keys()
        assert {"audit.title", "cause.corrupt", "keys.tab"} <= later.keys()
        assert len(first) < len(later)


@pytest.mark.parametrize(
    ("written", "served"),
    [
        ("/** Why. */\nf();\n", "\nf();\n"),
        ("/**\n * @param {string} a\n */\nf();\n", "\n\n\nf();\n"),
        ("  // why\n  f();\n", "\n  f();\n"),
        ("/** @type {A} */ (a).b();\n/** Why. */\n", "(a).b();\n\n"),
        ("const a = /** @type {const} */ ([1]);\n", "const a = ([1]);\n"),
        ('const a = "/* no comment */";\n', 'const a = "/* no comment */";\n'),
        ("html`<b>a // b</b><//>`;\n", "html`<b>a // b</b><//>`;\n"),
        ("f(); // why\n", "f(); // why\n"),
    ],
)
def test_comments_are_not_served(written: str, served: str) -> None:
    assert without_comments(written.encode()).decode() == served


def test_a_file_is_kept_under_an_address_that_changes_with_the_content(page: WebPage, modules: Path) -> None:
    (before,) = (address for address in addresses(page) if address.endswith("preact.mjs"))
    assert "immutable" in get(page, before)[1]["Cache-Control"]
    (modules / "preact.mjs").write_text("export const other = 1;\n")
    newer = WebPage(WEB, modules, lambda: {STORE})
    assert before not in addresses(newer)
    assert get(newer, before)[1]["Cache-Control"] == "no-cache"


def test_a_known_page_is_not_sent_again(page: WebPage) -> None:
    status, headers, body = get(page, "/")
    assert (status, headers["Cache-Control"]) == (200, "no-cache")
    status, headers, body = get(page, "/", {"if-none-match": headers["ETag"]})
    assert (status, body) == (304, b"")
    assert "Content-Security-Policy" in headers


def test_large_files_are_compressed_for_those_who_accept_it(page: WebPage) -> None:
    (address,) = (address for address in addresses(page) if address.endswith("styles/page.css"))
    plain = get(page, address)
    packed = get(page, address, GZIP)
    assert "Content-Encoding" not in plain[1] and packed[1]["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed[2]) == plain[2]
    assert {plain[1]["Vary"], packed[1]["Vary"]} == {"Accept-Encoding"}
    assert "Content-Encoding" not in get(page, address, {"accept-encoding": "gzip;q=0"})[1]


def test_the_policy_allows_own_scripts_the_store_and_one_import_map(page: WebPage) -> None:
    _, headers, body = get(page, "/")
    rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    found = IMPORT_MAP.search(body.decode())
    assert found
    digest = base64.b64encode(hashlib.sha256(found.group(1).encode()).digest()).decode()
    assert rules["script-src"] == f"'self' 'sha256-{digest}'"
    assert rules["default-src"] == "'none'" and rules["connect-src"] == f"'self' {STORE}"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert len(re.findall(r"<script(?![^>]*src=)", body.decode())) == 1
    assert "<style" not in body.decode() and " style=" not in body.decode()


@pytest.mark.parametrize(
    "path",
    ["/web", "/web/", "/web/x/../index.html", "/web/x/index.html", "/web/x/package.json", "/web/x/%2e%2e/app.py", "/w"],
)
def test_nothing_else_is_served(page: WebPage, path: str) -> None:
    assert page.answer("GET", path, {}) is None


def test_the_page_is_only_read(page: WebPage) -> None:
    assert page.answer("POST", "/", {}) is None


@pytest.fixture
def started() -> list[Any]:
    return []


def call(application: Application, path: str, started: list[Any], **environ: str) -> bytes:
    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        started[:] = [status, dict(headers)]

    return b"".join(application({"REQUEST_METHOD": "GET", "PATH_INFO": path, **environ}, start_response))


def test_the_page_is_served_beside_the_api(page: WebPage, started: list[Any]) -> None:
    application = Application(app.app, page=page)
    body = call(application, "/", started, HTTP_ACCEPT_ENCODING="gzip")
    assert started[0].startswith("200") and gzip.decompress(body).startswith(b"<!doctype html>")
    assert "Access-Control-Allow-Origin" not in started[1] and started[1]["Content-Length"] == str(len(body))
    call(application, "/", started, HTTP_IF_NONE_MATCH=started[1]["ETag"])
    assert started[0].startswith("304") and "Content-Length" not in started[1]
    call(application, "/nothing", started)
    assert started[0].startswith("404") and started[1]["Cache-Control"] == "no-store"


def test_an_api_without_the_page_answers_as_before(started: list[Any]) -> None:
    call(Application(app.app), "/", started)
    assert started[0].startswith("404")


def test_the_installed_modules_are_those_of_the_lock_file() -> None:
    packages = json.loads((WEB / "package-lock.json").read_text())["packages"]
    for source in web_modules.MODULES.values():
        parts = source.split("/")
        name = "/".join(parts[: 2 if source.startswith("@") else 1])
        package = packages[f"node_modules/{name}"]
        assert package["integrity"].startswith("sha512-") and not package.get("dev"), name
    assert all("resolved" not in package for package in packages.values())


def test_a_failed_installation_says_how_to_try_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(web_modules, "INSTALLED", tmp_path / "modules")
    monkeypatch.setattr(web_modules, "npm", lambda: ["/nowhere/npm"])
    monkeypatch.setattr("sys.argv", ["infra.web_modules"])
    assert web_modules.main() == 1
    assert "without the page" in capsys.readouterr().err
    assert not (tmp_path / "modules" / ".ready").exists()
