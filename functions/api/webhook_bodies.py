"""The request bodies of webhooks."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from functions.api.bodies import Body
from layers.domain.webhook import EVENT_TYPES, EventType
from layers.domain.webhook_address import LONGEST_URL

Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL, pattern=r"^[!-~]+$")]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=len(EVENT_TYPES))]
Description = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class NewWebhook(Body):
    url: Url = Field(
        description="an `https` URL at a public address, which answers with 2xx within ten seconds; or `kafka:`"
    )
    event_types: EventTypes = Field(description="the events that are delivered")
    description: Description | None = None


class ChangedWebhook(Body):
    url: Url | None = None
    event_types: EventTypes | None = Field(default=None, description="replaces all")
    description: Description | None = None
    enabled: bool | None = Field(default=None, description="false: events of this time are not delivered, also later")


class Redelivery(Body):
    since: AwareDatetime = Field(strict=False, description="events that occurred at this time or later")
