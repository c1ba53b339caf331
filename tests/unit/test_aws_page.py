"""The web page on AWS: what is published, and who may read it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra import web_modules
from infra.aws import application, page
from infra.web import IMPORT_MAP

API = "https://abc123.execute-api.eu-central-1.amazonaws.com/v1/"
STORE = "https://files.s3.eu-central-1.amazonaws.com"


class Bucket:
    """The calls of an S3 client."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    def put_object(self, *, Bucket: str, Key: str, **content: Any) -> None:
        self.objects[Key] = {"bucket": Bucket, **content}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in web_modules.MODULES:
        (modules / name).write_text("export {};\n")
    monkeypatch.setattr(page, "INSTALLED", modules)
    assert page.pack(tmp_path / "package")
    return tmp_path / "package"


@pytest.fixture
def published(package: Path) -> dict[str, dict[str, Any]]:
    bucket = Bucket()
    page.publish(bucket, package, "page", API, {STORE})
    return bucket.objects


def test_everything_that_the_page_names_is_published_before_it(published: dict[str, dict[str, Any]]) -> None:
    *others, last = published
    assert last == "index.html"
    text = published[last]["Body"].decode()
    named = re.findall(r'(?:href|src)="/(web/[^"]+)"', text) + [
        address.removeprefix("/") for address in json.loads(IMPORT_MAP.findall(text)[0])["imports"].values()
    ]
    assert len(named) > 20 and set(named) <= set(others)


def test_the_page_calls_the_api_of_its_stack_and_no_other(published: dict[str, dict[str, Any]]) -> None:
    text = published["index.html"]["Body"].decode()
    assert f'<meta name="fairway-api" content="{API.rstrip("/")}">' in text
    (rules,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    rule = dict(entry.split(" ", 1) for entry in rules.split("; "))
    assert rule["connect-src"] == f"'self' https://abc123.execute-api.eu-central-1.amazonaws.com {STORE}"
    assert rule["default-src"] == "'none'" and "frame-ancestors" not in rule
    assert text.index("Content-Security-Policy") < text.index("<link")


def test_browsers_keep_all_files_but_the_page(published: dict[str, dict[str, Any]]) -> None:
    assert published["index.html"]["CacheControl"] == "no-cache"
    assert published["index.html"]["ContentType"].startswith("text/html")
    assert all("immutable" in content["CacheControl"] for name, content in published.items() if name != "index.html")


def test_only_cloudfront_reads_the_bucket_of_the_page() -> None:
    template = application.merge_template("dev")
    resources = template["Resources"]
    assert all(resources["PageFiles"]["Properties"]["PublicAccessBlockConfiguration"].values())
    allowed = [
        entry
        for entry in resources["PageFilesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if entry["Effect"] == "Allow"
    ]
    assert [entry["Principal"] for entry in allowed] == [{"Service": "cloudfront.amazonaws.com"}]
    assert allowed[0]["Condition"]["StringEquals"]["AWS:SourceArn"] == page.DISTRIBUTION_ARN
    assert {"PageBucket", "PageUrl"} <= template["Outputs"].keys()


def test_a_package_without_the_libraries_has_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "INSTALLED", tmp_path / "nothing")
    assert not page.pack(tmp_path / "package")
    assert not (tmp_path / "package").exists()
