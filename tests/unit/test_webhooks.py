"""Webhooks: signatures, retries, the breaker of an endpoint, and which addresses are refused."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from layers.domain import webhook
from layers.domain.webhook import Sent, WebhookEvent, after_attempt, headers, probe_delay, retry_delay, signature
from layers.domain.webhook_address import Refused, check_url, is_deliverable, networks

EVENT = WebhookEvent(
    "0199d0a5-01b8-71aa-b3c5-5e0d9a7f4c36", 7, "file.done", "/datasets/d", "f", "2026-01-15T09:30:00.000Z", {"a": "ä"}
)


def test_the_published_example_of_standard_webhooks_has_its_signature() -> None:
    """From the tests of the libraries at github.com/standard-webhooks/standard-webhooks."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_being_replaced_a_delivery_has_a_signature_of_each() -> None:
    sent = headers([b"new", b"old"], "id", 5, b"body")
    assert sent["webhook-signature"].split() == [signature(s, "id", 5, b"body") for s in (b"new", b"old")]
    assert (sent["webhook-id"], sent["webhook-timestamp"]) == ("id", "5")


def test_an_event_is_a_cloud_event_and_its_sequence_sorts_as_text() -> None:
    sent = json.loads(EVENT.body())
    assert {name: sent[name] for name in ("specversion", "id", "type", "source")} == {
        "specversion": "1.0", "id": EVENT.event_id, "type": "file.done", "source": "/datasets/d",
    }  # fmt: skip
    assert sent["data"] == {"a": "ä"}
    assert sent["sequence"] < f"{10:020}"


def test_the_retries_of_a_delivery_fill_a_day() -> None:
    for chance in (0.0, 0.5, 0.999):
        age_s, attempts = 0.0, 1
        verdict = after_attempt(Sent(500), attempts=1, age_s=0.0, failures=0, chance=chance)
        while verdict.state == "waiting":
            age_s, attempts = age_s + verdict.delay_s, attempts + 1
            verdict = after_attempt(Sent(500), attempts=attempts, age_s=age_s, failures=0, chance=chance)
        assert verdict.state == "failed"
        assert age_s == pytest.approx(webhook.GIVE_UP_AFTER_S)
        assert 12 <= attempts <= 20


def test_delays_grow_and_are_spread() -> None:
    assert [round(retry_delay(n, 0.999)) for n in (1, 2, 3, 4)] == [5, 15, 45, 135]
    assert retry_delay(1000, 0.999) <= webhook.LONGEST_DELAY_S
    assert retry_delay(3, 0.0) < retry_delay(3, 0.9)


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (Sent(200), "delivered"),
        (Sent(204), "delivered"),
        (Sent(301), "waiting"),  # redirects are not followed
        (Sent(404), "waiting"),
        (Sent(500), "waiting"),
        (Sent(None, "timeout"), "waiting"),
    ],
)
def test_only_a_success_is_a_delivery(sent: Sent, state: str) -> None:
    assert after_attempt(sent, attempts=1, age_s=0, failures=0, chance=0.5).state == state


def test_retry_after_lengthens_a_delay_within_bounds() -> None:
    def delay(retry_after_s: float) -> float:
        sent = Sent(503, retry_after_s=retry_after_s)
        return after_attempt(sent, attempts=1, age_s=0, failures=0, chance=0.5).delay_s

    assert (delay(60), delay(0), delay(1e9)) == (60, retry_delay(1, 0.5), webhook.LONGEST_DELAY_S)


def test_gone_switches_the_endpoint_off() -> None:
    assert after_attempt(Sent(410), attempts=1, age_s=0, failures=0, chance=0).disables
    assert not after_attempt(Sent(500), attempts=1, age_s=0, failures=0, chance=0).disables


def test_an_endpoint_that_keeps_failing_is_probed_more_and_more_seldom() -> None:
    assert [probe_delay(failures, 0.999) for failures in (1, 4)] == [None, None]
    delays = [probe_delay(failures, 0.999) or 0.0 for failures in range(5, 20)]
    assert delays == sorted(delays) and delays[0] > 0 and delays[-1] <= 60


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_deliverable(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_deliverable(address: str) -> None:
    assert is_deliverable(address)


def test_a_private_network_can_be_allowed_and_no_other() -> None:
    allowed = networks("10.0.0.0/8, ::1/128")
    assert is_deliverable("10.1.2.3", allowed) and is_deliverable("::ffff:10.1.2.3", allowed)
    assert is_deliverable("::1", allowed)
    assert not is_deliverable("127.0.0.1", allowed)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https:///path", "https://user@example.com/",
        "https://:pass@example.com/", "https://example.com/#part", "https://example.com:0/", "https://example.com:x/",
        "https://exa mple.com/", "https://example.com/\n", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1:8443/",
        "https://example.com/" + "a" * 2000, "https://[1::2", "https://ex\u00e4mple.com/",
    ],
)  # fmt: skip
def test_a_url_that_can_not_be_delivered_to_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url)


def test_a_url_may_have_a_port_a_path_and_a_query() -> None:
    check_url("https://example.com:8443/hooks?team=a")
    check_url("http://127.0.0.1:9000/", networks("127.0.0.0/8"))
    with pytest.raises(Refused):
        check_url("http://10.0.0.1/", networks("127.0.0.0/8"))


# --- the page for receivers --------------------------------------------------------------------------

PAGE = Path(__file__).parent.parent.parent / "docs" / "webhooks.md"


def code_of_page(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(code)


def test_the_code_of_the_page_verifies_a_delivery_and_refuses_any_other() -> None:
    defined: dict[str, Any] = {}
    exec(code_of_page("python"), defined)
    verify, body, now = defined["verify"], EVENT.body(), int(time.time())
    secret = webhook.secret_text(b"s" * 32)
    sent = headers([b"new" * 9, b"s" * 32], EVENT.event_id, now, body)
    assert verify(secret, sent, body)
    assert not verify(webhook.secret_text(b"t" * 32), sent, body)
    assert not verify(secret, sent, body + b" ")
    assert not verify(secret, sent | {"webhook-id": "another"}, body)
    assert not verify(secret, headers([b"s" * 32], EVENT.event_id, now - 600, body), body)


def test_the_page_names_every_event() -> None:
    shown = PAGE.read_text()
    assert [kind for kind in webhook.EVENT_TYPES if f"`{kind}`" not in shown] == []
