"""A model behind any endpoint with OpenAI's chat completions API, such as vLLM, llama.cpp or OpenAI itself."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from layers.domain.errors import LIMITING, DependencyDown, PermanentError, Throttled, TransientError
from layers.domain.extraction.conversation import Question, Reply, TooLong
from layers.domain.meter import Meter
from layers.ports import AtOnce, Pace

NAME = "extraction"
CONNECT_S = 3.0
THROTTLED_S = 10.0
LONGEST_THROTTLE_S = 900.0
MOST_ANSWER_BYTES = 8 * 1024 * 1024
TOO_LONG = re.compile(r"context.{0,20}(?:length|window|size)|maximum.{0,30}tokens|too (?:long|large|many tokens)", re.I)
SCHEMA = re.compile(r"response_format|json_schema|schema", re.I)


class OpenAiModel:
    """`url` is the endpoint's base, with or without `/v1`; `key` is empty if the endpoint needs none.

    `options` are merged into every request and override its fields; null removes a field.
    """

    def __init__(
        self,
        url: str,
        key: str,
        model: str,
        *,
        timeout_s: float,
        most_answer_tokens: int,
        options: Mapping[str, Any] | None = None,
        pace: Pace | None = None,
    ) -> None:
        base = url.rstrip("/")
        self._base = base if base.endswith("/v1") else f"{base}/v1"
        self._key = key
        self._model = model
        self._timeout_s = timeout_s
        self._most_tokens = most_answer_tokens
        self._options = dict(options or {})
        self._pace = pace or AtOnce()
        self._pool: Any = None

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        """The model's answer; with `wrong`, its answer to a correction of an earlier answer.

        Raises Throttled (429); DependencyDown if the endpoint can't be reached or refuses every call (502 to 504, a
        wrong key, model or address); TransientError if this call failed (500, a timeout); TooLong; PermanentError if it
        refuses this document or this schema.
        """
        messages = [
            {"role": "system", "content": question.instructions},
            {"role": "user", "content": question.document},
        ]
        if wrong:
            reply, correction = wrong
            messages += [{"role": "assistant", "content": reply.text}, {"role": "user", "content": correction}]
        body = {
            "model": self._model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": self._most_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "record", "strict": True, "schema": question.schema},
            },
        }
        request = {name: value for name, value in (body | self._options).items() if value is not None}
        expected = question.expected_tokens
        self._pace(expected)
        answer = self._post("/chat/completions", request)
        used = answer.get("usage") or {}
        read, written = int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)
        meter.add(calls=1, input_tokens=read, output_tokens=written)
        self._pace.correct(read + written - expected if read else 0)
        return _reply(answer)

    def is_up(self) -> bool | None:
        """Whether the endpoint answers and accepts the key; None if it has no list of models."""
        status, _, _ = self._send("GET", "/models", None, 2.0)
        return None if status in (404, 405, 501) else status < 400 or status == 429

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        status, headers, content = self._send("POST", path, json.dumps(body).encode(), self._timeout_s)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status != 200:
            raise self._refusal(status, headers, answer if isinstance(answer, dict) else {})
        if not isinstance(answer, dict):
            raise TransientError("model_answer", "the model service's answer is not JSON")
        return answer

    def _send(
        self, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        import urllib3

        if self._pool is None:
            self._pool = urllib3.PoolManager(maxsize=16, retries=False)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        timeout = urllib3.Timeout(connect=CONNECT_S, read=timeout_s)
        try:
            answer = self._pool.request(
                method,
                self._base + path,
                body=body,
                headers=headers,
                timeout=timeout,
                preload_content=False,
                redirect=False,
            )
            try:
                content = answer.read(MOST_ANSWER_BYTES)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError) as error:
            # Also a host name that does not resolve.
            raise DependencyDown(NAME, f"the model service can't be reached ({type(error).__name__})") from None
        except urllib3.exceptions.TimeoutError:
            # This document may be the cause: the timeout uses up an attempt, so that it can't block its lane forever.
            raise TransientError("model_timeout", f"the model did not answer within {timeout_s:.0f} seconds") from None
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(
                "model_connection", f"the model service closed the connection ({type(error).__name__})"
            ) from None
        return answer.status, answer.headers, content

    def _refusal(self, status: int, headers: Mapping[str, str], answer: Mapping[str, Any]) -> Exception:
        error = answer.get("error")
        details = error if isinstance(error, dict) else {"message": str(error or answer.get("message") or "")}
        code, text = str(details.get("code") or ""), str(details.get("message") or "")
        if status == 429 and code != "insufficient_quota":
            has_delay = "retry-after" in {name.lower() for name in headers}
            return Throttled(
                retry_after_s(headers), f"the model service {LIMITING}", NAME, delay_from_service=has_delay
            )
        if code == "context_length_exceeded" or (status in (400, 413) and TOO_LONG.search(text)):
            return TooLong()
        if status == 400 and (SCHEMA.search(str(details.get("param") or "")) or SCHEMA.search(code)):
            return PermanentError("schema_refused", f"the model service refuses the dataset's schema: {_brief(text)}")
        if status in (500, 408, 409, 425):
            return TransientError("model_failed", f"the model service failed ({status})")
        why = {
            401: "refuses the key: check FAIRWAY_EXTRACTION_KEY",
            402: "requires payment",
            403: "does not allow this key to use the model",
            404: f"knows no model `{self._model}` at {self._base}: check FAIRWAY_EXTRACTION_MODEL and FAIRWAY_EXTRACTION_URL",
            429: "has no credit left for this key",
        }.get(status, f"refuses our requests ({status})" if status < 500 else f"is down ({status})")
        return DependencyDown(NAME, f"the model service {why}" + (f". Its message: {_brief(text)}" if text else ""))


def retry_after_s(headers: Mapping[str, str]) -> float:
    """The seconds in a Retry-After header, which is a number or a date: between 0.5 and 900, or 10 without one."""
    value = headers.get("Retry-After") or headers.get("retry-after") or ""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            seconds = THROTTLED_S
    return min(max(seconds, 0.5), LONGEST_THROTTLE_S) if seconds == seconds else THROTTLED_S


def _reply(answer: Mapping[str, Any]) -> Reply:
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content") or "", message.get("refusal")
        ended = choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise TransientError("model_answer", "the model service's answer has no message") from None
    if refusal or ended == "content_filter":
        raise PermanentError("model_refused", "the model refuses to read this document")
    if isinstance(text, list):
        text = "".join(str(part.get("text") or "") for part in text if isinstance(part, dict))
    return Reply(str(text), cut_short=ended == "length")


def _brief(text: str) -> str:
    return " ".join(text.split())[:300]
