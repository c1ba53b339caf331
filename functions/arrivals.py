"""Arrivals: an object was created; ready the intake of its file.

Only this runs outside the fair order: one statement for a message. Everything that costs more, such as reading the
object, waits in its tenant's lane like any other step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from layers.attempts.runner import Runner
from layers.domain.file import PROBES
from layers.domain.message import Arrival
from layers.telemetry.log import log

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
OURS = re.compile(f"originals/{UUID}/{UUID}")


def take_arrivals(runner: Runner, arrivals: Sequence[Arrival]) -> None:
    """Ready intake for the files that wait for these objects; delete objects of removed files."""
    for arrival in arrivals:
        if arrival.object_key.startswith(PROBES):
            runner.ports.objects.delete_prefix(arrival.object_key)  # which shows that its event has arrived
    arrivals = [arrival for arrival in arrivals if not arrival.object_key.startswith(PROBES)]
    ours = [arrival for arrival in arrivals if OURS.fullmatch(arrival.object_key)]
    if not ours:
        for arrival in arrivals:
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
