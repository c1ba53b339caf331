"""The response shapes for people at a page: sessions."""

from __future__ import annotations

from functions.api.json_schema import BOOLEAN, COUNT, ID, TEXT, TIME, Schema, each, object_of, one_of, or_null
from functions.api.requests import ROLES

ONE_TIME_CODE = or_null(TEXT) | {"description": "null in the response to a repeated Idempotency-Key"}

PEOPLE_SHAPES: dict[str, Schema] = {
    "Me": object_of(
        tenant=object_of(id=ID, name=TEXT),
        role=one_of(*ROLES),
        name=or_null(TEXT) | {"description": "of the session's person"},
        expires_at=or_null(TIME) | {"description": "when the session ends; null for other keys"},
        limits=object_of(
            max_file_bytes=COUNT,
            multipart_from_bytes=COUNT | {"description": "files of at least this size are uploaded in parts"},
            files_a_call=COUNT,
            undo_window_s=COUNT,
        ),
        reads=object_of(
            ocr=BOOLEAN,
            languages=each(TEXT),
            textract=BOOLEAN,
            extraction=TEXT | {"description": "`rules`, or the kind of language model"},
        ),
    ),
    "SessionCode": object_of(code=ONE_TIME_CODE, role=one_of(*ROLES), expires_at=TIME),
    "Session": object_of(api_key=TEXT, role=one_of(*ROLES), expires_at=TIME),
    "EndedSession": object_of(ended_at=TIME),
}
