"""How templates spell what they say again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def text(about: str, default: str | None = "") -> dict[str, Any]:
    """A parameter that is any text; without a default it must be given."""
    return {"Type": "String", "Description": about} | ({} if default is None else {"Default": default})


def number(about: str, default: float, **limits: float) -> dict[str, Any]:
    return {"Type": "Number", "Description": about, "Default": default, **limits}


def choice(about: str, *allowed: str) -> dict[str, Any]:
    """A parameter with these values, of which the first is the default."""
    return {"Type": "String", "Description": about, "AllowedValues": list(allowed), "Default": allowed[0]}


def is_given(parameter: str) -> dict[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


def when(condition: str, value: Any) -> dict[str, Any]:
    """The value where the condition holds, else nothing at all."""
    return {"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]}


def listed(parameter: str) -> dict[str, Any]:
    """What a parameter names with commas."""
    return {"Fn::Split": [",", {"Ref": parameter}]}


def attribute(resource: str, name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, name]}


def allow(actions: Sequence[str], resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resources}


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def excused(reasons: Mapping[str, str]) -> dict[str, Any]:
    """Metadata that tells the security linter why a finding is meant."""
    return {"checkov": {"skip": [{"id": check, "comment": reason} for check, reason in reasons.items()]}}
