"""The limits of Amazon Textract, and whether it reads a file by one job or page by page."""

from __future__ import annotations

from layers.domain.file import File

READING = "Amazon Textract is reading the file"
# A job reads and charges for every page of a file, so a few pages are cheaper one by one.
MOST_SINGLE_PAGES = 10
JOB_TYPES = frozenset({"application/pdf", "image/tiff"})
MOST_JOB_BYTES = 500 * 1024 * 1024
MOST_JOB_PAGES = 3000
MOST_SINGLE_BYTES = 10 * 1024 * 1024  # of an object in the store
MOST_SENT_BYTES = 5 * 1024 * 1024  # of a picture in the request
MOST_SENT_PX = 10_000


def reads_by_one_job(file: File, wanted_pages: int) -> bool:
    """Whether one job over the object should read the file, of which `wanted_pages` pages are needed."""
    return (
        file.reach.reads_objects
        and file.media_type in JOB_TYPES
        and wanted_pages > MOST_SINGLE_PAGES
        and (file.page_count or 1) <= MOST_JOB_PAGES
        and (file.size_bytes or 0) <= MOST_JOB_BYTES
    )


def reads_object_directly(file: File) -> bool:
    """Whether Textract can read the object directly, without a rendered picture of its page.

    Not for photos: they may be stored sideways, but boxes must refer to the page as it is shown.
    """
    return (
        file.reach.reads_objects
        and file.media_type == "application/pdf"
        and file.page_count == 1
        and (file.size_bytes or 0) <= MOST_SINGLE_BYTES
    )
