"""The rehearsal, which `make rehearse` runs. Each test depends on the ones before."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request
from uuid import uuid4

import psycopg
import pytest
from fairway_client import Client
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from infra.web import CHECKED, KEPT, MEDIA_TYPES
from tests.rehearsal import alarms, packages
from tests.rehearsal.ground import ROOT, prepared
from tests.rehearsal.stage import ORIGIN, PACKAGE, STAGE, Stage, until

pytestmark = pytest.mark.timeout(900)
SAMPLES = ROOT / "events" / "samples"
FILES = ("Invoice INV-2023-03-0008.pdf", "IMG_0042.heic", "expenses-may.xlsx", "invoice-with-attached-receipt.pdf",
         "joinery-invoice.docx", "locked-invoice.pdf", "order-confirmation.eml", "order-review.pptx",
         "parking-ticket.svg", "receipt lunch (copy).jpg", "receipt-hardware.jpg", "scan-groceries.pdf",
         "statement.html", "two-receipts.tiff")  # fmt: skip
AT_ONCE = 4  # cold starts of functions are slow here, and a small machine can't do all of them at once
SETTLED_S = 400.0


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with prepared() as ground:
        stage = Stage.on(ground)
        stage.keep_secrets()
        yield stage


@pytest.fixture(scope="module")
def tenant(stage: Stage) -> Client:
    """A new tenant, created through API Gateway."""
    tenant = stage.client().call("POST", "/operations/tenants", {"name": "rehearsal"})
    return stage.client(tenant["api_key"])


@pytest.fixture(scope="module")
def dataset_id(tenant: Client) -> str:
    return str(tenant.dataset("Purchases")["id"])


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the next version."""
    folder = tmp_path_factory.mktemp("newer")
    return packages.with_a_migration(folder, "ALTER TABLE files ADD COLUMN rehearsed boolean;")


def settled(client: Client, dataset_id: str, batch_id: str) -> dict[str, dict[str, Any]]:
    """A batch's files by name, once all their pipelines have ended."""
    for files in client.follow(dataset_id, batch_id, within_s=SETTLED_S, wait_s=5):
        by_name = {file["name"]: file for file in files}
    unsettled = {
        name: file["pipelines"] for name, file in by_name.items() if file["state"] in ("uploading", "processing")
    }
    assert not unsettled
    return by_name


# --- deployment ------------------------------------------------------------------------------------------------------


def test_the_package_becomes_a_stack_with_a_migrated_database(stage: Stage) -> None:
    stage.deploy()
    with psycopg.connect(stage.ground.database_url) as database:
        (applied,) = database.execute("SELECT count(*) FROM migrations").fetchone() or (0,)
    assert applied == len(list((ROOT / "schema" / "migrations").glob("*.sql"))) + 1


def test_the_api_reaches_everything_that_it_depends_on(stage: Stage) -> None:
    health = stage.client().call("GET", "/health")
    assert health["status"] == "ok"
    assert {name for name, dependency in health["dependencies"].items() if dependency["state"] == "up"} >= {
        "postgres", "object_store", "topics", "redis", "textract"
    }  # fmt: skip


def test_a_request_without_a_key_is_refused_with_a_problem(stage: Stage) -> None:
    refused = stage.call("POST", "/datasets")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (refused.status, json.loads(refused.read())["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("has_key", [True, False])
@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("POST", "/health")])
def test_errors_of_the_gateway_itself_are_problems(stage: Stage, method: str, path: str, has_key: bool) -> None:
    stage.put_gateway_responses()
    refused = stage.call(method, path, stage.admin_key if has_key else None)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (refused.status, json.loads(refused.read())["code"]) == (404, "not_found")


def test_pages_of_allowed_origins_may_read_responses(stage: Stage) -> None:
    """Preflights are not tested: the emulator ignores their definition."""
    for path in ("/health", "/datasets", f"/files/{uuid4()}"):
        answered = stage.call("GET", path, stage.admin_key)
        assert answered.headers.get_all("Access-Control-Allow-Origin") == [ORIGIN]


@pytest.fixture
def page(stage: Stage) -> str:
    """The text of the published page."""
    if not json.loads((PACKAGE / "package.json").read_text())["has_page"]:
        pytest.skip("the package has no page: its libraries are not installed")
    s3 = stage.ground.session.client("s3")
    return str(s3.get_object(Bucket=stage.outputs["PageBucket"], Key="index.html")["Body"].read().decode())


def test_the_page_is_published_for_this_api(stage: Stage, page: str) -> None:
    s3, bucket = stage.ground.session.client("s3"), stage.outputs["PageBucket"]
    names = {found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert set(re.findall(r'(?:href|src)="/(web/[^"]+)"', page)) <= names
    assert stage.resource("RestAPI") in page and stage.outputs["PageUrl"].startswith("https://")


@pytest.mark.usefixtures("page")
def test_browsers_keep_the_files_of_the_page_and_check_the_page_itself(stage: Stage) -> None:
    s3, bucket = stage.ground.session.client("s3"), stage.outputs["PageBucket"]
    for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        head = s3.head_object(Bucket=bucket, Key=found["Key"])
        is_page = found["Key"] == "index.html"
        assert head["CacheControl"] == (CHECKED if is_page else KEPT), found["Key"]
        assert head["ContentType"] == (
            "text/html; charset=utf-8" if is_page else MEDIA_TYPES[Path(found["Key"]).suffix]
        )


def test_the_page_may_reach_every_address_that_the_api_names(
    page: str, tenant: Client, dataset_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "note.txt"
    file.write_text("Total 9.00 EUR")
    body = {"files": [{"name": file.name, "size_bytes": file.stat().st_size}]}
    (created,) = tenant.call("POST", f"/datasets/{dataset_id}/batches", body)["files"]
    rules = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert rules
    allowed = {name: values for name, *values in (rule.split() for rule in rules[1].split("; "))}
    store = "{0.scheme}://{0.netloc}".format(urlsplit(created["upload"]["url"]))
    for kind in ("connect-src", "img-src", "media-src", "frame-src"):
        assert store in allowed[kind], kind
    tenant.call("DELETE", f"/files/{created['id']}")


def test_pages_of_allowed_origins_may_upload_to_the_bucket(stage: Stage) -> None:
    (rule,) = stage.ground.session.client("s3").get_bucket_cors(Bucket=stage.outputs["Bucket"])["CORSRules"]
    assert rule["AllowedOrigins"] == [ORIGIN] and {"GET", "PUT"} <= set(rule["AllowedMethods"])
    assert rule["AllowedHeaders"] == ["*"] and "ETag" in rule["ExposeHeaders"]


def test_cloudfront_serves_the_page_with_headers_that_it_can_not_state_itself(stage: Stage, page: str) -> None:
    host = stage.outputs["PageUrl"].removeprefix("https://")
    served = stage.open(Request(f"{stage.ground.endpoint_url}/", headers={"Host": host}))
    assert served.read().decode() == page
    assert served.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert served.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert served.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.fixture
def strict(stage: Stage) -> None:
    """Skip the test if a running emulator does not enforce permissions."""
    if not stage.ground.is_started and not stage.enforces_permissions():
        pytest.skip("this emulator does not enforce permissions")


@pytest.mark.usefixtures("strict")
def test_unsigned_requests_are_refused(stage: Stage) -> None:
    assert stage.enforces_permissions()


@pytest.mark.usefixtures("strict", "page")
def test_only_cloudfront_reads_the_bucket_of_the_page(stage: Stage) -> None:
    address = f"{stage.ground.endpoint_url}/{stage.outputs['PageBucket']}/index.html"
    with pytest.raises(HTTPError) as refused:
        stage.open(Request(address))
    assert refused.value.code == 403


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(("origin", "status"), [(ORIGIN, 200), ("https://elsewhere.example", 403)])
def test_the_bucket_answers_preflights_of_uploads_from_allowed_origins(stage: Stage, origin: str, status: int) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "if-none-match",
    }
    address = f"{stage.ground.endpoint_url}/{stage.outputs['Bucket']}/originals/x"
    try:
        answered = stage.open(Request(address, headers=asked, method="OPTIONS"))
    except HTTPError as refused:
        answered = refused
    assert answered.status == status
    assert answered.headers["Access-Control-Allow-Origin"] == (ORIGIN if status == 200 else None)


# --- processing files ------------------------------------------------------------------------------------------------


def test_real_files_become_records_previews_and_thumbnails(stage: Stage, tenant: Client, dataset_id: str) -> None:
    files: dict[str, dict[str, Any]] = {}
    for start in range(0, len(FILES), AT_ONCE):
        batch = tenant.upload(dataset_id, [SAMPLES / name for name in FILES[start : start + AT_ONCE]])
        files |= settled(tenant, dataset_id, batch["id"])
    assert set(files) == set(FILES)
    locked = files.pop("locked-invoice.pdf")
    assert (locked["state"], locked["error"]["code"]) == ("failed", "password_protected")
    assert Counter(file["state"] for file in files.values())["failed"] == 0
    for name, file in files.items():
        assert all(document["fields"] for document in file["records"]), name  # the record has what all of them share
        for kind in ("preview", "thumbnail"):
            assert file["artifacts"][kind], (name, file["pipelines"][kind])
            assert len(tenant.fetch(file["artifacts"][kind]["url"])) > 100, (name, kind)


def test_a_page_that_ocr_is_unsure_of_goes_to_textract(
    stage: Stage, tenant: Client, dataset_id: str, tmp_path: Path
) -> None:
    blurred = tmp_path / "blurred.png"
    page = Image.new("L", (700, 500), 255)
    for line, text in enumerate(("Brook Street Joinery", "Invoice 4711 12.03.2026", "Nails 12.30", "Total 31.25")):
        ImageDraw.Draw(page).text((40, 40 + line * 80), text, fill=0, font=ImageFont.load_default(26))
    page.filter(ImageFilter.GaussianBlur(4)).save(blurred)
    batch = tenant.upload(dataset_id, [blurred])
    settled(tenant, dataset_id, batch["id"])
    assert stage.ground.textract.counts["pages"] > 0


def test_texts_went_to_the_model(stage: Stage) -> None:
    assert stage.ground.model.counts["converse"] > 0


def test_the_audit_balances(stage: Stage) -> None:
    audit = stage.client().call("GET", "/operations/audit")
    assert (audit["lost"], audit["doubled"]) == (0, 0)


def test_a_removed_file_is_erased_from_the_bucket(stage: Stage, tenant: Client, dataset_id: str) -> None:
    file = next(iter(tenant.files(dataset_id, name="two-receipts.tiff")))
    assert stage.keys_with(file["id"])
    removal = tenant.call("DELETE", f"/files/{file['id']}", undo_window_s=0)
    receipt = until(lambda: erased(tenant, removal["id"]))
    assert receipt["objects_erased"] > 3
    assert stage.keys_with(file["id"]) == []


def erased(client: Client, removal_id: str) -> dict[str, Any] | None:
    receipt: dict[str, Any] = client.call("GET", f"/removals/{removal_id}")
    return receipt if receipt["erased_at"] else None


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_message_that_was_dead_lettered_while_the_database_was_down_is_redriven(
    stage: Stage, tenant: Client, dataset_id: str
) -> None:
    with stage.workers_locked_out(), stage.hidden_for("ArrivalsQueue", seconds=1):
        tenant.upload(dataset_id, [SAMPLES / "human-rights.txt"])
        until(lambda: stage.depth("ArrivalsDead") == 1)
    stage.client().call("POST", "/operations/dead-letters/redrive", {})
    until(lambda: stage.depth("ArrivalsDead") == 0)
    until(lambda: next(iter(tenant.files(dataset_id, name="human-rights.txt")))["state"] == "done")


def test_a_failed_step_is_redriven(stage: Stage, tenant: Client, dataset_id: str) -> None:
    stage.ground.model.change(next=[{"status": 424, "body": {"message": "broken"},
                                     "headers": {"x-amzn-errortype": "ModelErrorException"}}] * 4)  # fmt: skip
    batch = tenant.upload(dataset_id, [SAMPLES / "receipt-parking.jpg"])
    (failed,) = settled(tenant, dataset_id, batch["id"]).values()
    assert (failed["state"], failed["error"]["code"]) == ("failed", "model_failed")
    letters = stage.client().call("GET", "/operations/dead-letters", step="extraction")
    assert failed["id"] in {letter["file_id"] for letter in letters["dead_letters"]}
    stage.client().call("POST", "/operations/dead-letters/redrive", {"file_ids": [failed["id"]]})
    until(lambda: tenant.call("GET", f"/files/{failed['id']}")["state"] == "done")


# --- a new version ---------------------------------------------------------------------------------------------------


def test_a_new_version_with_a_migration_is_deployed_while_files_are_processed(
    stage: Stage, tenant: Client, dataset_id: str, newer: Path
) -> None:
    names = ("receipt-upside-down.jpg", "game-page.png", "Invoice INV-2023-03-0008.pdf", "statement.html")
    before = tenant.upload(dataset_id, [SAMPLES / name for name in names], allow_duplicates=True)
    stage.deploy(newer)
    after = tenant.upload(dataset_id, [SAMPLES / names[-1]], allow_duplicates=True)
    for batch in (before, after):
        states = {file["state"] for file in settled(tenant, dataset_id, batch["id"]).values()}
        assert states <= {"done", "partial"}
    with psycopg.connect(stage.ground.database_url) as database:
        assert database.execute("SELECT count(rehearsed) FROM files").fetchone() == (0,)
    audit = stage.client().call("GET", "/operations/audit")
    assert (audit["lost"], audit["doubled"]) == (0, 0)


def test_no_function_lacked_a_permission(stage: Stage) -> None:
    assert stage.refusals() == []


@pytest.mark.usefixtures("strict")
def test_a_missing_permission_is_logged(
    stage: Stage, tenant: Client, dataset_id: str, newer: Path, tmp_path: Path
) -> None:
    stage.deploy(packages.without_permission(newer, tmp_path, "ThumbnailRole", "s3:PutObject"))
    batch = tenant.upload(dataset_id, [SAMPLES / "statement.html"], allow_duplicates=True)
    until(lambda: [line for line in stage.refusals() if '"step":"thumbnail"' in line], within_s=SETTLED_S)
    stage.deploy(newer)
    settled(tenant, dataset_id, batch["id"])


# --- alarms ----------------------------------------------------------------------------------------------------------


def test_each_alarm_is_raised_by_its_condition(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRWAY_STAGE", STAGE)
    cloudwatch = stage.ground.session.client("cloudwatch")
    raised = [alarm["AlarmName"] for alarm in stage.alarms() if alarm["StateValue"] == "ALARM"]
    assert all("UpkeepAlarm" in name for name in raised)  # raised while there is no data on upkeep
    for alarm in stage.alarms():
        data = list(alarms.data_that_raises(alarm, lambda: capsys.readouterr().out))
        for start in range(0, len(data), 20):
            cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=data[start : start + 20])
    silent = [alarm["AlarmName"] for alarm in stage.alarms() if alarm["StateValue"] != "ALARM"]
    assert [name for name in silent if "UpkeepAlarm" not in name] == []
    assert len(silent) == 1


# --- removal ---------------------------------------------------------------------------------------------------------


def test_nothing_is_left_after_the_deletion(stage: Stage) -> None:
    stage.deployment.remove()
    stage.forget_secrets()
    assert stage.left_over() == {}
