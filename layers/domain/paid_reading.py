"""What Amazon Textract takes, and in which way a file is best handed to it."""

from __future__ import annotations

from layers.domain.file import File

READING = "Amazon Textract is reading the file"
# A job reads, and is paid for, every page of a file: pages that are few are better handed over one by one.
MOST_SINGLE_PAGES = 10
JOB_TYPES = frozenset({"application/pdf", "image/tiff"})
MOST_JOB_BYTES = 500 * 1024 * 1024
MOST_JOB_PAGES = 3000
MOST_SINGLE_BYTES = 10 * 1024 * 1024  # of an object in the store
MOST_SENT_BYTES = 5 * 1024 * 1024  # of a picture that is sent in the request
MOST_SENT_PX = 10_000


def by_one_job(file: File, wanted_pages: int) -> bool:
    """Whether so many pages of a file are read by one job over its object, whatever parts its step has."""
    return (
        file.reach.reads_objects
        and file.media_type in JOB_TYPES
        and wanted_pages > MOST_SINGLE_PAGES
        and (file.page_count or 1) <= MOST_JOB_PAGES
        and (file.size_bytes or 0) <= MOST_JOB_BYTES
    )


def as_it_is(file: File) -> bool:
    """Whether the object itself can be read at once, without drawing its page first.

    Pictures are not among these: a camera's may lie on their side, and places on the page must be those of the
    page as it is shown.
    """
    return (
        file.reach.reads_objects
        and file.media_type == "application/pdf"
        and file.page_count == 1
        and (file.size_bytes or 0) <= MOST_SINGLE_BYTES
    )
