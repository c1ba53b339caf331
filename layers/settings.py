"""Everything that can be set by environment variable: `python -m layers.settings > docs/configuration.md` lists it."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

CONFIG_PATHS = (
    Path(__file__).parent / "chalice_config.json",  # in a deployed package
    Path(__file__).parent.parent / ".chalice" / "config.json",
)
REQUIRED_WITH = {"openai": ("extraction_url", "extraction_model"), "bedrock": ("extraction_model",)}
MIN_WINDOW_BYTES = 2_000
MAX_MODEL_S = 50

GENERAL = "General"
DATABASE = "Database"
REDIS = "Redis"
STORE = "Object store and queues"
UPLOADS = "Uploads and removal"
PROCESSING = "Workers and processing"
OCR = "OCR"
TEXTRACT = "Amazon Textract"
EXTRACTION = "Extraction"
PREVIEWS = "Previews"
EMBEDDED = "Embedded start"


def setting(
    default: Any,
    meaning: str,
    *,
    group: str,
    unit: str = "",
    variable: str = "",
    choices: tuple[str, ...] = (),
    shown_default: str = "",
) -> Any:
    """A field of `Settings` with what docs/configuration.md says about it.

    `variable` is given where it is not FAIRWAY_<NAME>; `shown_default` where the default is computed.
    """
    about = {
        "meaning": meaning,
        "group": group,
        "unit": unit,
        "variable": variable,
        "choices": choices,
        "shown_default": shown_default,
    }
    return field(default=default, metadata=about)


@dataclass(frozen=True, slots=True)
class Settings:
    """One process's settings. Sizes in bytes, times in seconds."""

    stage: str = setting(
        "", "The stage in `.chalice/config.json`: how many of each step run at once on Lambda, and at most on all "
        "workers together. Empty: workers run as many as they have slots for.",
        group=GENERAL, shown_default="`local` with `make run`, else none",
    )  # fmt: skip
    host: str = setting(
        "127.0.0.1", "The address that the API listens on: `0.0.0.0` for all of IPv4, `::` for all. `make run` always "
        "uses the default.",
        group=GENERAL,
    )  # fmt: skip
    port: int = setting(8000, "The port of the API; 0 picks a free one.", group=GENERAL)
    allowed_origins: str = setting(
        "*", "The origins that browsers may call the API from (CORS), with commas.", group=GENERAL
    )
    key_pepper: str = setting("", "The secret with which API keys are hashed.", group=GENERAL)
    admin_key: str = setting(
        "", "The key of an admin of the tenant `operations`, which migrations create.", group=GENERAL
    )
    region: str = setting("us-east-1", "The AWS region.", group=GENERAL, variable="AWS_DEFAULT_REGION")
    aws_profile: str = setting(
        "", "The AWS profile for Textract and Bedrock where the object store is not Amazon's.", group=GENERAL
    )

    database_url: str = setting(
        "", "PostgreSQL 14 or newer, as the workers' role. Parameters of libpq such as `?sslmode=verify-full` apply, in "
        "all three URLs.",
        group=DATABASE,
    )  # fmt: skip
    api_database_url: str = setting(
        "", "PostgreSQL, as the API's role.", group=DATABASE, shown_default="`FAIRWAY_DATABASE_URL`"
    )
    owner_database_url: str = setting("", "PostgreSQL, as the owner of all tables; for migrations.", group=DATABASE)
    owner_secret: str = setting(
        "", "The secret in Secrets Manager that holds the owner's name and password, in place of the URL.",
        group=DATABASE,
    )  # fmt: skip
    database_auth: str = setting(
        "password", "`iam`: log in with a token of AWS in place of the password.", group=DATABASE,
        choices=("password", "iam"),
    )  # fmt: skip
    database_pooler: str = setting(
        "none", "`transaction`: the URLs lead to a pooler that gives each transaction another connection, such as "
        "pgbouncer. Statements are then not prepared by name.",
        group=DATABASE, choices=("none", "transaction"),
    )  # fmt: skip

    redis_url: str = setting(
        "", "Redis or Valkey. Empty: workers poll, and each process has breakers and budgets of its own.", group=REDIS
    )
    redis_password: str = setting("", "The password, where the URL has none.", group=REDIS)

    bucket: str = setting("fairway", "The bucket of all files.", group=STORE)
    artifact_bucket: str = setting(
        "", "A bucket of their own for text, previews and thumbnails. A store that reports all new objects of a bucket "
        "then reports originals only. It is set before the first upload: artifacts are not moved.",
        group=STORE, shown_default="`FAIRWAY_BUCKET`",
    )  # fmt: skip
    aws_endpoint_url: str | None = setting(
        None, "An object store with queues that is not Amazon's.", group=STORE, variable="AWS_ENDPOINT_URL"
    )
    aws_endpoint_url_s3: str | None = setting(
        None, "An object store that is not Amazon's, where queues are elsewhere.", group=STORE,
        variable="AWS_ENDPOINT_URL_S3", shown_default="`AWS_ENDPOINT_URL`",
    )  # fmt: skip
    store_addressing: str = setting(
        "auto", "Whether the bucket is named in the `path` of URLs or in the host name (`virtual`). `auto`: in the path "
        "where the store is not Amazon's.",
        group=STORE, choices=("auto", "path", "virtual"),
    )  # fmt: skip
    store_public_url: str | None = setting(
        None, "The address of the object store in presigned URLs.", group=STORE,
        shown_default="`AWS_ENDPOINT_URL_S3`, else Amazon S3",
    )  # fmt: skip
    queue_prefix: str = setting("fairway-", "How the names of queues and Kafka topics begin.", group=STORE)
    kafka_brokers: str = setting(
        "", "Kafka brokers with commas; on Lambda, steps then get their messages from Kafka instead of SQS.",
        group=STORE,
    )  # fmt: skip
    kafka_auth: str = setting(
        "none", "`iam`: sign with AWS credentials, for MSK.", group=STORE, choices=("none", "iam")
    )

    max_file_bytes: int = setting(200 * 1024 * 1024, "The largest file that is accepted.", group=UPLOADS, unit="bytes")
    multipart_from_bytes: int = setting(
        64 * 1024 * 1024, "Files of this size or more are uploaded in parts.", group=UPLOADS, unit="bytes"
    )
    upload_url_s: int = setting(3600, "How long an upload URL is valid.", group=UPLOADS, unit="seconds")
    upload_grace_s: int = setting(
        600,
        "How long after the URL has expired an upload may still arrive before its file fails.",
        group=UPLOADS,
        unit="seconds",
    )
    undo_window_s: int = setting(
        7 * 24 * 3600, "How long a removal can be undone; 0 erases at once.", group=UPLOADS, unit="seconds"
    )
    longest_wait_s: int = setting(
        30, "How long a call for changes is held open at most; 0 on Lambda unless set.", group=UPLOADS, unit="seconds"
    )
    clamav: str = setting(
        "", "`host:port` or socket of a ClamAV daemon that scans each file at intake. An infected file fails as "
        "`infected`, and its original can't be downloaded. Empty: no scan.",
        group=UPLOADS,
    )  # fmt: skip

    worker_name: str = setting(
        "", "The name of this process in leases. No two processes may have the same.", group=PROCESSING,
        variable="FAIRWAY_WORKER", shown_default="host name and process id; on Lambda the log stream",
    )  # fmt: skip
    steps: str = setting(
        "", "The steps that this worker runs, with commas, and how many parts of each at once: `ocr=4,thumbnail`. A "
        "step without a number runs as many as it declares for a worker. Empty: all steps. A worker that runs `intake` "
        "also takes arrivals.",
        group=PROCESSING,
    )  # fmt: skip
    drain_s: float = setting(
        8, "How long a worker that is stopped may go on with what it runs. What has not ended by then is requeued, "
        "without spending an attempt.",
        group=PROCESSING, unit="seconds",
    )  # fmt: skip
    target_s: float = setting(
        60, "How long the backlog of a step may take. The metric `fairway_needed_workers` follows from it.",
        group=PROCESSING, unit="seconds",
    )  # fmt: skip
    quarantine_at: int = setting(
        2, "How many workers may be lost while they run a step before it fails as `quarantined`.", group=PROCESSING
    )
    kept_originals_bytes: int = setting(
        64 * 1024 * 1024, "The size of the file cache on a worker's disk, which spares the steps of one file a "
        "download each; 0 on Lambda unless set.",
        group=PROCESSING, unit="bytes",
    )  # fmt: skip

    ocr_languages: str = setting(
        "eng", "The languages of a dataset that names none, such as `eng+deu`. A dataset names its own by "
        "`\"languages\"`.",
        group=OCR,
    )  # fmt: skip
    known_languages: str = setting(
        "", "The languages that a dataset may name.", group=OCR, shown_default="those installed, else `deu+eng`"
    )
    ocr_sure_from: int = setting(
        70, "A page that OCR read with a lower mean confidence (0 to 100) goes to Textract too.", group=OCR
    )
    second_reader: str = setting(
        "auto", "`auto`: RapidOCR reads the pages that Tesseract was unsure of, where `make rapid` installed it; "
        "`off`: never.",
        group=OCR,
    )  # fmt: skip

    textract: str = setting(
        "auto", "Whether Textract is used. `auto`: where credentials and endpoint are Amazon's.", group=TEXTRACT,
        choices=("auto", "on", "off"),
    )  # fmt: skip
    textract_calls_per_s: float = setting(
        10, "The rate limit for Textract, for all hosts together; 0: no limit.", group=TEXTRACT, unit="calls a second"
    )
    textract_endpoint_url: str | None = setting(
        None, "The address of Textract, where it is not Amazon's.", group=TEXTRACT,
        variable="AWS_ENDPOINT_URL_TEXTRACT",
    )  # fmt: skip

    extraction: str = setting(
        "rules", "What finds the values: the built-in `rules`, `openai` (any endpoint with OpenAI's chat completions "
        "API) or `bedrock`.",
        group=EXTRACTION, choices=("rules", "openai", "bedrock"),
    )  # fmt: skip
    extraction_url: str = setting("", "The address of the endpoint, for `openai`.", group=EXTRACTION)
    extraction_key: str = setting("", "The key for the endpoint, where it needs one.", group=EXTRACTION)
    extraction_model: str = setting("", "The model, for `openai` and `bedrock`.", group=EXTRACTION)
    extraction_window_bytes: int = setting(
        32_000, "How much text the model reads at once (about 8,000 tokens); longer texts are read in windows.",
        group=EXTRACTION, unit="bytes",
    )  # fmt: skip
    extraction_most_windows: int = setting(
        50, "How many windows of a text are read. If there are more, the record is partial and says so.",
        group=EXTRACTION,
    )  # fmt: skip
    extraction_most_answer_tokens: int = setting(
        4096, "How long the model's answer may be.", group=EXTRACTION, unit="tokens"
    )
    extraction_tokens_per_min: int = setting(
        0, "The rate limit for the model, for all hosts together; 0: no limit.", group=EXTRACTION,
        unit="tokens a minute",
    )  # fmt: skip
    extraction_timeout_s: int = setting(
        45, f"How long the model may take to answer; at most {MAX_MODEL_S}.", group=EXTRACTION, unit="seconds"
    )
    extraction_options: str = setting(
        "", "A JSON object that is merged into each request, for `openai`; null leaves a field out.", group=EXTRACTION
    )
    extraction_strict: str = setting(
        "off", "`on`: Bedrock holds the answer to the schema while it is written; not all models can.",
        group=EXTRACTION, choices=("off", "on"),
    )  # fmt: skip
    bedrock_endpoint_url: str | None = setting(
        None, "The address of Bedrock, where it is not Amazon's.", group=EXTRACTION,
        variable="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    )  # fmt: skip

    preview_url: str = setting("", "A Gotenberg service that converts office documents to PDF.", group=PREVIEWS)
    preview_connections: int = setting(
        0, "How many connections that service can take, from all hosts together; 0: no limit.", group=PREVIEWS
    )
    libreoffice: str = setting(
        "auto", "The LibreOffice that converts office documents where no service does. `auto`: the installed one; "
        "`off`: none; or the folder that holds its `program`.",
        group=PREVIEWS,
    )  # fmt: skip

    concurrency: Mapping[str, int] = field(
        default_factory=dict
    )  # how many of each function may run at once on all hosts
    on_lambda: bool = False

    @property
    def store_url(self) -> str | None:
        """The address of an object store that is not Amazon's."""
        return self.aws_endpoint_url_s3 or self.aws_endpoint_url

    @property
    def languages(self) -> list[str]:
        return self.ocr_languages.split("+")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of these variables. Raises ValueError."""
        values: dict[str, Any] = {}
        for one in _declared():
            text = environment.get(variable_of(one))
            if text is not None and (text or not one.metadata["variable"]):
                values[one.name] = _parsed(str(one.type), variable_of(one), text)
        values["concurrency"] = reserved_concurrency(values.get("stage", ""))
        if "AWS_LAMBDA_FUNCTION_NAME" in environment:
            values["on_lambda"] = True
            values.setdefault("kept_originals_bytes", 0)  # each step runs on another machine
            values.setdefault("longest_wait_s", 0)  # Lambda is paid by the second
        # A worker that starts reclaims the leases of its own name. On Lambda host names and process ids are all alike;
        # a log stream belongs to one container.
        values["worker_name"] = (
            values.get("worker_name")
            or environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
            or f"{socket.gethostname()}-{os.getpid()}"
        )
        values["redis_url"] = _with_password(values.get("redis_url", ""), values.get("redis_password", ""))
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        """Raises ValueError for a value that is not allowed, or where a setting lacks another that it needs."""
        for one in _declared():
            choices = one.metadata["choices"]
            if choices and getattr(self, one.name) not in choices:
                raise ValueError(f"{variable_of(one)} must be one of {', '.join(choices)}")
        for name in REQUIRED_WITH.get(self.extraction, ()):
            if not getattr(self, name):
                raise ValueError(f"FAIRWAY_EXTRACTION={self.extraction} needs FAIRWAY_{name.upper()}")
        if self.kafka_brokers and not self.on_lambda:
            raise ValueError("FAIRWAY_KAFKA_BROKERS works on Lambda only, since workers receive from queues: remove it")
        if self.extraction_window_bytes < MIN_WINDOW_BYTES:
            raise ValueError(f"FAIRWAY_EXTRACTION_WINDOW_BYTES must be at least {MIN_WINDOW_BYTES}")
        if self.extraction_timeout_s > MAX_MODEL_S:
            raise ValueError(
                f"FAIRWAY_EXTRACTION_TIMEOUT_S must be at most {MAX_MODEL_S}: a step may call the model twice"
            )
        if self.target_s <= 0:
            raise ValueError("FAIRWAY_TARGET_S must be more than 0")
        self.step_slots  # noqa: B018  (raises for what can't be read)
        if self.quarantine_at < 1:
            raise ValueError("FAIRWAY_QUARANTINE_AT must be at least 1")
        if self.extraction_options and not isinstance(_json(self.extraction_options), dict):
            raise ValueError("FAIRWAY_EXTRACTION_OPTIONS must be a JSON object")

    @property
    def step_slots(self) -> dict[str, int | None]:
        """How many parts of each step this worker runs at once; None: as many as the step declares. Empty: all steps.

        Raises ValueError.
        """
        slots: dict[str, int | None] = {}
        for entry in filter(None, (one.strip() for one in self.steps.split(","))):
            name, separator, number = (part.strip() for part in entry.partition("="))
            slots[name] = _whole_number(f"FAIRWAY_STEPS: the number of `{name}`", number) if separator else None
            if separator and slots[name] == 0:
                raise ValueError(f"FAIRWAY_STEPS: leave `{name}` out if this worker does not run it")
        return slots

    @property
    def model_options(self) -> dict[str, Any]:
        return dict(_json(self.extraction_options) or {})


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is read outside of `Settings`."""

    name: str
    default: str
    meaning: str
    group: str


# Read by infra/local, by the decoders (which see no other settings) and by bootstrap.
OTHER_VARIABLES = (
    Variable("FAIRWAY_HOME", "`.fairway`", "The folder for all data, secrets and logs.", EMBEDDED),
    Variable("FAIRWAY_PORT", "`8000`", "The port of the API; 0 picks a free one and keeps it.", EMBEDDED),
    Variable("FAIRWAY_WORKERS", "`2`", "How many worker processes are started.", EMBEDDED),
    Variable("FAIRWAY_SAMPLES", "`1`", "0: the samples are not processed.", EMBEDDED),
    Variable(
        "FAIRWAY_STORE_FREE_BYTES", "`268435456`",
        "How much of the disk uploads leave free, in bytes. An upload that would leave less is answered with 507.",
        EMBEDDED,
    ),
    Variable("FAIRWAY_TESSERACT", "the one in its wheel", "The path of another Tesseract.", OCR),
    Variable(
        "FAIRWAY_TESSDATA", "", "A folder with more languages for Tesseract: `<code>.traineddata` for each.", OCR
    ),
    Variable(
        "FAIRWAY_SECRETS", "",
        "Names of secrets in AWS Secrets Manager, with commas. Each is a JSON object of variables, which apply where "
        "the environment does not set them.",
        GENERAL,
    ),
)  # fmt: skip


def variable_of(one: Field[Any]) -> str:
    """The environment variable of a field."""
    return str(one.metadata["variable"]) or f"FAIRWAY_{one.name.upper()}"


def _declared() -> Iterator[Field[Any]]:
    return (one for one in fields(Settings) if one.metadata)


def _parsed(kind: str, name: str, text: str) -> Any:
    if kind == "int":
        return _whole_number(name, text)
    return _number(name, text) if kind == "float" else text


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
        raise ValueError(f"{name} must be a number of at least 0, not `{text}`")
    return number


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _with_password(url: str, password: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}://:{quote(password, safe='')}@{rest}" if separator and password and "@" not in rest else url


def reserved_concurrency(stage: str) -> dict[str, int]:
    """How many of each function run at once in a stage, for the functions that have a line in `.chalice/config.json`."""
    path = next((path for path in CONFIG_PATHS if path.exists()), None)
    if path is None:
        return {}
    functions = json.loads(path.read_text())["stages"].get(stage, {}).get("lambda_functions", {})
    return {name: one["reserved_concurrency"] for name, one in functions.items() if "reserved_concurrency" in one}


HEADER = """# Configuration

<!-- Generated from layers/settings.py: change it there, then run `python -m layers.settings > docs/configuration.md`. -->

All settings are environment variables, and all have a default that works with `make run`. A value that is not allowed
stops the process at its start with a message that names the variable. `.chalice/config.json` sets, by stage, how many
of each step run at once on Lambda, and at most on all workers together.
"""


def page() -> str:
    """The text of docs/configuration.md."""
    rows: dict[str, list[str]] = {EMBEDDED: []}
    for variable in OTHER_VARIABLES:
        rows.setdefault(variable.group, []).append(_row(variable.name, variable.default, variable.meaning))
    for one in _declared():
        if one.name != "port":
            rows.setdefault(one.metadata["group"], []).append(_row(variable_of(one), _default(one), _meaning(one)))
    order = [EMBEDDED, *dict.fromkeys(one.metadata["group"] for one in _declared())]
    tables = [
        f"## {group}\n\n| variable | default | meaning |\n|---|---|---|\n" + "\n".join(rows[group]) for group in order
    ]
    return HEADER + "\n" + "\n\n".join(tables) + "\n"


def _row(name: str, default: str, meaning: str) -> str:
    return f"| `{name}` | {default} | {meaning} |".replace("|  |", "| |")


def _default(one: Field[Any]) -> str:
    if one.metadata["shown_default"]:
        return str(one.metadata["shown_default"])
    if one.default in ("", None):
        return ""
    return f"`{one.default}`" + _readable(one.default, one.metadata["unit"])


def _readable(value: Any, unit: str) -> str:
    """A large number in a larger unit."""
    if unit == "bytes" and value >= 1 << 20:
        return f" ({value >> 20} MiB)"
    if unit == "seconds" and value >= 24 * 3600:
        return f" ({value // (24 * 3600)} days)"
    return f" ({value // 3600} h)" if unit == "seconds" and value >= 3600 else ""


def _meaning(one: Field[Any]) -> str:
    about = one.metadata
    choices = f" One of {', '.join(f'`{choice}`' for choice in about['choices'])}." if about["choices"] else ""
    unit = f" In {about['unit']}." if about["unit"] else ""
    return f"{about['meaning']}{choices}{unit}"


if __name__ == "__main__":
    print(page(), end="")
