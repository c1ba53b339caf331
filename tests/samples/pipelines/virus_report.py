"""Virus report: an example of a pipeline of one step, which reports whether a file contains the EICAR test string."""

from __future__ import annotations

import json

from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.step import ArtifactKind, Done, step

VIRUS_REPORT = ArtifactKind("virus_report")
SIGNATURE = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"


@step(word="the virus check", makes=(VIRUS_REPORT,), timeout_s=30, concurrency=3)
def virus_report(file: File, work: Work) -> Done:
    path = work.scratch / "report.json"
    path.write_text(json.dumps({"found": SIGNATURE in work.original().read_bytes()}))
    return Done(artifacts=(work.save(VIRUS_REPORT.name, path, "application/json"),))
