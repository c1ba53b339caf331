"""The settings of a process, from its environment variables. docs/configuration.md is generated from them."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any
from urllib.parse import quote

from layers.domain.webhook_address import networks
from layers.stages import reserved_concurrency

KAFKA_LOGIN = ("kafka_user", "kafka_password")
REQUIRED_WITH_AUTH = {
    "plain": KAFKA_LOGIN,
    "scram-sha-256": KAFKA_LOGIN,
    "scram-sha-512": KAFKA_LOGIN,
    "oauthbearer": (*KAFKA_LOGIN, "kafka_token_url"),
}
REQUIRED_WITH = {"openai": ("extraction_url", "extraction_model"), "bedrock": ("extraction_model",)}
MIN_WINDOW_BYTES = 2_000
MOST_API_PROCESSES = 4  # unless the setting says more
MAX_MODEL_S = 50

GENERAL = "General"
DATABASE = "Database"
REDIS = "Redis"
STORE = "Object store and queues"
KAFKA = "Kafka"
UPLOADS = "Uploads and removal"
PROCESSING = "Workers and processing"
OCR = "OCR"
TEXTRACT = "Amazon Textract"
EXTRACTION = "Extraction"
PREVIEWS = "Previews"
WEBHOOKS = "Webhooks"


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
    """A field of `Settings` with its description for docs/configuration.md.

    `variable` is needed if the name is not FAIRWAY_<NAME>, `shown_default` if the default is computed.
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
        "", "The stage in `.chalice/config.json`, which sets how many invocations of each step Lambda runs at once, and "
        "how many parts of each step all workers together run at most. Empty: workers use all their slots.",
        group=GENERAL, shown_default="`local` with `make run`, else none",
    )  # fmt: skip
    host: str = setting(
        "127.0.0.1", "The address that the API listens on: `0.0.0.0` for all of IPv4, `::` for all. `make run` always "
        "uses the default.",
        group=GENERAL,
    )  # fmt: skip
    port: int = setting(8000, "The port of the API; 0 picks a free one.", group=GENERAL)
    api_processes: int = setting(
        0, "How many processes serve the API on its port. They share the connections to the database that one would have.",
        group=GENERAL, shown_default="one for each processor core, at most 4",
    )  # fmt: skip
    allowed_origins: str = setting(
        "*", "The origins from which browsers may call the API (CORS), separated by commas.", group=GENERAL
    )
    key_pepper: str = setting("", "The secret with which API keys are hashed.", group=GENERAL)
    admin_key: str = setting(
        "", "The key of an admin of the tenant `operations`, which migrations create.", group=GENERAL
    )
    audit_log_days: int = setting(
        0, "How long entries of the audit log are kept; 0: for good.", group=GENERAL, unit="days"
    )
    region: str = setting("us-east-1", "The AWS region.", group=GENERAL, variable="AWS_DEFAULT_REGION")
    aws_profile: str = setting(
        "", "The AWS profile for Textract and Bedrock if the object store is not Amazon's.", group=GENERAL
    )

    database_url: str = setting(
        "", "PostgreSQL 14 or newer, as the workers' role. All three URLs may have parameters of libpq, such as "
        "`?sslmode=verify-full`.",
        group=DATABASE,
    )  # fmt: skip
    api_database_url: str = setting(
        "", "PostgreSQL, as the API's role.", group=DATABASE, shown_default="`FAIRWAY_DATABASE_URL`"
    )
    owner_database_url: str = setting("", "PostgreSQL, as the owner of all tables; for migrations.", group=DATABASE)
    owner_secret: str = setting(
        "", "The secret in Secrets Manager with the owner's name and password, instead of the URL.",
        group=DATABASE,
    )  # fmt: skip
    database_auth: str = setting(
        "password", "`iam`: log in with a token of AWS instead of a password.", group=DATABASE,
        choices=("password", "iam"),
    )  # fmt: skip
    database_pooler: str = setting(
        "none", "`transaction`: the URLs are those of a pooler that may use another connection for each transaction, such "
        "as pgbouncer. Fairway then uses no named prepared statements.",
        group=DATABASE, choices=("none", "transaction"),
    )  # fmt: skip

    redis_url: str = setting(
        "", "Redis or Valkey. Empty: workers poll, and each process has its own breakers and budgets.", group=REDIS
    )
    redis_password: str = setting("", "The password, if the URL has none.", group=REDIS)

    bucket: str = setting("fairway", "The bucket of all files.", group=STORE)
    artifact_bucket: str = setting(
        "", "A separate bucket for text, previews and thumbnails. A store that sends events for all new objects of a "
        "bucket then sends them for originals only. Set it before the first upload: artifacts are not moved.",
        group=STORE, shown_default="`FAIRWAY_BUCKET`",
    )  # fmt: skip
    aws_endpoint_url: str | None = setting(
        None,
        "The address of an object store and queues that are not Amazon's.",
        group=STORE,
        variable="AWS_ENDPOINT_URL",
    )
    aws_endpoint_url_s3: str | None = setting(
        None, "The address of an object store that is not Amazon's, if it differs from that of the queues.", group=STORE,
        variable="AWS_ENDPOINT_URL_S3", shown_default="`AWS_ENDPOINT_URL`",
    )  # fmt: skip
    store_addressing: str = setting(
        "auto", "Whether the bucket's name is in the `path` of URLs or in the host name (`virtual`). `auto`: in the path "
        "if the store is not Amazon's.",
        group=STORE, choices=("auto", "path", "virtual"),
    )  # fmt: skip
    store_public_url: str | None = setting(
        None, "The address of the object store in presigned URLs.", group=STORE,
        shown_default="`AWS_ENDPOINT_URL_S3`, else Amazon S3",
    )  # fmt: skip
    queue_prefix: str = setting(
        "fairway-", "The prefix of the names of queues, Kafka topics and the consumer group.", group=STORE
    )
    topics: str = setting(
        "sqs", "The message broker. `kafka`: for all messages; on Lambda for those of the steps only.",
        group=KAFKA, choices=("sqs", "kafka"),
    )  # fmt: skip
    kafka_brokers: str = setting("", "The brokers, as `host:port`, separated by commas.", group=KAFKA)
    kafka_auth: str = setting(
        "none", "How to log in. `oauthbearer` fetches its tokens from `FAIRWAY_KAFKA_TOKEN_URL`; `iam` signs them with "
        "AWS credentials, for MSK.",
        group=KAFKA, choices=("none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer", "iam"),
    )  # fmt: skip
    kafka_user: str = setting("", "The user, or the id of the client for `oauthbearer`.", group=KAFKA)
    kafka_password: str = setting("", "The password, or the secret of the client for `oauthbearer`.", group=KAFKA)
    kafka_token_url: str = setting("", "The token endpoint of the OpenID provider, for `oauthbearer`.", group=KAFKA)
    kafka_token_scope: str = setting("", "The scope of these tokens, if the provider requires one.", group=KAFKA)
    kafka_tls: str = setting(
        "auto", "Whether connections use TLS. `auto`: with `iam` and with `FAIRWAY_KAFKA_CA`.", group=KAFKA,
        choices=("auto", "on", "off"),
    )  # fmt: skip
    kafka_ca: str = setting(
        "",
        "A file with the certificates of the authorities that sign the brokers' certificates.",
        group=KAFKA,
        shown_default="the system's",
    )
    kafka_certificate: str = setting("", "A file with this client's certificate, for mutual TLS.", group=KAFKA)
    kafka_key: str = setting("", "A file with the key of that certificate.", group=KAFKA)
    kafka_partitions: int = setting(
        16, "The number of partitions of new topics, which limits how many workers can receive from a topic. On Lambda "
        "it follows from the concurrency.",
        group=KAFKA,
    )  # fmt: skip
    kafka_replication: int = setting(
        0, "How many brokers store each message of a new topic; 0: the brokers' default.", group=KAFKA
    )
    kafka_options: str = setting(
        "", "A JSON object of properties of librdkafka, which override Fairway's.", group=KAFKA
    )

    kafka_events: str = setting(
        "", "The topic, after the prefix, on which webhooks with the URL `kafka:` publish their events. Empty: they can't.",
        group=KAFKA,
    )  # fmt: skip

    max_file_bytes: int = setting(200 * 1024 * 1024, "The largest file that is accepted.", group=UPLOADS, unit="bytes")
    multipart_from_bytes: int = setting(
        64 * 1024 * 1024, "Files of this size or more are uploaded in parts.", group=UPLOADS, unit="bytes"
    )
    manifest_days: int = setting(
        90, "How long a manifest is kept after its deadline. Its files stay.", group=UPLOADS, unit="days"
    )
    upload_url_s: int = setting(3600, "How long an upload URL is valid.", group=UPLOADS, unit="seconds")
    upload_grace_s: int = setting(
        600,
        "How long after the URL has expired an upload can still arrive before its file fails.",
        group=UPLOADS,
        unit="seconds",
    )
    undo_window_s: int = setting(
        7 * 24 * 3600, "How long a removal can be undone; 0 erases at once.", group=UPLOADS, unit="seconds"
    )
    longest_wait_s: int = setting(
        30, "How long a request for changes may wait at most; 0 on Lambda unless set.", group=UPLOADS, unit="seconds"
    )
    clamav: str = setting(
        "", "`host:port` or socket of a ClamAV daemon that scans each file at intake. An infected file fails as "
        "`infected`, and its original can't be downloaded. Empty: no scan.",
        group=UPLOADS,
    )  # fmt: skip

    worker_name: str = setting(
        "", "The name of this process in leases. Each process must have its own.", group=PROCESSING,
        variable="FAIRWAY_WORKER", shown_default="host name and process id; on Lambda the log stream",
    )  # fmt: skip
    steps: str = setting(
        "", "The steps that this worker runs, separated by commas, and how many parts of each at once: `ocr=4,thumbnail`. "
        "Without a number, it is the step's own default. Empty: all steps. A worker that runs `intake` also receives "
        "arrivals.",
        group=PROCESSING,
    )  # fmt: skip
    drain_s: float = setting(
        8, "How long a stopping worker may continue its running parts. Parts that have not ended by then are requeued "
        "without using up an attempt.",
        group=PROCESSING, unit="seconds",
    )  # fmt: skip
    schedules: str = setting(
        "workers", "Who starts the scheduled jobs: `workers`, or `off` if another scheduler calls the API. Pulse and upkeep "
        "run in any case.",
        group=PROCESSING, choices=("workers", "off"),
    )  # fmt: skip
    target_s: float = setting(
        60, "How long a step may take for its backlog. The metric `fairway_needed_workers` is computed from it.",
        group=PROCESSING, unit="seconds",
    )  # fmt: skip
    quarantine_at: int = setting(
        2,
        "After how many workers that were lost while they ran a step the step fails as `quarantined`.",
        group=PROCESSING,
    )
    kept_originals_bytes: int = setting(
        64 * 1024 * 1024, "The size of the cache of files on a worker's disk, so that not each step has to download its "
        "file again; 0 on Lambda unless set.",
        group=PROCESSING, unit="bytes",
    )  # fmt: skip

    ocr_languages: str = setting(
        "eng", "The languages of datasets without a setting `languages`, such as `eng+deu`.",
        group=OCR,
    )  # fmt: skip
    known_languages: str = setting(
        "",
        "The languages that a dataset may use.",
        group=OCR,
        shown_default="those installed and those of the networks",
    )
    ocr_sure_from: int = setting(
        70, "A page that OCR read with a lower mean confidence (0 to 100) also goes to Textract.", group=OCR
    )
    ocr_engine: str = setting(
        "auto", "`auto`: networks read the languages whose script they know, and Tesseract all others; `tesseract`: all.",
        group=OCR, choices=("auto", "tesseract"),
    )  # fmt: skip

    textract: str = setting(
        "auto", "Whether Textract is used. `auto`: if credentials and endpoint are Amazon's.", group=TEXTRACT,
        choices=("auto", "on", "off"),
    )  # fmt: skip
    textract_calls_per_s: float = setting(
        10, "The rate limit for Textract, for all hosts together; 0: no limit.", group=TEXTRACT, unit="calls a second"
    )
    textract_endpoint_url: str | None = setting(
        None, "The address of Textract, if it is not Amazon's.", group=TEXTRACT,
        variable="AWS_ENDPOINT_URL_TEXTRACT",
    )  # fmt: skip

    extraction: str = setting(
        "rules", "How values are found: by the built-in `rules`, by a model of `openai` (any endpoint with OpenAI's chat "
        "completions API) or by a model of `bedrock`.",
        group=EXTRACTION, choices=("rules", "openai", "bedrock"),
    )  # fmt: skip
    extraction_url: str = setting("", "The address of the endpoint, for `openai`.", group=EXTRACTION)
    extraction_key: str = setting("", "The key for the endpoint, if it needs one.", group=EXTRACTION)
    extraction_model: str = setting("", "The model, for `openai` and `bedrock`.", group=EXTRACTION)
    extraction_window_bytes: int = setting(
        32_000, "How much text the model reads at once (about 8,000 tokens); longer texts are read in windows.",
        group=EXTRACTION, unit="bytes",
    )  # fmt: skip
    extraction_most_windows: int = setting(
        50, "How many windows of a text are read at most. If there are more, the file is `partial`, with a note.",
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
        "off", "`on`: Bedrock enforces the schema while the answer is generated; not all models support this.",
        group=EXTRACTION, choices=("off", "on"),
    )  # fmt: skip
    bedrock_endpoint_url: str | None = setting(
        None, "The address of Bedrock, if it is not Amazon's.", group=EXTRACTION,
        variable="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    )  # fmt: skip

    preview_url: str = setting("", "A Gotenberg service that converts office documents to PDF.", group=PREVIEWS)
    preview_connections: int = setting(
        0, "How many connections that service accepts, from all hosts together; 0: no limit.", group=PREVIEWS
    )
    libreoffice: str = setting(
        "auto", "The LibreOffice that converts office documents if no service is set. `auto`: the installed one; `off`: "
        "none; or the folder that contains its `program`.",
        group=PREVIEWS,
    )  # fmt: skip

    webhook_networks: str = setting(
        "", "Networks that are not public and to which webhooks may be delivered, separated by commas, such as "
        "`10.0.0.0/8`. Only there a webhook's URL may begin with `http://`. Empty: public addresses only.",
        group=WEBHOOKS,
    )  # fmt: skip
    webhook_log_days: int = setting(
        7, "How long events and the log of their deliveries are kept.", group=WEBHOOKS, unit="days"
    )

    # How many invocations of each function Lambda runs at once, and how many parts all workers together run at most.
    concurrency: Mapping[str, int] = field(default_factory=dict)
    ceilings: Mapping[str, int] = field(default_factory=dict)
    on_lambda: bool = False

    @property
    def number_of_api_processes(self) -> int:
        return self.api_processes or min(len(os.sched_getaffinity(0)), MOST_API_PROCESSES)

    @property
    def store_url(self) -> str | None:
        """The address of an object store that is not Amazon's."""
        return self.aws_endpoint_url_s3 or self.aws_endpoint_url

    @property
    def languages(self) -> list[str]:
        return self.ocr_languages.split("+")

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, declared_concurrency: Mapping[str, int] | None = None
    ) -> Settings:
        """The settings in these variables. `declared_concurrency` is used for steps without a line in
        `.chalice/config.json`. Raises ValueError."""
        values: dict[str, Any] = {}
        for declared in declared_settings():
            text = environment.get(variable_of(declared))
            if text is not None and (text or not declared.metadata["variable"]):
                values[declared.name] = _parsed(str(declared.type), variable_of(declared), text)
        values["ceilings"] = reserved_concurrency(values.get("stage", ""))
        values["concurrency"] = {**(declared_concurrency or {}), **values["ceilings"]}
        if "AWS_LAMBDA_FUNCTION_NAME" in environment:
            values["on_lambda"] = True
            values.setdefault("kept_originals_bytes", 0)  # each step runs on another machine
            values.setdefault("longest_wait_s", 0)  # Lambda bills waiting
        # A starting worker reclaims the leases with its name. On Lambda all containers may have the same host name and
        # process id; a log stream belongs to one container.
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
        """Raises ValueError for a value that is not allowed, or if a setting needs another that is missing."""
        for declared in declared_settings():
            choices = declared.metadata["choices"]
            if choices and getattr(self, declared.name) not in choices:
                raise ValueError(f"{variable_of(declared)} must be one of {', '.join(choices)}")
        for name in REQUIRED_WITH.get(self.extraction, ()):
            if not getattr(self, name):
                raise ValueError(f"FAIRWAY_EXTRACTION={self.extraction} needs FAIRWAY_{name.upper()}")
        self._check_kafka()
        if self.extraction_window_bytes < MIN_WINDOW_BYTES:
            raise ValueError(f"FAIRWAY_EXTRACTION_WINDOW_BYTES must be at least {MIN_WINDOW_BYTES}")
        if self.extraction_timeout_s > MAX_MODEL_S:
            raise ValueError(
                f"FAIRWAY_EXTRACTION_TIMEOUT_S must be at most {MAX_MODEL_S}: a step may call the model twice"
            )
        if self.target_s <= 0:
            raise ValueError("FAIRWAY_TARGET_S must be more than 0")
        self.step_slots  # noqa: B018  (raises if it can't be parsed)
        if self.quarantine_at < 1:
            raise ValueError("FAIRWAY_QUARANTINE_AT must be at least 1")
        try:
            networks(self.webhook_networks)
        except ValueError as error:
            raise ValueError(f"FAIRWAY_WEBHOOK_NETWORKS: {error}") from None
        if self.audit_log_days < 0:
            raise ValueError("FAIRWAY_AUDIT_LOG_DAYS must be at least 0")
        if self.manifest_days < 2:
            raise ValueError("FAIRWAY_MANIFEST_DAYS must be at least 2: requests can be continued for a day")
        if self.webhook_log_days < 2:
            raise ValueError("FAIRWAY_WEBHOOK_LOG_DAYS must be at least 2: deliveries are retried for a day")
        if self.extraction_options and not isinstance(_json(self.extraction_options), dict):
            raise ValueError("FAIRWAY_EXTRACTION_OPTIONS must be a JSON object")

    def _check_kafka(self) -> None:
        uses_kafka = self.topics == "kafka"
        if uses_kafka != bool(self.kafka_brokers):
            raise ValueError("FAIRWAY_TOPICS=kafka and FAIRWAY_KAFKA_BROKERS belong together: set both or neither")
        for name in REQUIRED_WITH_AUTH.get(self.kafka_auth, ()):
            if uses_kafka and not getattr(self, name):
                raise ValueError(f"FAIRWAY_KAFKA_AUTH={self.kafka_auth} needs FAIRWAY_{name.upper()}")
        if self.kafka_events and not uses_kafka:
            raise ValueError("FAIRWAY_KAFKA_EVENTS needs FAIRWAY_TOPICS=kafka")
        if bool(self.kafka_certificate) != bool(self.kafka_key):
            raise ValueError("FAIRWAY_KAFKA_CERTIFICATE and FAIRWAY_KAFKA_KEY belong together: set both or neither")
        if self.kafka_partitions < 1:
            raise ValueError("FAIRWAY_KAFKA_PARTITIONS must be at least 1")
        if self.kafka_options and not isinstance(_json(self.kafka_options), dict):
            raise ValueError("FAIRWAY_KAFKA_OPTIONS must be a JSON object")

    @property
    def kafka_uses_tls(self) -> bool:
        return self.kafka_tls == "on" or (
            self.kafka_tls == "auto" and (self.kafka_auth == "iam" or bool(self.kafka_ca))
        )

    @property
    def step_slots(self) -> dict[str, int | None]:
        """How many parts of each step this worker runs at once; None: the step's own default. Empty: all steps.

        Raises ValueError.
        """
        slots: dict[str, int | None] = {}
        for entry in filter(None, (text.strip() for text in self.steps.split(","))):
            name, separator, number = (part.strip() for part in entry.partition("="))
            slots[name] = _whole_number(f"FAIRWAY_STEPS: the number of `{name}`", number) if separator else None
            if separator and slots[name] == 0:
                raise ValueError(f"FAIRWAY_STEPS: leave `{name}` out if this worker does not run it")
        return slots

    @property
    def model_options(self) -> dict[str, Any]:
        return dict(_json(self.extraction_options) or {})


def variable_of(declared: Field[Any]) -> str:
    """The environment variable of a field."""
    return str(declared.metadata["variable"]) or f"FAIRWAY_{declared.name.upper()}"


def declared_settings() -> Iterator[Field[Any]]:
    return (declared for declared in fields(Settings) if declared.metadata)


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
