"""API Gateway: what it answers by itself has the contract's shape, and is read by pages of the allowed origins."""

from __future__ import annotations

import json
from typing import Any

from functions.api.answering import HEADERS_OF_ALL
from functions.api.problems import MEDIA_TYPE, Problem
from infra.aws.inventory import Resources
from infra.aws.spelling import excused

# What API Gateway answers by itself, in the contract's words. Of an address that it does not know it says that a
# token is missing, or where a key was sent that its signature is incomplete: no other answer falls to the default.
REFUSALS: dict[str, tuple[str, str]] = {
    "MISSING_AUTHENTICATION_TOKEN": ("not_found", "there is no such address, or not for this method"),
    "RESOURCE_NOT_FOUND": ("not_found", "there is no such address"),
    "DEFAULT_4XX": ("not_found", "there is no such address, or not for this method"),
    "BAD_REQUEST_BODY": ("invalid_request", "the request's body can't be read"),
    "BAD_REQUEST_PARAMETERS": ("invalid_request", "the request's parameters can't be read"),
    "REQUEST_TOO_LARGE": ("too_large", "the request's body is larger than 10 MB"),
    "UNSUPPORTED_MEDIA_TYPE": ("invalid_request", "send JSON"),
    "THROTTLED": ("rate_limited", "too many requests; wait a second"),
    "QUOTA_EXCEEDED": ("rate_limited", "too many requests; wait a second"),
    "INTEGRATION_TIMEOUT": ("unavailable", "no answer came in time; ask again"),
    "INTEGRATION_FAILURE": ("unavailable", "no answer came; ask again"),
    "DEFAULT_5XX": ("unavailable", "the gateway could not answer; ask again"),
}
WAITS_S = {"rate_limited": 1, "unavailable": 5}
FIRST_ORIGIN = {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "AllowedOrigins"}]}]}
# The gateway knows one answer to a preflight: the first origin, or all of them. Another that is allowed is put in
# its place by the template's language, in which a header's name has the case that the browser gave it.
OTHER_ORIGINS = """\
#set($origin = $input.params().header.get("Origin"))
#if("$!origin" == "")#set($origin = $input.params().header.get("origin"))#end
#if(",${AllowedOrigins},".contains(",$origin,"))
#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#end
"""


def resources(stage: str) -> Resources:
    refusals = {name: _refusal(*said) for name, said in REFUSALS.items()}
    reasons = {
        "CKV_AWS_120": "Answers are one tenant's and change by the second: nothing is to be cached.",
        "CKV_AWS_76": "Access logs need a role set for the whole account; the function logs what fails.",
    }
    return {
        "RestAPI": {
            "Metadata": excused(reasons),
            "Properties": {
                "DefinitionBody": {"x-amazon-apigateway-gateway-responses": refusals},
                "TracingEnabled": True,
                "MethodSettings": [
                    {"HttpMethod": "*", "ResourcePath": "/*", "ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 400}
                ],
            },
        }
    }


def _refusal(code: str, detail: str) -> dict[str, Any]:
    """A gateway's answer. Any page may read it: it holds nothing that is somebody's."""
    problem = Problem(code, detail)
    headers = {"Content-Type": MEDIA_TYPE, "Access-Control-Allow-Origin": "*", **HEADERS_OF_ALL}
    if code in WAITS_S:
        headers |= {"Retry-After": str(WAITS_S[code]), "Access-Control-Expose-Headers": "Retry-After"}
    return {
        "statusCode": problem.status,
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        "responseTemplates": {"application/json": json.dumps(problem.body())},
    }


def allow_origins(paths: dict[str, Any]) -> None:
    """Let the answers to preflights, which Chalice writes for every origin, name the allowed ones."""
    for methods in paths.values():
        answer = methods["options"]["x-amazon-apigateway-integration"]["responses"]["default"]
        named = {"Fn::Sub": ["'${First}'", {"First": FIRST_ORIGIN}]}
        answer["responseParameters"]["method.response.header.Access-Control-Allow-Origin"] = named
        answer["responseTemplates"] = {"application/json": {"Fn::Sub": OTHER_ORIGINS}}
