"""The shapes of the API's responses, as JSON Schema."""

from __future__ import annotations

from functions.api.file_shapes import FILE_SHAPES
from functions.api.json_schema import OBJECT, TEXT, TIME, Schema, by_name, each, object_of, one_of, or_null, ref
from functions.api.operation_shapes import OPERATION_SHAPES
from functions.api.people_shapes import PEOPLE_SHAPES
from functions.api.problems import TITLES
from functions.api.webhook_shapes import WEBHOOK_SHAPES
from layers.domain.breaker import Mode

SHAPES: dict[str, Schema] = {
    "Problem": object_of(
        {"errors": each(object_of(pointer=TEXT, detail=TEXT)) | {"description": "the invalid parts of the input"}},
        type={"type": "string", "format": "uri-reference"},
        title=TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail=TEXT,
        code=one_of(*TITLES),
    ),
    "Health": object_of(
        status=one_of("ok", "degraded"),
        dependencies=by_name(
            object_of({"detail": TEXT, "breaker": ref("Breaker")}, state=one_of("up", "down", "unknown"))
        ),
    ),
    "Breaker": object_of(state=one_of(*Mode), next_probe_at=or_null(TIME), reason=or_null(TEXT)),
    **PEOPLE_SHAPES,
    **FILE_SHAPES,
    **OPERATION_SHAPES,
    **WEBHOOK_SHAPES,
    "Contract": OBJECT | {"description": "an OpenAPI 3.1 document"},
}
