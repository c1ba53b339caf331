"""The text artifact: a document's whole text as it was read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.page import Page
from layers.domain.step import Artifact, ArtifactKind

TEXT = ArtifactKind("text", shows=("source", "page_count", "confidence"))

# If several readers read the pages, `source` names the one that is trusted least.
LEAST_TRUSTED = ("textract", "ocr", "native")


def save_text(work: Work, pages: Sequence[Page]) -> Artifact:
    """Store the pages' text as UTF-8, with form feeds between pages. Nothing is stored for a plain-text file with the
    same content: its original is the artifact."""
    text = _joined(pages)
    stored = work.save_bytes("text", text, "text.txt", "text/plain; charset=utf-8")
    read = [page for page in pages if page.source]
    return Artifact(
        "text",
        stored.object_key,
        stored.media_type,
        stored.size_bytes,
        page_count=len(pages),
        source=next((source for source in LEAST_TRUSTED if any(page.source == source for page in read)), None),
        confidence=round(sum(page.confidence for page in read) / len(read), 1) if read else None,
        sha256=hashlib.sha256(text).hexdigest(),
    )


def is_saved(file: File, pages: Sequence[Page]) -> bool:
    """Whether an earlier step has stored the text of these pages."""
    return file.text_sha256 == hashlib.sha256(_joined(pages)).hexdigest()


def _joined(pages: Sequence[Page]) -> bytes:
    return "\f".join(page.text for page in pages).encode("utf-8", "replace")
