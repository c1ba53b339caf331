"""Login to a broker with passwords, tokens and certificates, over TLS: `make test-cluster`."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from infra.cluster import kafka, programs
from infra.local.ports import ADDRESS, choose_ports
from infra.local.supervisor import Supervisor
from layers.adapters.kafka import access as kafka_access
from layers.adapters.kafka import administration
from layers.adapters.kafka.access import Access
from layers.adapters.kafka.source import KafkaSource, consumer
from layers.adapters.kafka.topics import KafkaTopics, producer
from layers.domain.message import WakeUp
from tests.certificates import self_signed
from tests.cluster.ground import START_S, wait_for

pytestmark = pytest.mark.timeout(600)
USER, PASSWORD = "fairway", "for-tests-alone"
MODULES = "org.apache.kafka.common.security"
SETTINGS = """\
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
listener.name.ssl.ssl.client.auth=required
listener.name.sasl_ssl.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={modules}.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config={modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="{user}";
"""


@dataclass(frozen=True)
class Guarded:
    """Access to a broker that requires a login: to its port for passwords and tokens, and to that for client certificates."""

    sasl: Access
    certificate: Access


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    programs.check()
    home = tmp_path_factory.mktemp("guarded")
    (home / "logs").mkdir()
    ports = choose_ports(home / "ports.json", ("plain", "controller", "sasl", "ssl"), 0)
    paths = issue(home)
    settings = SETTINGS.format(
        keystore=paths["keystore"], authority=paths["ca"], modules=MODULES, user=USER, password=PASSWORD
    )
    declared = kafka.declare(
        home / "kafka",
        ports["plain"],
        ports["controller"],
        {},
        more_listeners={"SASL_SSL": ports["sasl"], "SSL": ports["ssl"]},
        more_settings=settings,
        users={USER: PASSWORD},
    )
    supervisor = Supervisor(home / "logs")
    try:
        supervisor.start([declared], START_S)
        sasl = Access(f"{ADDRESS}:{ports['sasl']}", "plain", USER, PASSWORD, tls=True, ca_path=str(paths["ca"]))
        client = Access(
            f"{ADDRESS}:{ports['ssl']}",
            tls=True,
            ca_path=str(paths["ca"]),
            certificate_path=str(paths["certificate"]),
            key_path=str(paths["key"]),
        )
        yield Guarded(sasl, client)
    finally:
        supervisor.stop()


def carries_messages(access: Access) -> bool:
    """Whether a client with this access can create a topic, publish on it and receive from it."""
    prefix, found = f"fairway-{uuid.uuid4().hex[:8]}-", []
    wait_for(lambda: administration.brokers_answer(access), START_S)
    administration.ensure_topics(access, {f"{prefix}text": 1}, 1)
    source = KafkaSource(lambda: consumer(access, prefix, "test"), prefix=prefix)
    source.start({"text": 1})
    try:
        KafkaTopics(access, lambda: producer(access), prefix=prefix).publish([WakeUp("f", "text", 0, 1)])
        until = time.monotonic() + 60
        while not found and time.monotonic() < until:
            found += source.receive("text", most=1, wait_s=1)
    finally:
        source.stop()
    return len(found) == 1


@pytest.mark.parametrize("auth", ["plain", "scram-sha-256", "scram-sha-512"])
def test_a_password_lets_clients_in(guarded: Guarded, auth: str) -> None:
    assert carries_messages(replace(guarded.sasl, auth=auth))


def test_a_token_of_aws_lets_clients_in(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token is not signed by AWS, but the client gets it in the same way: from a callback."""
    monkeypatch.setattr(kafka_access, "iam_token", lambda region: lambda config: (token(), time.time() + 300))
    assert carries_messages(replace(guarded.sasl, auth="iam"))


def test_a_certificate_lets_clients_in(guarded: Guarded) -> None:
    assert carries_messages(guarded.certificate)


def test_a_wrong_password_is_refused_and_logged(guarded: Guarded, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = replace(guarded.sasl, password="wrong")
    KafkaTopics(wrong, lambda: producer(wrong)).publish([WakeUp("f", "text", 0, 1)])
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert any(event["event"] == "topic_unreachable" for event in events)
    with pytest.raises(Exception, match=r"_TRANSPORT|_AUTHENTICATION|_ALL_BROKERS_DOWN"):
        administration.brokers_answer(wrong)


def test_a_broker_with_a_certificate_of_an_untrusted_authority_is_refused(guarded: Guarded) -> None:
    with pytest.raises(Exception, match=r"_TRANSPORT|_SSL|_ALL_BROKERS_DOWN"):
        administration.brokers_answer(replace(guarded.sasl, ca_path=""))


def token() -> str:
    """An unsigned token, which a broker accepts that has no token provider configured."""
    now = int(time.time())
    parts: list[Any] = [{"alg": "none"}, {"sub": USER, "iat": now, "exp": now + 300}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def issue(folder: Path) -> dict[str, Path]:
    """Write a self-signed certificate for this machine. Returns the paths of its files: the certificate, also as the
    authority, its key, and both together."""
    pem, private = self_signed("fairway-test", is_authority=True)
    paths = {name: folder / f"{name}.pem" for name in ("ca", "certificate", "key", "keystore")}
    for role, content in (("ca", pem), ("certificate", pem), ("key", private), ("keystore", private + pem)):
        paths[role].write_bytes(content)
    return paths
