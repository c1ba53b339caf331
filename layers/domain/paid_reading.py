"""What Amazon Textract accepts, and whether a file goes to it by one job or page by page."""

from __future__ import annotations

from layers.domain.file import File

READING = "Amazon Textract is reading the file"
# A job reads, and charges for, every page of a file: a few pages are cheaper one by one.
MOST_SINGLE_PAGES = 10
JOB_TYPES = frozenset({"application/pdf", "image/tiff"})
MOST_JOB_BYTES = 500 * 1024 * 1024
MOST_JOB_PAGES = 3000
MOST_SINGLE_BYTES = 10 * 1024 * 1024  # of an object in the store
MOST_SENT_BYTES = 5 * 1024 * 1024  # of a picture in the request
MOST_SENT_PX = 10_000


def by_one_job(file: File, wanted_pages: int) -> bool:
    """Whether so many pages of a file are read by one job over its object."""
    return (
        file.reach.reads_objects
        and file.media_type in JOB_TYPES
        and wanted_pages > MOST_SINGLE_PAGES
        and (file.page_count or 1) <= MOST_JOB_PAGES
        and (file.size_bytes or 0) <= MOST_JOB_BYTES
    )


def as_it_is(file: File) -> bool:
    """Whether Textract can read the object itself, without a picture of its page being drawn first.

    Not for pictures: a camera's picture may be stored sideways, and boxes must refer to the page as it is shown.
    """
    return (
        file.reach.reads_objects
        and file.media_type == "application/pdf"
        and file.page_count == 1
        and (file.size_bytes or 0) <= MOST_SINGLE_BYTES
    )
