"""A receiver tells genuine deliveries of webhooks from others, by what Fairway signs."""

from __future__ import annotations

import pytest
from fairway_client import NotGenuine, verified

from layers.domain import webhook

SECRET, OTHER = b"k" * 24, b"o" * 24
BODY = b'{"type": "file.done"}'
NOW = 1_768_469_400


def headers(*secrets: bytes, body: bytes = BODY) -> dict[str, str]:
    return webhook.headers(secrets or (SECRET,), "id", NOW, body)


@pytest.mark.parametrize("late_s", [-299, 0, 299])
def test_a_delivery_is_its_event(late_s: int) -> None:
    secret = webhook.secret_text(SECRET)
    assert verified(secret, headers(), BODY, now=NOW + late_s) == {"type": "file.done"}
    shouted = {name.upper(): value for name, value in headers(OTHER, SECRET).items()}
    assert verified(secret, shouted, BODY, now=NOW + late_s) == {"type": "file.done"}


@pytest.mark.parametrize(
    ("given", "body", "now", "reason"),
    [
        (headers(OTHER), BODY, NOW, "no signature is right"),
        (headers(), BODY + b" ", NOW, "no signature is right"),
        (headers() | {"webhook-id": "other"}, BODY, NOW, "no signature is right"),
        (headers() | {"webhook-signature": "v1,\u00e9"}, BODY, NOW, "no signature is right"),
        (headers(), BODY, NOW + 301, "signed 301 seconds ago"),
        (headers() | {"webhook-timestamp": "now"}, BODY, NOW, "timestamp"),
        ({}, BODY, NOW, "'webhook-id' is absent"),
    ],
)
def test_everything_else_is_refused_with_the_reason(
    given: dict[str, str], body: bytes, now: float, reason: str
) -> None:
    with pytest.raises(NotGenuine, match=reason):
        verified(webhook.secret_text(SECRET), given, body, now=now)
