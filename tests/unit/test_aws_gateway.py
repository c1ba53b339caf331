"""The responses that API Gateway sends itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.api.problems import TITLES
from infra.aws import gateway

REST_API = gateway.resources("dev")["RestAPI"]["Properties"]
RESPONSES = REST_API["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]


def headers_of(response: dict[str, Any]) -> dict[str, str]:
    start = "gatewayresponse.header."
    return {name.removeprefix(start): value.strip("'") for name, value in response["responseParameters"].items()}


@pytest.mark.parametrize("name", sorted(RESPONSES))
def test_every_error_response_is_a_problem_of_our_api(name: str) -> None:
    response = RESPONSES[name]
    body = json.loads(response["responseTemplates"]["application/json"])
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert (body["status"], body["title"]) == TITLES[body["code"]] and response["statusCode"] == body["status"]
    assert headers_of(response)["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", sorted(RESPONSES))
def test_an_error_response_has_retry_after_if_a_retry_may_help(name: str) -> None:
    response = RESPONSES[name]
    assert ("Retry-After" in headers_of(response)) == (response["statusCode"] in (429, 503))


def test_the_default_responses_are_replaced() -> None:
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(RESPONSES)


def test_an_error_response_contains_no_template_variable() -> None:
    assert not any("$" in response["responseTemplates"]["application/json"] for response in RESPONSES.values())


def test_a_preflight_names_the_first_allowed_origin_and_the_template_handles_the_others() -> None:
    origin = "method.response.header.Access-Control-Allow-Origin"
    answer: dict[str, Any] = {"responseParameters": {origin: "'*'"}}
    paths = {"/files": {"options": {"x-amazon-apigateway-integration": {"responses": {"default": answer}}}}}
    gateway.allow_origins(paths)
    assert answer["responseParameters"][origin]["Fn::Sub"][1] == {"First": gateway.FIRST_ORIGIN}
    (template,) = answer["responseTemplates"]["application/json"].values()
    assert template.count("${") == 1 and "${AllowedOrigins}" in template  # the gateway fills in the other variables
