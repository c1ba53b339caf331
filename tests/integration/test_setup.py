"""`python -m infra.setup` on real PostgreSQL and Valkey, and on an object store with queues in this process."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer

from infra.local import postgres
from infra.setup.__main__ import main
from infra.topics import TOPICS
from layers import bootstrap
from layers.domain.keys import hash_key
from tests.conftest import PASSWORD

BUCKET = "files-of-the-test"


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    """The address of an object store and queues."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Operator:
    """Runs the command in a separate environment, with a new database that does not exist yet."""

    def __init__(self, postgres_port: int, capsys: pytest.CaptureFixture[str]) -> None:
        self._port = postgres_port
        self._capsys = capsys
        self.database = f"t{uuid.uuid4().hex}"

    def url(self, role: str, password: str) -> str:
        return postgres.database_url(self._port, password, self.database, role)

    def sets_up(self, *arguments: str) -> tuple[int, dict[str, list[str]]]:
        """The exit code, and the texts of each state."""
        bootstrap.forget()
        code = main(arguments)
        lines = self._capsys.readouterr().out.splitlines()
        states: dict[str, list[str]] = {}
        for line in lines:
            states.setdefault(line[:8].strip(), []).append(line[9:])
        return code, states


@pytest.fixture
def operator(
    postgres_port: int,
    redis_url: str,
    cloud: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Operator]:
    made = Operator(postgres_port, capsys)
    # The roles are shared by all databases of the server, and other tests know their password.
    environment = {
        "FAIRWAY_OWNER_DATABASE_URL": made.url("fairway", PASSWORD),
        "FAIRWAY_DATABASE_URL": made.url("fairway_worker", PASSWORD),
        "FAIRWAY_API_DATABASE_URL": made.url("fairway_api", PASSWORD),
        "FAIRWAY_REDIS_URL": redis_url,
        "FAIRWAY_KEY_PEPPER": secrets.token_urlsafe(),
        "FAIRWAY_BUCKET": BUCKET,
        "FAIRWAY_ALLOWED_ORIGINS": "https://app.example,https://other.example",
        "AWS_ENDPOINT_URL": cloud,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield made
    bootstrap.forget()


def client(service: str, cloud: str) -> Any:
    return boto3.session.Session("id", "secret", region_name="us-east-1").client(service, endpoint_url=cloud)


def test_everything_is_made_and_a_second_run_changes_nothing(operator: Operator, cloud: str) -> None:
    code, states = operator.sets_up()
    assert code == 0 and "wrong" not in states and "by hand" not in states
    (line,) = [text for text in states["changed"] if "first admin's key" in text]
    key = line.rpartition(" ")[2]
    with psycopg.connect(operator.url("fairway_worker", PASSWORD)) as connection:
        held = connection.execute("SELECT key_hash, role FROM api_keys").fetchall()
    assert held == [(hash_key(key, bootstrap.settings().key_pepper), "admin")]
    s3, sqs = client("s3", cloud), client("sqs", cloud)
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (cors,) = s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    assert cors["AllowedOrigins"] == ["https://app.example", "https://other.example"]
    (rule,) = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
    assert rule["QueueArn"].endswith(":fairway-arrivals")
    assert len(sqs.list_queues(QueueNamePrefix="fairway-")["QueueUrls"]) == 2 * len(TOPICS)
    code, states = operator.sets_up()
    assert code == 0 and set(states) == {"ok"}


def test_only_what_was_changed_is_brought_back(operator: Operator, cloud: str) -> None:
    operator.sets_up()
    s3, sqs = client("s3", cloud), client("sqs", cloud)
    s3.delete_bucket_cors(Bucket=BUCKET)
    url = sqs.get_queue_url(QueueName="fairway-ocr")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    code, states = operator.sets_up()
    assert code == 0 and len(states["changed"]) == 3
    assert "queues: fairway-ocr" in states["changed"]


def test_a_bucket_for_artifacts_gets_no_events(operator: Operator, cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_ARTIFACT_BUCKET", "artifacts-of-the-test")
    code, _ = operator.sets_up()
    s3 = client("s3", cloud)
    assert code == 0 and s3.get_bucket_cors(Bucket="artifacts-of-the-test")["CORSRules"]
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="artifacts-of-the-test")


def test_the_notifications_of_others_are_kept(operator: Operator, cloud: str) -> None:
    operator.sets_up()
    s3, sqs = client("s3", cloud), client("sqs", cloud)
    arn = sqs.get_queue_attributes(
        QueueUrl=sqs.create_queue(QueueName="others")["QueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    other = {"Id": "other", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [other]})
    operator.sets_up()
    rules = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
    assert {rule["Id"] for rule in rules} == {"other", "fairway-arrivals"}


def test_the_admin_of_the_environment_is_made_and_no_other(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_ADMIN_KEY", "fw_of-the-environment")
    _, states = operator.sets_up()
    assert "created the admin of the tenant operations" in states["changed"]
    assert not any("shown this once" in text for text in states["changed"])


def test_an_owner_without_superuser_rights_suffices(
    operator: Operator, postgres_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"o{uuid.uuid4().hex}"
    with psycopg.connect(postgres.database_url(postgres_port, PASSWORD, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'")
        # Roles that exist on this server were created by another owner. This one may use them.
        for (shared,) in connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname IN ('fairway_api', 'fairway_worker', 'fairway_views')"
        ).fetchall():
            connection.execute(f"GRANT {shared} TO {role} WITH ADMIN OPTION")
    monkeypatch.setenv("FAIRWAY_OWNER_DATABASE_URL", operator.url(role, PASSWORD))
    code, states = operator.sets_up()
    assert code == 0, states


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("FAIRWAY_OWNER_DATABASE_URL", "", "Set FAIRWAY_OWNER_DATABASE_URL"),
        ("FAIRWAY_OWNER_DATABASE_URL", "postgresql://fairway:x@127.0.0.1:1/x", "can't be"),
        ("FAIRWAY_API_DATABASE_URL", "postgresql://postgres:x@127.0.0.1:1/x", "must log in as fairway_api"),
        ("FAIRWAY_REDIS_URL", "redis://127.0.0.1:1", "Redis at 127.0.0.1:1 can't be used"),
        ("FAIRWAY_KEY_PEPPER", "", "Set FAIRWAY_KEY_PEPPER"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "The object store at http://127.0.0.1:1 can't be used"),
        ("FAIRWAY_EXTRACTION", "guess", "FAIRWAY_EXTRACTION must be one of"),
    ],
)
def test_what_is_wrong_is_said_with_the_variable_to_change(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    code, states = operator.sets_up()
    assert code == 1
    assert any(message in text for text in states["wrong"]), states
    assert not any(PASSWORD in text for texts in states.values() for text in texts)


def test_a_server_that_is_down_does_not_keep_the_others_from_being_set_up(
    operator: Operator, cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRWAY_REDIS_URL", "redis://127.0.0.1:1")
    code, states = operator.sets_up()
    assert code == 1 and len(states["wrong"]) == 1
    assert operator.sets_up()[1].get("changed") is None
