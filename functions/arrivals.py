"""Arrivals: an object was created; ready the intake of its file.

Only this runs outside the fair order: one statement for a message. Everything that costs more, such as reading the
object, waits in its tenant's lane like any other step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from layers.attempts.runner import Runner
from layers.domain.errors import DependencyDown
from layers.domain.file import ARTIFACTS, PROBES
from layers.domain.message import Arrival
from layers.telemetry.log import log

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NO_UPLOADS = (ARTIFACTS, quote(ARTIFACTS, safe=""), PROBES)  # some stores encode keys
OURS = re.compile(f"originals/{UUID}/{UUID}")


def take_arrivals(runner: Runner, arrivals: Sequence[Arrival]) -> None:
    """Ready intake for the files that wait for these objects; delete objects of removed files.

    Some stores send the events of the whole bucket, so most of them may be of artifacts, which are dropped.
    """
    for arrival in arrivals:
        if arrival.object_key.startswith(PROBES):
            runner.ports.objects.delete_prefix(arrival.object_key)  # which shows that its event has arrived
    originals = [arrival for arrival in arrivals if not arrival.object_key.startswith(NO_UPLOADS)]
    found = [_checked(runner, arrival) for arrival in originals if OURS.fullmatch(arrival.object_key)]
    ours = [arrival for arrival in found if arrival]
    if not ours:
        for arrival in originals if not found else ():
            log("object_unknown", object_key=arrival.object_key)
        return
    verdicts = runner.ports.store.arrive(ours)
    for key, verdict in verdicts.items():
        if verdict == "removed":
            runner.ports.objects.delete_prefix(key)
        elif verdict == "unknown":
            # Its row may not be committed yet: the sweep of the bucket finds it again.
            log("object_unknown", object_key=key)
    if "arrived" in verdicts.values():
        runner.dispatch({runner.intake.name})


def _checked(runner: Runner, arrival: Arrival) -> Arrival | None:
    """The arrival with the version that the object store has now, where its event names none; None without an object.

    A store without versions sends no version, and so do some with versions, or a client's hint.
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
