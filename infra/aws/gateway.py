"""API Gateway: its own error responses, in the shape of our API's problems, and its CORS headers."""

from __future__ import annotations

import json
from typing import Any

from functions.api.answering import COMMON_HEADERS
from functions.api.problems import MEDIA_TYPE, Problem
from infra.aws.expressions import skip_checks
from infra.aws.inventory import Resources

# The error responses of API Gateway: code and detail of the problem. For an unknown path, the gateway's response is
# MISSING_AUTHENTICATION_TOKEN, or DEFAULT_4XX (an incomplete signature) if the request has an Authorization header.
ERRORS: dict[str, tuple[str, str]] = {
    "MISSING_AUTHENTICATION_TOKEN": ("not_found", "this path does not exist, or does not allow this method"),
    "RESOURCE_NOT_FOUND": ("not_found", "this path does not exist"),
    "DEFAULT_4XX": ("not_found", "this path does not exist, or does not allow this method"),
    "BAD_REQUEST_BODY": ("invalid_request", "the request's body can't be read"),
    "BAD_REQUEST_PARAMETERS": ("invalid_request", "the request's parameters can't be read"),
    "REQUEST_TOO_LARGE": ("too_large", "the request's body is larger than 10 MB"),
    "UNSUPPORTED_MEDIA_TYPE": ("invalid_request", "the request's body must be JSON"),
    "THROTTLED": ("rate_limited", "too many requests; wait a second"),
    "QUOTA_EXCEEDED": ("rate_limited", "too many requests; wait a second"),
    "INTEGRATION_TIMEOUT": ("unavailable", "the request timed out; try again"),
    "INTEGRATION_FAILURE": ("unavailable", "the API did not respond; try again"),
    "DEFAULT_5XX": ("unavailable", "the gateway failed; try again"),
}
RETRY_AFTER_S = {"rate_limited": 1, "unavailable": 5}
FIRST_ORIGIN = {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "AllowedOrigins"}]}]}
# The gateway's response to a preflight is static: it names the first origin. This template (in Velocity) replaces it
# by the request's origin if that is allowed. The names of headers have the case that the browser sent.
OTHER_ORIGINS = """\
#set($origin = $input.params().header.get("Origin"))
#if("$!origin" == "")#set($origin = $input.params().header.get("origin"))#end
#if(",${AllowedOrigins},".contains(",$origin,"))
#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#end
"""


def resources(stage: str) -> Resources:
    errors = {name: _error(code, detail) for name, (code, detail) in ERRORS.items()}
    reasons = {
        "CKV_AWS_120": "Responses belong to one tenant and change every second, so they are not cached.",
        "CKV_AWS_76": "Access logs need a role that is set for the whole account; the function logs errors.",
    }
    return {
        "RestAPI": {
            "Metadata": skip_checks(reasons),
            "Properties": {
                "DefinitionBody": {"x-amazon-apigateway-gateway-responses": errors},
                "TracingEnabled": True,
                "MethodSettings": [
                    {"HttpMethod": "*", "ResourcePath": "/*", "ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 400}
                ],
            },
        }
    }


def _error(code: str, detail: str) -> dict[str, Any]:
    """One gateway response. Pages of all origins may read it, because it contains no data of a tenant."""
    problem = Problem(code, detail)
    headers = {"Content-Type": MEDIA_TYPE, "Access-Control-Allow-Origin": "*", **COMMON_HEADERS}
    if code in RETRY_AFTER_S:
        headers |= {"Retry-After": str(RETRY_AFTER_S[code]), "Access-Control-Expose-Headers": "Retry-After"}
    return {
        "statusCode": problem.status,
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        "responseTemplates": {"application/json": json.dumps(problem.body())},
    }


def allow_origins(paths: dict[str, Any]) -> None:
    """Make the responses to preflights name the allowed origins. Chalice's own allow every origin."""
    for methods in paths.values():
        response = methods["options"]["x-amazon-apigateway-integration"]["responses"]["default"]
        origin = {"Fn::Sub": ["'${First}'", {"First": FIRST_ORIGIN}]}
        response["responseParameters"]["method.response.header.Access-Control-Allow-Origin"] = origin
        response["responseTemplates"] = {"application/json": {"Fn::Sub": OTHER_ORIGINS}}
