"""A stand-in for a language model: OpenAI's chat completions and Amazon Bedrock's Converse, answered by the built-in
rules.

`python -m tests.standins.model --port 4600`, then FAIRWAY_EXTRACTION=openai FAIRWAY_EXTRACTION_MODEL=any
FAIRWAY_EXTRACTION_URL=http://127.0.0.1:4600, or FAIRWAY_EXTRACTION=bedrock and
AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:4600. It has the settings of every stand-in
(`tests/standins/server.py`); `always` and `next` may be:
- `right`: what the rules find in the text between the marks; all other properties are null
- `wrong`: values of the right type that no text shows; `misfit`: values of the wrong types; `prose`: no JSON at all
- `truncated`: the right answer, cut short in the middle; `refused`: the model refuses to answer
- `obeys`: it follows the document's `Answer with:` and JSON, as text or in hexadecimal digits
- `429` (with `retry_after`), `500`, `502`, `503`, `401`, `403`, `404`, `400`, `too_long`, `no_credit`, `hang_up`
- {"fields": {...}}: exactly these values
Documents longer than `window_bytes` are refused as too long; 0 is no limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from layers.domain.extraction.rules import extract
from layers.domain.page import Page
from tests.standins.server import Answer, Served, Settings, Standin, main

BEDROCK = {
    "429": (429, "ThrottlingException"), "500": (500, "InternalServerException"), "502": (502, "BadGateway"),
    "503": (503, "ServiceUnavailableException"), "401": (403, "UnrecognizedClientException"),
    "403": (403, "AccessDeniedException"), "404": (404, "ResourceNotFoundException"),
    "400": (400, "ValidationException"), "too_long": (400, "ValidationException"),
    "no_credit": (402, "PaymentRequired"),
}  # fmt: skip
TOO_LONG = "Input is too long for requested model."
WRONG = {"string": "invented", "number": 987654.32, "integer": 987654, "boolean": True}
MISFIT = {"string": 12, "number": "a lot", "integer": "many", "boolean": "perhaps", "array": "some"}


@dataclass
class ModelSettings(Settings):
    retry_after: str = "7"
    window_bytes: int = 0
    key: str = ""  # if set, calls with another key are refused


@dataclass
class Question:
    """The content of a call, of either protocol."""

    instructions: str
    document: str
    schema: dict[str, Any]
    corrections: list[str]


class Model(Standin):
    settings_type = ModelSettings
    settings: ModelSettings

    def is_probe(self, method: str, path: str, body: bytes) -> bool:
        return path.endswith("/models")

    def throttled(self) -> Answer:
        return Answer(429, {"error": {"message": "slow down"}}, {"Retry-After": self.settings.retry_after})

    def answer(self, due: Any, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        of_bedrock = path.startswith("/model/")
        with self.lock:
            self.counts["converse" if of_bedrock else path.rsplit("/", 1)[-1]] += 1
        if of_bedrock and "AWS4-HMAC-SHA256" not in (headers.get("Authorization") or ""):
            return _of_bedrock(403, "MissingAuthenticationTokenException", "the call is not signed")
        if not of_bedrock and self.settings.key and headers.get("Authorization") != f"Bearer {self.settings.key}":
            due = "401"
        if isinstance(due, str) and due in BEDROCK:
            return self._refusal(due, of_bedrock)
        if path.endswith("/models"):
            return Answer(200, {"object": "list", "data": [{"id": "stand-in", "object": "model"}]})
        question = _of_converse(json.loads(body)) if of_bedrock else _of_completions(json.loads(body))
        with self.lock:
            self.asked.append((path, vars(question)))
        if self.settings.window_bytes and len(question.document.encode()) > self.settings.window_bytes:
            return self._refusal("too_long", of_bedrock)
        text, ended = self._answer_text(due, question)
        tokens = len(question.instructions + question.document) // 4, len(text) // 4
        with self.lock:
            self.counts["input_tokens"] += tokens[0]
            self.counts["output_tokens"] += tokens[1]
        return _converse(text, ended, *tokens) if of_bedrock else _completion(text, ended, *tokens)

    def _answer_text(self, due: Any, question: Question) -> tuple[str, str]:
        if isinstance(due, dict):
            return json.dumps(_complete(due["fields"], question.schema)), "end"
        if due == "wrong":
            return json.dumps({n: _made_up(shape) for n, shape in question.schema["properties"].items()}), "end"
        if due == "misfit":
            return json.dumps({n: MISFIT[_kind(shape)] for n, shape in question.schema["properties"].items()}), "end"
        if due == "prose":
            return "I am happy to help you with that.", "end"
        if due == "obeys" and (ordered := re.search(r"Answer with: ?(\{.*\}|[0-9a-f]+)", question.document)):
            return ordered[1] if ordered[1][0] == "{" else bytes.fromhex(ordered[1]).decode(), "end"
        if due == "refused":
            return "", "refused"
        right = json.dumps(_complete(_read(question), question.schema))
        return (right[: len(right) // 2], "cut") if due == "truncated" else (right, "end")

    def _refusal(self, due: str, of_bedrock: bool) -> Answer:
        status, code = BEDROCK[due]
        text = TOO_LONG if due == "too_long" else f"as configured: {due}"
        if of_bedrock:
            return _of_bedrock(status, code, text)
        error = {"message": text, "type": "error", "code": None, "param": None}
        if due == "too_long":
            error |= {"code": "context_length_exceeded"}
        if due == "no_credit":
            return Answer(429, {"error": error | {"code": "insufficient_quota"}})
        headers = {"Retry-After": self.settings.retry_after} if due == "429" else {}
        return Answer(400 if due == "too_long" else int(due), {"error": error}, headers)


def _of_completions(body: dict[str, Any]) -> Question:
    form = body["response_format"]
    assert form["type"] == "json_schema" and form["json_schema"]["strict"] is True
    system, user, *rest = body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    corrections = [message["content"] for message in rest if message["role"] == "user"]
    return Question(system["content"], user["content"], form["json_schema"]["schema"], corrections)


def _of_converse(body: dict[str, Any]) -> Question:
    (tool,) = body["toolConfig"]["tools"]
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": tool["toolSpec"]["name"]}}
    user, *rest = body["messages"]
    corrections = []
    for message in rest:
        for part in message["content"] if message["role"] == "user" else ():
            result = part.get("toolResult")
            corrections += [inner["text"] for inner in result["content"]] if result else [part["text"]]
    schema = tool["toolSpec"]["inputSchema"]["json"]
    return Question(body["system"][0]["text"], user["content"][0]["text"], schema, corrections)


def _read(question: Question) -> dict[str, Any]:
    """What the built-in rules find in the document, without its marks and the lines that number its pages."""
    lines = question.document.splitlines()[1:-1]
    text = "\n".join(line for line in lines if not re.fullmatch(r"\[page \d+\]", line))
    schema = {"properties": {n: {**shape, "type": _kind(shape)} for n, shape in question.schema["properties"].items()}}
    for name, shape in schema["properties"].items():
        if "YYYY-MM-DD" in shape.get("description", ""):
            schema["properties"][name] = {**shape, "format": "date"}
        if shape.get("enum"):
            shape["enum"] = [value for value in shape["enum"] if value is not None]
    return extract([Page(1, text, (), "native", 100.0)], schema).fields


def _complete(fields: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    empty = {n: [] if _kind(shape) == "array" else None for n, shape in schema["properties"].items()}
    return {**empty, **fields}


def _made_up(schema: dict[str, Any]) -> Any:
    kind = _kind(schema)
    if schema.get("enum"):
        return schema["enum"][0]
    if kind == "array":
        return [_made_up(schema["items"])]
    if kind == "object":
        return {name: _made_up(shape) for name, shape in schema["properties"].items()}
    return "1901-02-03" if "YYYY-MM-DD" in schema.get("description", "") else WRONG[kind]


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object")
    return str(kind if isinstance(kind, str) else next(word for word in kind if word != "null"))


def _completion(text: str, ended: str, read: int, written: int) -> Answer:
    message = {"role": "assistant", "content": text or None, "refusal": "no" if ended == "refused" else None}
    reason = {"cut": "length", "refused": "stop", "end": "stop"}[ended]
    usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return Answer(200, {"id": "chat-1", "object": "chat.completion", "choices": [choice], "usage": usage})


def _converse(text: str, ended: str, read: int, written: int) -> Answer:
    try:
        content = [{"toolUse": {"toolUseId": "use-1", "name": "give_record", "input": json.loads(text)}}]
        reason = "tool_use"
    except ValueError:
        content, reason = [{"text": text}], "end_turn"
    reason = {"cut": "max_tokens", "refused": "guardrail_intervened", "end": reason}[ended]
    body = {
        "output": {"message": {"role": "assistant", "content": content if text else []}},
        "stopReason": reason,
        "usage": {"inputTokens": read, "outputTokens": written, "totalTokens": read + written},
        "metrics": {"latencyMs": 1},
    }
    return Answer(200, body)


def _of_bedrock(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"message": message}, {"x-amzn-ErrorType": code})


def served(**settings: Any) -> Served:
    """A running stand-in with these settings; the block gets its address."""
    return Served(Model(**settings))


if __name__ == "__main__":
    main(Model(), "A stand-in for a language model.")
