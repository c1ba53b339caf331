"""A model on Amazon Bedrock, called by the Converse API: the answer is a call of the only tool, which has the record's
schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from layers.domain.errors import LIMITING, DependencyDown, PermanentError, Throttled, TransientError
from layers.domain.extraction.conversation import Question, Reply, TooLong
from layers.domain.meter import Meter
from layers.ports import AtOnce, Pace

NAME = "extraction"
TOOL = "give_record"
THROTTLED_S = 10.0
THROTTLED = {"ThrottlingException", "TooManyRequestsException", "ModelNotReadyException"}
FAILED = {"InternalServerException", "ModelErrorException", "ModelTimeoutException"}
TOO_LONG = re.compile(r"too long|too many (?:input )?tokens|context (?:window|length)|maximum.{0,30}tokens", re.I)
UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ProxyConnectionError",
    "SSLError",
    "EndpointProviderError",
}
NOT_SENT = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
        "TokenRetrievalError", "NoRegionError", "ParamValidationError"}  # fmt: skip


class BedrockModel:
    """`strict` makes Bedrock enforce the schema while the answer is generated; not all models support this."""

    def __init__(
        self,
        client: Callable[[], Any],
        model: str,
        *,
        most_answer_tokens: int,
        strict: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self._make_client = client
        self._model = model
        self._most_tokens = most_answer_tokens
        self._strict = strict
        self._pace = pace or AtOnce()
        self._client: Any = None

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        """The model's answer; with `wrong`, its answer to a correction of an earlier answer.

        Raises Throttled; DependencyDown if Bedrock can't be reached or refuses every call (credentials, access, an
        unknown model); TransientError if this call failed; TooLong; PermanentError if it refuses the document.
        """
        tool: dict[str, Any] = {
            "name": TOOL,
            "description": "Give the document's values.",
            "inputSchema": {"json": question.schema},
        }
        if self._strict:
            tool["strict"] = True
        expected = question.expected_tokens
        self._pace(expected)
        answer = self._converse(
            modelId=self._model,
            system=[{"text": question.instructions}],
            messages=[
                {"role": "user", "content": [{"text": question.document}]},
                *(_corrected(*wrong) if wrong else ()),
            ],
            toolConfig={"tools": [{"toolSpec": tool}], "toolChoice": {"tool": {"name": TOOL}}},
            inferenceConfig={"maxTokens": self._most_tokens, "temperature": 0.0},
        )
        used = answer.get("usage") or {}
        read, written = int(used.get("inputTokens") or 0), int(used.get("outputTokens") or 0)
        meter.add(calls=1, input_tokens=read, output_tokens=written)
        self._pace.correct(read + written - expected if read else 0)
        return _reply(answer)

    def is_up(self) -> bool | None:
        """Unknown: every call of Bedrock costs money."""
        return None

    def _converse(self, **arguments: Any) -> dict[str, Any]:
        if self._client is None:
            self._client = self._make_client()
        try:
            return self._client.converse(**arguments)  # type: ignore[no-any-return]
        except Exception as error:
            raise _as_error(error, self._model) from None


def _corrected(reply: Reply, correction: str) -> list[dict[str, Any]]:
    if not reply.call_id:
        return [
            {"role": "assistant", "content": [{"text": reply.text or "(no answer)"}]},
            {"role": "user", "content": [{"text": correction}]},
        ]
    call = {"toolUseId": reply.call_id, "name": TOOL, "input": json.loads(reply.text)}
    result = {"toolUseId": reply.call_id, "content": [{"text": correction}], "status": "error"}
    return [
        {"role": "assistant", "content": [{"toolUse": call}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]


def _reply(answer: dict[str, Any]) -> Reply:
    ended = answer.get("stopReason")
    if ended in ("guardrail_intervened", "content_filtered"):
        raise PermanentError("model_refused", "the model refuses to read this document")
    if ended == "model_context_window_exceeded":
        raise TooLong
    content = ((answer.get("output") or {}).get("message") or {}).get("content") or []
    cut_short = ended == "max_tokens"
    for part in content:
        if "toolUse" in part:
            return Reply(json.dumps(part["toolUse"].get("input")), cut_short, part["toolUse"].get("toolUseId", ""))
    return Reply("".join(part.get("text", "") for part in content), cut_short)


def _as_error(error: Exception, model: str) -> Exception:
    kind = type(error).__name__
    details = (getattr(error, "response", None) or {}).get("Error", {})
    code, text = details.get("Code", ""), " ".join(str(details.get("Message", "")).split())[:300]
    if code in THROTTLED:
        return Throttled(THROTTLED_S, f"Amazon Bedrock {LIMITING}", NAME)
    if code == "ValidationException" and TOO_LONG.search(text):
        return TooLong()
    if code in FAILED:
        return TransientError("model_failed", f"Amazon Bedrock failed ({code})")
    if code:
        return DependencyDown(NAME, f"Amazon Bedrock refuses requests for the model `{model}` ({code}: {text})")
    if kind in NOT_SENT:
        return DependencyDown(NAME, f"Amazon Bedrock can't be called: {error}")
    if kind in UNREACHABLE:
        return DependencyDown(NAME, f"Amazon Bedrock can't be reached ({kind})")
    if kind == "ReadTimeoutError":
        return TransientError("model_timeout", "the model did not answer in time")
    return TransientError("model_connection", f"Amazon Bedrock closed the connection ({kind})")
