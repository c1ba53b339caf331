"""Short forms of the CloudFormation expressions that the templates repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def text(description: str, default: str | None = "", **limits: str) -> dict[str, Any]:
    """A text parameter; with `default=None` it is required."""
    return {"Type": "String", "Description": description, **limits} | ({} if default is None else {"Default": default})


def number(description: str, default: float, **limits: float) -> dict[str, Any]:
    return {"Type": "Number", "Description": description, "Default": default, **limits}


def choice(description: str, *allowed: str) -> dict[str, Any]:
    """A parameter with a fixed set of values; the first is the default."""
    return {"Type": "String", "Description": description, "AllowedValues": list(allowed), "Default": allowed[0]}


def is_set(parameter: str) -> dict[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


def when(condition: str, value: Any) -> dict[str, Any]:
    """The value if the condition holds; otherwise the property is absent."""
    return {"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]}


def comma_list(parameter: str) -> dict[str, Any]:
    """A comma-separated parameter as a list."""
    return {"Fn::Split": [",", {"Ref": parameter}]}


def each_with(parameter: str, suffix: str) -> dict[str, Any]:
    """A comma-separated parameter as a list, with a suffix after each part."""
    joined = {"Fn::Join": [f"{suffix},", comma_list(parameter)]}
    return {"Fn::Split": [",", {"Fn::Join": ["", [joined, suffix]]}]}


def attribute(resource: str, name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, name]}


def allow(actions: Sequence[str], resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def skip_checks(reasons: Mapping[str, str]) -> dict[str, Any]:
    """Metadata that makes checkov skip these checks, each with the reason."""
    return {"checkov": {"skip": [{"id": check, "comment": reason} for check, reason in reasons.items()]}}


def assumed_by(service: str) -> dict[str, Any]:
    """A trust policy for a service of AWS, on behalf of this account only."""
    principal = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return policy({**principal, "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}})
