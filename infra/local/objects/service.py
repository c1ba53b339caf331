"""S3's protocol for `ObjectFiles`, as an ASGI app: one versioned bucket, with the operations that Fairway uses.

It checks no signatures; `infra/local/store_filter.py` does that. Bodies are streamed in both directions in pieces of
bounded size, so memory does not depend on the size of an object.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from infra.local.asgi import Receive, Response, Scope, Send
from infra.local.objects.disk import NoSpace
from infra.local.objects.files import ObjectFiles
from infra.local.objects.index import Exists, NoUpload, Version
from infra.local.objects.listing_calls import ListingCalls
from infra.local.objects.multipart import WrongParts
from infra.local.objects.object_calls import ObjectCalls
from infra.local.objects.requests import Failure, Request
from infra.local.objects.responses import answer, answer_xml, send_failure
from infra.local.objects.upload_calls import UploadCalls


class ObjectService:
    """`on_stored` is called with each new version and awaited before the response."""

    def __init__(self, files: ObjectFiles, bucket: str, on_stored: Callable[[Version], Awaitable[None]]) -> None:
        self._bucket = bucket
        self._objects = ObjectCalls(files, on_stored)
        self._listings = ListingCalls(files, bucket)
        self._uploads = UploadCalls(files.multipart, bucket, on_stored)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = Response(send)
        try:
            request = Request(scope, receive, self._bucket)
            await self._operation(request)(request, response)
        except Exception as error:
            failure = _failure(error)
            if response.has_begun or failure is None:  # the server closes the connection, so the client notices
                raise
            await send_failure(send, failure, scope["method"])

    def _operation(self, request: Request) -> Callable[[Request, Send], Awaitable[None]]:
        query = request.query
        if not request.key:
            match request.method:
                case "HEAD":
                    return self._head_bucket
                case "POST" if "delete" in query:
                    return self._objects.delete_many
                case "GET" if "versions" in query:
                    return self._listings.versions
                case "GET" if "uploads" in query:
                    return self._uploads.list_uploads
                case "GET" if "versioning" in query:
                    return self._bucket_versioning
                case "GET" if query.get("list-type") == "2":
                    return self._listings.keys
        else:
            match request.method:
                case "GET" | "HEAD" if "uploadId" not in query:
                    return self._objects.get
                case "GET" if "uploadId" in query:
                    return self._uploads.list_parts
                case "PUT" if "uploadId" in query:
                    return self._uploads.put_part
                case "PUT" if "x-amz-copy-source" not in request.headers:
                    return self._objects.put
                case "POST" if "uploads" in query:
                    return self._uploads.begin
                case "POST" if "uploadId" in query:
                    return self._uploads.complete
                case "DELETE" if "uploadId" in query:
                    return self._uploads.abort
                case "DELETE":
                    return self._objects.delete
        raise Failure(501, "NotImplemented", "this object store does not offer this operation")

    async def _head_bucket(self, request: Request, send: Send) -> None:
        await answer(send, 200, b"")

    async def _bucket_versioning(self, request: Request, send: Send) -> None:
        await answer_xml(send, "VersioningConfiguration", [("Status", "Enabled")])


def _failure(error: Exception) -> Failure | None:
    """The failure to report for an error; None for an unexpected one."""
    match error:
        case Failure():
            return error
        case NoSpace():
            return Failure(507, "InsufficientStorage", f"the disk of the object store is full: {error}")
        case NoUpload():
            return Failure(404, "NoSuchUpload", "there is no such multipart upload")
        case Exists():
            return Failure(412, "PreconditionFailed", "the object exists already")
        case WrongParts():
            return Failure(400, "InvalidPart", str(error))
        case OSError():
            return Failure(500, "InternalError", f"the disk of the object store fails: {error.strerror}")
    return None
