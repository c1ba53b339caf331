"""Every trigger of Fairway and every route of its API, on one screen; no logic.

The routes are in `functions/api/routes.py`, the steps in `functions/pipelines.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice import Chalice, CORSConfig, Response

from functions import handlers
from functions.api.entry import respond
from functions.api.origins import READ_HEADERS, SENT_HEADERS
from functions.api.routes import ROUTES, Route
from functions.pipelines import STEPS

app = Chalice(app_name="fairway", configure_logs=False)  # Fairway configures the logger of this name itself
app.api.binary_types = []

# --- triggers ----------------------------------------------------------------------------------------


@app.on_sqs_message(queue="fairway-arrivals", batch_size=10)
def arrivals(event: Any) -> Any:
    return handlers.take_events(event.to_dict())


@app.on_sqs_message(queue="fairway-dispatch", batch_size=10)
def dispatch(event: Any) -> Any:
    return handlers.dispatch(event.to_dict())


@app.schedule("rate(1 minute)")
def upkeep(event: Any) -> Any:
    return handlers.upkeep(event.to_dict())


@app.lambda_function(name="migrate")
def migrate(event: Any, _context: Any) -> Any:
    return handlers.migrate(event)


def function_of(step: str) -> Any:
    """The Lambda function of a step, which its queue starts. Lambda finds it in this module by the step's name."""

    def function(event: Any) -> Any:
        return handlers.run_step(event.to_dict())

    function.__name__ = step
    if step in globals():
        raise ValueError(f"rename the step {step!r}: `app.py` already defines this name")
    globals()[step] = app.on_sqs_message(queue=f"fairway-{step}", batch_size=1)(function)
    return globals()[step]


# Outside of Lambda a worker polls each topic and calls its handler.
TOPICS = {"arrivals": arrivals, **{step: function_of(step) for step in STEPS}, "dispatch": dispatch}

# --- routes ------------------------------------------------------------------------------------------

CORS = CORSConfig(
    allow_origin="*",
    allow_headers=list(SENT_HEADERS),
    expose_headers=list(READ_HEADERS),
    max_age=600,
)


def view_of(route: Route) -> Callable[..., Response]:
    def view(**ids: str) -> Response:
        return Response(*respond(route, app.current_request, ids))

    return view


for route in ROUTES:
    # Every request body is read as JSON, regardless of its content type.
    app.route(route.path, methods=[route.method], cors=CORS, content_types=["*/*"])(view_of(route))
