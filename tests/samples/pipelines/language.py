"""Language: an example of a step of the main pipeline, which determines the language of a file's text."""

from __future__ import annotations

import json

from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.step import ArtifactKind, Done, step

LANGUAGE = ArtifactKind("language")
GERMAN = {"der", "die", "das", "und", "nicht"}


@step(word="the look at its language", makes=(LANGUAGE,), timeout_s=30, continues_after_failure=True)
def language(file: File, work: Work) -> Done:
    words = {word for page in work.pages() for word in page.text.lower().split()}
    path = work.scratch / "language.json"
    path.write_text(json.dumps({"language": "de" if len(words & GERMAN) > 1 else "en"}))
    return Done(artifacts=(work.save(LANGUAGE.name, path, "application/json"),))
