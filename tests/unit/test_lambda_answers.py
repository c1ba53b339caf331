"""The API's responses to API Gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import app
from functions.api.answering import as_text, encode
from functions.api.requests import Response
from layers import bootstrap

ROOT = Path(__file__).parent.parent.parent


def event(method: str, path: str) -> dict[str, object]:
    """A request as API Gateway passes it to a function."""
    return {
        "requestContext": {"httpMethod": method, "resourcePath": path, "identity": {"sourceIp": "192.0.2.1"}},
        "headers": {"accept": "*/*", "content-type": "application/x-www-form-urlencoded"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }


def test_a_response_can_be_encoded_as_json_by_lambda() -> None:
    response = app.app(event("GET", "/openapi.json"), None)
    assert response["statusCode"] == 200
    assert json.loads(json.loads(json.dumps(response))["body"])["openapi"].startswith("3.1")


def test_the_api_starts_without_modules_that_only_one_step_or_route_needs() -> None:
    heavy = {"boto3", "botocore", "redis", "jsonschema", "urllib3", "PIL", "office_oxide", "arro3", "pypdfium2", "pytesseract",
             "aws_lambda_powertools", "functions.api.openapi", "http.client", "confluent_kafka"}  # fmt: skip
    program = f"import app, sys; print(*sorted(set(sys.modules) & {heavy!r}))"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        ("*", "https://any.example", "*"),
        ("https://a.example", "https://a.example", "https://a.example"),
        ("https://a.example, https://b.example", "https://b.example", "https://b.example"),
        ("https://a.example,https://b.example", "https://c.example", "https://a.example"),
        ("https://a.example", "", "https://a.example"),
    ],
)
def test_a_response_allows_pages_of_the_allowed_origins(
    monkeypatch: pytest.MonkeyPatch, allowed: str, origin: str, expected: str
) -> None:
    monkeypatch.setenv("FAIRWAY_ALLOWED_ORIGINS", allowed)
    bootstrap.forget()
    request = event("GET", "/openapi.json")
    request["headers"] = {"Origin": origin}
    response = app.app(request, None)
    bootstrap.forget()
    headers = {name: value for name, (value,) in response["multiValueHeaders"].items()} | response["headers"]
    assert headers["Access-Control-Allow-Origin"] == expected
    assert (headers.get("Vary") == "Origin") == (allowed != "*")


def test_wrong_settings_are_answered_with_problem_details(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRWAY_PORT", "none")
    bootstrap.forget()
    response = app.app(event("GET", "/datasets"), None)
    bootstrap.forget()
    assert (response["statusCode"], json.loads(response["body"])["code"]) == (500, "internal_error")


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert as_text(Response(200, {"name": "ä\ud83d"})) == '{"name":"ä?"}'


@pytest.mark.parametrize(("on_lambda", "status"), [("", 200), ("api_handler", 413)])
def test_a_response_that_is_too_large_for_lambda_becomes_a_problem_there(
    monkeypatch: pytest.MonkeyPatch, on_lambda: str, status: int
) -> None:
    if on_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", on_lambda)
    bootstrap.forget()
    text, headers, response = encode(Response(200, {"text": "ä" * 3_000_000}), "", bootstrap.settings)
    bootstrap.forget()
    assert response == status
    assert len(text.encode()) < 6_000_000 or not on_lambda
    assert headers["Cache-Control"] == "no-store"


def test_a_log_event_is_one_line_on_lambda() -> None:
    program = "import app; from layers.telemetry.log import log; log('attempt_like', step='ocr')"
    environment = {"PATH": os.defpath, "AWS_LAMBDA_FUNCTION_NAME": "ocr", "AWS_DEFAULT_REGION": "us-east-1"}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = (ran.stdout + ran.stderr).splitlines()
    assert json.loads(line)["step"] == "ocr"
