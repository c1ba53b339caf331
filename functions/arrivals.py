"""Arrivals: make the intake of a file ready when its object has been created.

Nothing else runs outside the fair order, so it costs one statement for each message. Everything that costs more, such
as reading the object, waits in its tenant's lane like any other step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from layers.attempts.runner import Runner
from layers.domain.errors import DependencyDown
from layers.domain.file import ARTIFACTS, PROBES
from layers.domain.imports import IN_PLACE, OWN
from layers.domain.message import Arrival
from layers.telemetry.log import log

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NOT_UPLOADS = (ARTIFACTS, quote(ARTIFACTS, safe=""), PROBES)  # some stores encode keys
ORIGINAL_KEY = re.compile(f"{OWN}{UUID}/{UUID}|{IN_PLACE}{UUID}/{UUID}/.+", re.DOTALL)


def take_arrivals(runner: Runner, arrivals: Sequence[Arrival]) -> None:
    """Make intake ready for the files that wait for these objects; delete the objects of removed files.

    Some stores send the events of the whole bucket, so most arrivals may be of artifacts. These are ignored.
    """
    for arrival in arrivals:
        if arrival.object_key.startswith(PROBES):
            # A probe of `infra/doctor`, which waits until its object is gone: its event has arrived.
            _delete(runner, arrival.object_key)
    uploads = [arrival for arrival in arrivals if not arrival.object_key.startswith(NOT_UPLOADS)]
    checked = [_checked(runner, arrival) for arrival in uploads if ORIGINAL_KEY.fullmatch(arrival.object_key)]
    existing = [arrival for arrival in checked if arrival]
    if not existing:
        for arrival in uploads if not checked else ():
            log("object_unknown", object_key=arrival.object_key)
        return
    verdicts = runner.ports.store.arrive(existing)
    if "arrived" in verdicts.values():
        runner.dispatch({runner.intake.name})
    for key, verdict in verdicts.items():
        if verdict == "removed":
            _delete(runner, key)
        elif verdict == "unknown":
            # Its row may not be committed yet: then the sweep of the bucket finds the object again.
            log("object_unknown", object_key=key)


def _delete(runner: Runner, object_key: str) -> None:
    try:
        runner.ports.objects.delete_prefix(object_key)
    except DependencyDown as error:
        # The audit's walk through the bucket deletes it later.
        log("object_not_deleted", object_key=object_key, detail=str(error))


def _checked(runner: Runner, arrival: Arrival) -> Arrival | None:
    """The arrival with the object's version, which is looked up if the arrival has none. None if there is no object.

    A store without versions sends none, some stores with versions send none either, and a client's hint has none.
    """
    if arrival.version_id:
        return arrival
    try:
        stored = runner.ports.objects.look_up(arrival.object_key)
    except DependencyDown as error:
        # The sweep of the bucket finds it again.
        log("object_not_checked", object_key=arrival.object_key, detail=str(error))
        return None
    if stored is None:
        log("object_missing", object_key=arrival.object_key)
        return None
    return replace(arrival, version_id=stored.version_id, size_bytes=stored.size_bytes)
