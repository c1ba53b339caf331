"""Every trigger and every route of Fairway, on one screen; no logic."""

from __future__ import annotations

from typing import Any

from chalice import Chalice, CORSConfig, Response

from functions import handlers
from functions.api import (
    batches,
    changes,
    contract,
    datasets,
    dead_letters,
    files,
    metrics,
    operations,
    overview,
    records,
    removals,
    tenants,
    uploads,
)
from functions.api.answering import answer, written

app = Chalice(app_name="fairway", configure_logs=False)  # ours is the one log, of the same name
app.api.binary_types = []
CORS = CORSConfig(
    allow_origin="*",
    allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
    expose_headers=["Retry-After", "Link", "X-Schema-Version"],
    max_age=600,
)
# Every body is JSON here, whatever its label. (Chalice, which reads this file, can follow no annotated names.)
TAKEN = {"cors": CORS, "content_types": ["*/*"]}

# --- what starts what --------------------------------------------------------------------------------


@app.on_sqs_message(queue="fairway-arrivals", batch_size=10)
def arrivals(event: Any) -> Any:
    return handlers.take_events(event.to_dict())


@app.on_sqs_message(queue="fairway-intake", batch_size=1)
def intake(event: Any) -> Any:
    return handlers.run_step(event.to_dict())


@app.on_sqs_message(queue="fairway-text", batch_size=1)
def text(event: Any) -> Any:
    return handlers.run_step(event.to_dict())


@app.on_sqs_message(queue="fairway-ocr", batch_size=1)
def ocr(event: Any) -> Any:
    return handlers.run_step(event.to_dict())


@app.on_sqs_message(queue="fairway-textract", batch_size=1)
def textract(event: Any) -> Any:
    return handlers.run_step(event.to_dict())


@app.on_sqs_message(queue="fairway-extraction", batch_size=1)
def extraction(event: Any) -> Any:
    return handlers.run_step(event.to_dict())


@app.on_sqs_message(queue="fairway-preview", batch_size=1)
def preview(event: Any) -> Any:
    return handlers.run_step(event.to_dict())


@app.on_sqs_message(queue="fairway-thumbnail", batch_size=1)
def thumbnail(event: Any) -> Any:
    return handlers.run_step(event.to_dict())


@app.on_sqs_message(queue="fairway-dispatch", batch_size=10)
def dispatch(event: Any) -> Any:
    return handlers.dispatch(event.to_dict())


@app.schedule("rate(1 minute)")
def upkeep(event: Any) -> Any:
    return handlers.upkeep(event.to_dict())


@app.lambda_function(name="migrate")
def migrate(event: Any, _context: Any) -> Any:
    return handlers.migrate(event)


# What a worker polls where there is no Lambda: each topic with its handler.
TOPICS = {
    "arrivals": arrivals,
    "intake": intake,
    "text": text,
    "ocr": ocr,
    "textract": textract,
    "extraction": extraction,
    "preview": preview,
    "thumbnail": thumbnail,
    "dispatch": dispatch,
}

# --- what can be called ------------------------------------------------------------------------------


def reply(on: dict[str, Any], **ids: str) -> Response:
    asked = app.current_request
    return Response(*written(answer(asked, on, **ids), asked.headers.get("origin", "")))


@app.route("/health", methods=["GET"], **TAKEN)
def health() -> Response:
    return reply({"GET": operations.health})


@app.route("/openapi.json", methods=["GET"], **TAKEN)
def openapi_document() -> Response:
    return reply({"GET": contract.show})


@app.route("/datasets", methods=["GET", "POST"], **TAKEN)
def all_datasets() -> Response:
    return reply({"GET": datasets.show_all, "POST": datasets.create})


@app.route("/datasets/{dataset_id}", methods=["GET", "PUT"], **TAKEN)
def one_dataset(dataset_id: str) -> Response:
    return reply({"GET": datasets.show, "PUT": datasets.change}, dataset_id=dataset_id)


@app.route("/datasets/{dataset_id}/schema", methods=["PUT"], **TAKEN)
def dataset_schema(dataset_id: str) -> Response:
    return reply({"PUT": datasets.put_schema}, dataset_id=dataset_id)


@app.route("/datasets/{dataset_id}/batches", methods=["POST"], **TAKEN)
def dataset_batches(dataset_id: str) -> Response:
    return reply({"POST": batches.create}, dataset_id=dataset_id)


@app.route("/datasets/{dataset_id}/files", methods=["GET"], **TAKEN)
def dataset_files(dataset_id: str) -> Response:
    return reply({"GET": files.show_all}, dataset_id=dataset_id)


@app.route("/datasets/{dataset_id}/records", methods=["GET"], **TAKEN)
def dataset_records(dataset_id: str) -> Response:
    return reply({"GET": records.show}, dataset_id=dataset_id)


@app.route("/datasets/{dataset_id}/changes", methods=["GET"], **TAKEN)
def dataset_changes(dataset_id: str) -> Response:
    return reply({"GET": changes.show}, dataset_id=dataset_id)


@app.route("/datasets/{dataset_id}/removals", methods=["POST"], **TAKEN)
def dataset_removals(dataset_id: str) -> Response:
    return reply({"POST": removals.remove_many}, dataset_id=dataset_id)


@app.route("/datasets/{dataset_id}/redrive", methods=["POST"], **TAKEN)
def dataset_redrive(dataset_id: str) -> Response:
    return reply({"POST": files.redrive_many}, dataset_id=dataset_id)


@app.route("/batches/{batch_id}", methods=["GET"], **TAKEN)
def one_batch(batch_id: str) -> Response:
    return reply({"GET": batches.show}, batch_id=batch_id)


@app.route("/batches/{batch_id}/files", methods=["POST"], **TAKEN)
def batch_files(batch_id: str) -> Response:
    return reply({"POST": batches.add_files}, batch_id=batch_id)


@app.route("/batches/{batch_id}/cancel", methods=["POST"], **TAKEN)
def batch_cancel(batch_id: str) -> Response:
    return reply({"POST": batches.cancel}, batch_id=batch_id)


@app.route("/files/{file_id}", methods=["GET", "DELETE"], **TAKEN)
def one_file(file_id: str) -> Response:
    return reply({"GET": files.show, "DELETE": removals.remove_file}, file_id=file_id)


@app.route("/files/{file_id}/history", methods=["GET"], **TAKEN)
def file_history(file_id: str) -> Response:
    return reply({"GET": files.history}, file_id=file_id)


@app.route("/files/{file_id}/upload", methods=["POST"], **TAKEN)
def file_upload(file_id: str) -> Response:
    return reply({"POST": uploads.renew}, file_id=file_id)


@app.route("/files/{file_id}/upload/parts", methods=["GET", "POST"], **TAKEN)
def upload_parts(file_id: str) -> Response:
    return reply({"GET": uploads.show_parts, "POST": uploads.sign_parts}, file_id=file_id)


@app.route("/files/{file_id}/upload/complete", methods=["POST"], **TAKEN)
def upload_complete(file_id: str) -> Response:
    return reply({"POST": uploads.complete}, file_id=file_id)


@app.route("/files/{file_id}/redrive", methods=["POST"], **TAKEN)
def file_redrive(file_id: str) -> Response:
    return reply({"POST": files.redrive}, file_id=file_id)


@app.route("/removals/{removal_id}", methods=["GET"], **TAKEN)
def one_removal(removal_id: str) -> Response:
    return reply({"GET": removals.show}, removal_id=removal_id)


@app.route("/removals/{removal_id}/undo", methods=["POST"], **TAKEN)
def removal_undo(removal_id: str) -> Response:
    return reply({"POST": removals.undo}, removal_id=removal_id)


@app.route("/operations", methods=["GET"], **TAKEN)
def going_on() -> Response:
    return reply({"GET": overview.show})


@app.route("/metrics", methods=["GET"], **TAKEN)
def measured() -> Response:
    return reply({"GET": metrics.show})


@app.route("/operations/tenants", methods=["GET", "POST"], **TAKEN)
def all_tenants() -> Response:
    return reply({"GET": tenants.show_all, "POST": tenants.create})


@app.route("/operations/tenants/{tenant_id}", methods=["PUT"], **TAKEN)
def one_tenant(tenant_id: str) -> Response:
    return reply({"PUT": tenants.change}, tenant_id=tenant_id)


@app.route("/operations/tenants/{tenant_id}/keys", methods=["GET", "POST"], **TAKEN)
def tenant_keys(tenant_id: str) -> Response:
    return reply({"GET": tenants.show_keys, "POST": tenants.create_key}, tenant_id=tenant_id)


@app.route("/operations/keys/{key_id}", methods=["DELETE"], **TAKEN)
def one_key(key_id: str) -> Response:
    return reply({"DELETE": tenants.revoke_key}, key_id=key_id)


@app.route("/operations/dead-letters", methods=["GET"], **TAKEN)
def all_dead_letters() -> Response:
    return reply({"GET": dead_letters.show_all})


@app.route("/operations/dead-letters/redrive", methods=["POST"], **TAKEN)
def dead_letters_redrive() -> Response:
    return reply({"POST": dead_letters.redrive})


@app.route("/operations/audit", methods=["GET"], **TAKEN)
def audit() -> Response:
    return reply({"GET": operations.audit})
