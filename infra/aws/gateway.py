"""API Gateway: what it answers by itself has the contract's shape."""

from __future__ import annotations

import json
from typing import Any

from functions.api.problems import MEDIA_TYPE, Problem
from infra.aws.inventory import Resources
from infra.aws.spelling import excused

# What API Gateway answers by itself, in the contract's words. It knows no route: it says that a token is missing.
REFUSALS: dict[str, tuple[str, str]] = {
    "MISSING_AUTHENTICATION_TOKEN": ("not_found", "there is no such address, or not for this method"),
    "RESOURCE_NOT_FOUND": ("not_found", "there is no such address"),
    "REQUEST_TOO_LARGE": ("too_large", "the request's body is larger than 10 MB"),
    "UNSUPPORTED_MEDIA_TYPE": ("invalid_request", "send JSON"),
    "THROTTLED": ("rate_limited", "too many requests; wait a second"),
    "QUOTA_EXCEEDED": ("rate_limited", "too many requests; wait a second"),
    "INTEGRATION_TIMEOUT": ("unavailable", "no answer came in time; ask again"),
    "INTEGRATION_FAILURE": ("unavailable", "no answer came; ask again"),
    "DEFAULT_4XX": ("invalid_request", "the gateway did not take the request"),
    "DEFAULT_5XX": ("unavailable", "the gateway could not answer; ask again"),
}


def _refusal(code: str, detail: str) -> dict[str, Any]:
    problem = Problem(code, detail)
    headers = {
        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
        "gatewayresponse.header.Content-Type": f"'{MEDIA_TYPE}'",
    }
    return {
        "statusCode": problem.status,
        "responseParameters": headers,
        "responseTemplates": {"application/json": json.dumps(problem.body())},
    }


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
