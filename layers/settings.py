"""Everything that can be set, by environment variable, with its default."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

CONFIG_PATHS = (
    Path(__file__).parent / "chalice_config.json",  # beside the code, in a deployed package
    Path(__file__).parent.parent / ".chalice" / "config.json",
)
ALLOWED = {
    "kafka_auth": ("none", "iam"),
    "textract": ("auto", "on", "off"),
    "extraction": ("rules", "openai", "bedrock"),
    "extraction_strict": ("off", "on"),
}
NEEDED = {"openai": ("extraction_url", "extraction_model"), "bedrock": ("extraction_model",)}
LEAST_WINDOW_BYTES = 2_000
# Of steps, those whose decoders are of one kind.
READ_BY, PAINTED_BY, LEAST_DECODERS = ("intake", "text", "ocr"), ("preview", "thumbnail"), 4
MOST_MODEL_S = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """One process's settings. Sizes in bytes, times in seconds."""

    stage: str = "local"
    database_url: str = ""
    database_auth: str = "password"  # or `iam`: a token of AWS in its place
    api_database_url: str = ""
    owner_database_url: str = ""  # for migrations alone
    owner_secret: str = ""  # or the secret in which RDS keeps the owner's name and password
    admin_key: str = ""  # of the tenant `operations`, seen to by migrations
    redis_url: str = ""
    redis_password: str = ""  # put into redis_url, where it is kept apart
    bucket: str = "fairway"
    queue_prefix: str = "fairway-"  # of the names of topics
    kafka_brokers: str = ""  # on Lambda: with commas, where steps take their wake-ups from Kafka in the place of SQS
    kafka_auth: str = "none"  # or `iam`: signed by AWS credentials, as MSK takes it
    aws_endpoint_url: str | None = None
    store_public_url: str | None = None
    region: str = "us-east-1"
    key_pepper: str = ""
    port: int = 8000
    allowed_origins: str = "*"
    worker_name: str = ""
    workers: int = 1  # processes that share each function's reserved concurrency
    worker_place: int = 1  # of this one among them, from 1
    max_file_bytes: int = 200 * 1024 * 1024
    kept_originals_bytes: int = 64 * 1024 * 1024  # on a worker's disk, between the steps of one file
    multipart_from_bytes: int = 64 * 1024 * 1024  # from this size on, a file is uploaded in parts
    longest_wait_s: int = 30  # how long a call for changes may be held open; 0 on Lambda, which is paid by the second
    upload_url_s: int = 3600
    upload_grace_s: int = 600
    undo_window_s: int = 7 * 24 * 3600
    quarantine_at: int = 2  # workers lost with a step before it is given up
    ocr_languages: str = "eng"  # of a dataset that names none: `eng+deu`
    known_languages: str = ""  # that a dataset may name; empty: those that are installed beside the API, or eng and deu
    second_reader: str = "auto"  # RapidOCR for doubtful pages, where it is installed; `off`: never
    clamav: str = ""  # host:port or socket of a ClamAV daemon; empty: files are not scanned for malware
    preview_url: str = ""  # a service that speaks Gotenberg's protocol
    preview_connections: int = 0  # that it bears, by all hosts together; 0: no limit of ours
    libreoffice: str = "auto"  # auto: where it is installed; off; or the folder that holds its `program`
    ocr_sure_from: int = 70  # mean confidence of a page under which it goes to Textract as well
    textract: str = "auto"  # on, off, or auto: on where Amazon's credentials and endpoint are plainly given
    textract_calls_per_s: float = 10  # what the account may ask of Textract, by all hosts together; 0: no limit of ours
    textract_endpoint_url: str | None = None
    bedrock_endpoint_url: str | None = None
    aws_profile: str = ""  # whose credentials pay for Textract and Bedrock, where the object store is not Amazon's
    extraction: str = "rules"  # rules, openai (any endpoint that speaks its chat completions) or bedrock
    extraction_url: str = ""
    extraction_key: str = ""
    extraction_model: str = ""
    extraction_window_bytes: int = 32_000  # of text that the model reads at once: about 8,000 tokens
    extraction_most_windows: int = 50  # what of a text lies beyond them is not read, and its record says so
    extraction_most_answer_tokens: int = 4096
    extraction_tokens_per_min: int = 0  # what the model takes, by all hosts together; 0: no limit of ours
    extraction_timeout_s: int = 45
    extraction_options: str = ""  # JSON that goes into every request to the endpoint
    extraction_strict: str = "off"  # on: Bedrock holds the answer to the schema, where the model can do that
    concurrency: Mapping[str, int] = field(default_factory=dict)
    on_lambda: bool = False

    @property
    def languages(self) -> list[str]:
        return self.ocr_languages.split("+")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Settings named FAIRWAY_<NAME>, and the AWS SDK's own names where it has them."""
        stage = environment.get("FAIRWAY_STAGE", "local")
        values: dict[str, Any] = {"stage": stage, "concurrency": reserved_concurrency(stage)}
        for name, given in cls.__dataclass_fields__.items():
            text = environment.get(f"FAIRWAY_{name.upper()}")
            if text is not None and name not in ("stage", "concurrency", "on_lambda"):
                values[name] = NUMBERS.get(str(given.type), _as_it_is)(f"FAIRWAY_{name.upper()}", text)
        if "AWS_LAMBDA_FUNCTION_NAME" in environment:
            values["on_lambda"] = True
            values.setdefault("kept_originals_bytes", 0)  # there each step is a machine of its own
            values.setdefault("longest_wait_s", 0)
        values["aws_endpoint_url"] = environment.get("AWS_ENDPOINT_URL") or None
        values["textract_endpoint_url"] = environment.get("AWS_ENDPOINT_URL_TEXTRACT") or None
        values["bedrock_endpoint_url"] = environment.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME") or None
        values["region"] = environment.get("AWS_DEFAULT_REGION", cls.__dataclass_fields__["region"].default)
        # Leases bear it, and a worker that starts takes back those of its own name: no two may share one.
        values["worker_name"] = (
            environment.get("FAIRWAY_WORKER")
            or environment.get("AWS_LAMBDA_LOG_STREAM_NAME")  # one a container, whose hosts and processes are all alike
            or f"{socket.gethostname()}-{os.getpid()}"
        )
        values["redis_url"] = _with_password(values.get("redis_url", ""), values.get("redis_password", ""))
        made = cls(**values)
        made._check()
        return made

    def _check(self) -> None:
        """Raises ValueError for settings that name nothing, or that belong together and don't come together."""
        for name, allowed in ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"FAIRWAY_{name.upper()} must be one of {', '.join(allowed)}")
        for name in NEEDED.get(self.extraction, ()):
            if not getattr(self, name):
                raise ValueError(f"FAIRWAY_EXTRACTION={self.extraction} needs FAIRWAY_{name.upper()}")
        if self.kafka_brokers and not self.on_lambda:
            raise ValueError("FAIRWAY_KAFKA_BROKERS is for Lambda alone: a worker takes wake-ups from queues")
        if self.extraction_window_bytes < LEAST_WINDOW_BYTES:
            raise ValueError(f"FAIRWAY_EXTRACTION_WINDOW_BYTES must be at least {LEAST_WINDOW_BYTES}")
        if self.extraction_timeout_s > MOST_MODEL_S:
            raise ValueError(f"FAIRWAY_EXTRACTION_TIMEOUT_S must be at most {MOST_MODEL_S}: a step may ask twice")
        if self.quarantine_at < 1:
            raise ValueError("FAIRWAY_QUARANTINE_AT must be at least 1")
        if self.extraction_options and not isinstance(_json(self.extraction_options), dict):
            raise ValueError("FAIRWAY_EXTRACTION_OPTIONS must be a JSON object")

    @property
    def processes(self) -> int:
        """How many processes may be at work at once, by all that is known: each spends as little alone."""
        return max(self.workers, sum(self.concurrency.values()) if self.on_lambda else 1)

    @property
    def decoders_at_once(self) -> int:
        """Of one kind in this process: one for each thread that may want it, so that no step waits for what takes long
        in another."""
        threads = [
            sum(math.ceil(self.concurrency.get(step, 1) / self.workers) for step in kind)
            for kind in (READ_BY, PAINTED_BY)
        ]
        return max(LEAST_DECODERS, *threads)

    @property
    def model_options(self) -> dict[str, Any]:
        return dict(_json(self.extraction_options) or {})


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _with_password(url: str, password: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}://:{quote(password, safe='')}@{rest}" if separator and password and "@" not in rest else url


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} must be a whole number, not `{text}`") from None


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a number from 0 on, not `{text}`")
    return number


def _as_it_is(_name: str, text: str) -> str:
    return text


NUMBERS: Mapping[str, Callable[[str, str], Any]] = {"int": _whole_number, "float": _number}


def reserved_concurrency(stage: str) -> dict[str, int]:
    """How many of each function may run at once in a stage: `.chalice/config.json` is the one place for it."""
    path = next((path for path in CONFIG_PATHS if path.exists()), None)
    if path is None:
        return {}
    functions = json.loads(path.read_text())["stages"].get(stage, {}).get("lambda_functions", {})
    return {name: one["reserved_concurrency"] for name, one in functions.items() if "reserved_concurrency" in one}
