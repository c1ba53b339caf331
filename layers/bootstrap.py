"""Builds the adapters that the settings choose, at first use, once in each process."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

from layers.adapters.aws import clients
from layers.adapters.aws.file_cache import FileCache
from layers.adapters.aws.s3_storage import S3Storage
from layers.adapters.aws.sources import S3Sources
from layers.adapters.aws.sqs_topics import SqsTopics
from layers.adapters.clamav_scanner import ClamavScanner
from layers.adapters.postgres.audit_log import PostgresAuditLog
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.dataset_views import PostgresDatasetViews
from layers.adapters.postgres.exports import PostgresExports
from layers.adapters.postgres.imports import PostgresImports
from layers.adapters.postgres.jobs import PostgresJobs
from layers.adapters.postgres.kinds import PostgresKinds
from layers.adapters.postgres.plans import PostgresPlans
from layers.adapters.postgres.reports import PostgresReports
from layers.adapters.postgres.retention import PostgresRetention
from layers.adapters.postgres.senders import PostgresSenders
from layers.adapters.postgres.store import PostgresStore
from layers.adapters.postgres.tenant_data import PostgresTenantData
from layers.adapters.postgres.webhooks import PostgresWebhooks
from layers.adapters.printing import libreoffice_printer
from layers.adapters.printing.libreoffice_printer import LibreOfficePrinter
from layers.adapters.redis.breakers import RedisBreakers
from layers.adapters.redis.budgets import RedisBudgets
from layers.adapters.redis.change_notifications import RedisChangeNotifications
from layers.adapters.redis.connection_slots import RedisConnectionSlots
from layers.adapters.redis.limits import RedisLimits
from layers.adapters.redis.work_signal import RedisWorkSignal
from layers.attempts.fleet_view import FleetView
from layers.attempts.pacing import Pacer, counted
from layers.decoders.nets import letters
from layers.decoders.tessdata import installed_languages
from layers.decoding.documents import Documents
from layers.domain.budget import Rate
from layers.domain.extraction.conversation import ANSWER_TOKENS, CHARACTERS_A_TOKEN
from layers.domain.file import Reach
from layers.domain.message import ARRIVALS, DISPATCH
from layers.domain.webhook_address import networks
from layers.ports import (
    Extractor,
    MessageSource,
    Model,
    Objects,
    OfficePrinter,
    PaidReader,
    Ports,
    Topics,
)
from layers.ports.webhooks import WebhookSender
from layers.settings import Settings
from layers.version import VERSION

if TYPE_CHECKING:
    from layers.adapters.kafka.access import Access
    from layers.adapters.kafka.source import KafkaSource

Built = TypeVar("Built")
API_CONNECTIONS = 24  # to the database, of all processes that serve one port together
# Of one kind in a process: each thread may have one, so that no step waits for the decoder of another.
MOST_DECODERS = 256
_LOCK = threading.RLock()
_BUILT: dict[Any, Any] = {}
_DECLARED_CONCURRENCY: dict[str, int] = {}


def once(build: Callable[[], Built]) -> Callable[[], Built]:
    """A function that builds its result once in a process, even if several threads call it at the same time."""

    def get() -> Built:
        with _LOCK:
            if get not in _BUILT:
                _BUILT[get] = build()
            return cast(Built, _BUILT[get])

    return get


def forget() -> None:
    """Drop everything that was built: after a fork, or when a test has changed the environment."""
    with _LOCK:
        for built in _BUILT.values():
            if isinstance(built, Database):
                built.close()
        _BUILT.clear()


@once
def settings() -> Settings:
    return Settings.from_environment({**secrets(os.environ), **os.environ}, _DECLARED_CONCURRENCY)


def settings_for(declared_concurrency: Mapping[str, int]) -> Settings:
    """The settings of a process that runs these steps, with their concurrency for steps without a line in
    `.chalice/config.json`. Call it before budgets and decoders are built, whose number depends on it."""
    with _LOCK:
        if not declared_concurrency.items() <= _DECLARED_CONCURRENCY.items():
            _DECLARED_CONCURRENCY.update(declared_concurrency)
            _BUILT.pop(settings, None)
        return settings()


def secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables in FAIRWAY_SECRETS_FOLDER and in the secrets of FAIRWAY_SECRETS; see docs/configuration.md."""
    names = [name for name in environment.get("FAIRWAY_SECRETS", "").split(",") if name]
    folder = environment.get("FAIRWAY_SECRETS_FOLDER")
    files = [path for path in Path(folder).glob("FAIRWAY_*") if path.is_file()] if folder else []
    return {**(clients.read_secrets(names) if names else {}), **{path.name: path.read_text().strip() for path in files}}


@once
def database() -> Database:
    return _database(settings().database_url)


def _database(url: str, max_connections: int = 32) -> Database:
    if settings().database_auth != "iam":
        return Database(url, max_connections=max_connections, prepares=settings().database_pooler == "none")
    return Database(
        url,
        max_connections=max_connections,
        prepares=False,
        credentials=lambda: clients.database_token(url, settings().region),
    )


@once
def store() -> PostgresStore:
    return PostgresStore(database())


@once
def exports() -> PostgresExports:
    return PostgresExports(database())


@once
def webhooks() -> PostgresWebhooks:
    return PostgresWebhooks(database())


def webhook_sender() -> WebhookSender:
    from layers.adapters.webhooks.sender import HttpWebhookSender

    over_http = HttpWebhookSender(networks(settings().webhook_networks), f"Fairway/{VERSION}")
    if not settings().kafka_events:
        return over_http
    from layers.adapters.kafka.events import KafkaEvents
    from layers.adapters.kafka.topics import producer

    access, topic = kafka_access(), settings().queue_prefix + settings().kafka_events
    return KafkaEvents(lambda: producer(access), topic, over_http)


@once
def catalog() -> PostgresCatalog:
    """The database as the API's role sees it: row-level security limits it to one tenant."""
    processes = 1 if settings().on_lambda else settings().number_of_api_processes
    return PostgresCatalog(_database(_api_database_url(), max_connections=max(4, API_CONNECTIONS // processes)))


@once
def catalog_probe() -> PostgresCatalog:
    """The same with separate connections, so that a health check does not wait for those of requests."""
    return PostgresCatalog(_database(_api_database_url(), max_connections=2))


def _api_database_url() -> str:
    return settings().api_database_url or settings().database_url


def migrate() -> list[str]:
    """As the owner of the database, apply new migrations, let the roles log in and create the admin.

    Returns the changes.
    """
    from layers.adapters.postgres import migration

    config = settings()
    urls = {"fairway_worker": config.database_url, "fairway_api": config.api_database_url}
    passwords = {role: urlsplit(url).password for role, url in urls.items()}
    logins = {role: unquote(password) for role, password in passwords.items() if password}
    admin = migration.Admin(config.admin_key, config.key_pepper) if config.admin_key else None
    return migration.prepare(owner_url(), dict.fromkeys(urls) if config.database_auth == "iam" else logins, admin)


def ensure_topics(steps: Mapping[str, int]) -> list[str]:
    """Create missing Kafka topics, and add partitions to those with too few. Returns the changed topics.

    On Lambda these are the topics of `steps`, with that many partitions, since Lambda runs one invocation for each
    partition at a time; elsewhere also those for arrivals and the dispatcher.
    """
    config = settings()
    if config.topics != "kafka":
        return []
    from layers.adapters.kafka import administration

    wanted = steps if config.on_lambda else dict.fromkeys((ARRIVALS, *steps, DISPATCH), config.kafka_partitions)
    if config.kafka_events:
        wanted = {**wanted, config.kafka_events: config.kafka_partitions}
    partitions = {config.queue_prefix + name: count for name, count in wanted.items()}
    replication = config.kafka_replication or administration.BROKERS_CHOICE
    return administration.ensure_topics(kafka_access(), partitions, replication)


def missing_topics(topics: Iterable[str]) -> list[str]:
    """The topics that do not exist in Kafka. Raises the client's errors if no broker answers."""
    if settings().topics != "kafka":
        return []
    from layers.adapters.kafka import administration

    names = [settings().queue_prefix + topic for topic in topics]
    return [name for name, count in administration.partitions_of(kafka_access(), names).items() if not count]


def kafka_access() -> Access:
    """Raises ValueError if the packages of Kafka are not installed."""
    config = settings()
    if find_spec("confluent_kafka") is None:
        raise ValueError("Kafka needs further packages: install those of requirements/kafka.txt")
    from layers.adapters.kafka.access import Access

    return Access(
        config.kafka_brokers,
        config.kafka_auth,
        config.kafka_user,
        config.kafka_password,
        tls=config.kafka_uses_tls,
        ca_path=config.kafka_ca,
        certificate_path=config.kafka_certificate,
        key_path=config.kafka_key,
        token_url=config.kafka_token_url,
        token_scope=config.kafka_token_scope,
        region=config.region,
        options=json.loads(config.kafka_options or "{}"),
    )


def owner_url() -> str:
    """The database URL of the owner of all tables; on AWS with the name and password from the secret of RDS."""
    config = settings()
    if not config.owner_secret:
        return config.owner_database_url
    owner = clients.read_secrets([config.owner_secret])
    address = urlsplit(config.database_url)
    login = f"{quote(owner['username'], safe='')}:{quote(owner['password'], safe='')}"
    authorities = quote(clients.certificate_authorities(), safe="/")
    server = f"{address.hostname}:{address.port or 5432}{address.path}"
    return f"postgresql://{login}@{server}?sslmode=verify-full&sslrootcert={authorities}"


@once
def work_signal() -> RedisWorkSignal | None:
    return RedisWorkSignal(settings().redis_url) if settings().redis_url else None


@once
def change_notifications() -> RedisChangeNotifications:
    return RedisChangeNotifications(settings().redis_url)


@once
def limits() -> RedisLimits:
    return RedisLimits(settings().redis_url)


@once
def breakers() -> RedisBreakers:
    return RedisBreakers(settings().redis_url)


@once
def budgets() -> RedisBudgets:
    config = settings()
    # Until the sizes of calls have been measured, the largest window is assumed.
    window_tokens = config.extraction_window_bytes / CHARACTERS_A_TOKEN + ANSWER_TOKENS
    rates = {
        "textract": Rate(config.textract_calls_per_s),
        # Limits of models are per minute, so the calls of several seconds may come at once.
        "extraction": Rate(config.extraction_tokens_per_min / 60, window_tokens, burst_s=15, ease_s=10),
    }
    return RedisBudgets(config.redis_url, {name: rate for name, rate in rates.items() if rate.per_s}, _processes)


@once
def fleet() -> FleetView:
    """The live workers that this process last read from the store."""
    return FleetView()


def _processes() -> int:
    """How many processes run steps at once: without Redis, a budget is divided by this number."""
    return sum(settings().concurrency.values()) if settings().on_lambda else fleet().workers


@once
def connection_slots() -> RedisConnectionSlots:
    config = settings()
    most = {"preview": config.preview_connections} if config.preview_connections else {}
    return RedisConnectionSlots(config.redis_url, most, _processes)


@once
def topics() -> Topics:
    """Where messages are published: SQS or Kafka. On Lambda, Kafka is for messages of steps only."""
    config = settings()
    if config.topics != "kafka":
        return queues()
    from layers.adapters.kafka.topics import KafkaTopics, producer

    access = kafka_access()
    of_lambda = queues() if config.on_lambda else None
    return KafkaTopics(
        access,
        lambda: producer(access),
        prefix=config.queue_prefix,
        queues=of_lambda,
        hand_over=kafka_source().hand_over,
    )


@once
def source() -> MessageSource:
    """Where a worker receives messages."""
    return kafka_source() if settings().topics == "kafka" else queues()


@once
def kafka_source() -> KafkaSource:
    """What this process receives from Kafka: nothing until a worker starts it."""
    from layers.adapters.kafka.source import KafkaSource, consumer

    config, access = settings(), kafka_access()
    return KafkaSource(lambda: consumer(access, config.queue_prefix, config.worker_name), prefix=config.queue_prefix)


@once
def queues() -> SqsTopics:
    signal = work_signal()
    return SqsTopics(lambda: aws_client("sqs"), signal.send if signal else None, prefix=settings().queue_prefix)


@once
def objects() -> Objects:
    config = settings()
    cache = FileCache(config.kept_originals_bytes) if config.kept_originals_bytes else None
    originals = _storage(config.bucket, cache)
    if not config.artifact_bucket or config.artifact_bucket == config.bucket:
        return originals
    from layers.adapters.aws.two_buckets import TwoBuckets

    return TwoBuckets(originals, _storage(config.artifact_bucket, None))


def _storage(bucket: str, cache: FileCache | None) -> S3Storage:
    config = settings()
    return S3Storage(
        lambda: aws_client("s3"),
        bucket,
        config.store_public_url or config.store_url or f"https://s3.{config.region}.amazonaws.com",
        config.region,
        most_bytes=config.max_file_bytes,
        cache=cache,
        is_virtual=config.store_addressing == "virtual",
    )


@once
def documents() -> Documents:
    return Documents(max_children=MOST_DECODERS, printer=printer(), ocr_engine=settings().ocr_engine)


@once
def printer() -> OfficePrinter | None:
    """Converts office documents to PDF: the service in the settings, else the installed LibreOffice, else None."""
    if settings().preview_url:
        from layers.adapters.printing.gotenberg_printer import GotenbergPrinter

        return GotenbergPrinter(settings().preview_url, connected=counted(connection_slots(), "preview"))
    if settings().libreoffice == "off":
        return None
    program = libreoffice_printer.installed("" if settings().libreoffice == "auto" else settings().libreoffice)
    return LibreOfficePrinter(program) if program else None


@once
def known_languages() -> tuple[str, ...]:
    """The languages that a dataset may use."""
    named = tuple(settings().known_languages.replace("+", " ").split())
    return named or tuple(sorted({*(installed_languages() or ("deu", "eng")), *network_languages()}))


def network_languages() -> tuple[str, ...]:
    """The languages that the networks read, if they are installed. On Lambda, only the function that runs OCR has them."""
    config = settings()
    is_installed = config.on_lambda or find_spec("tinyocr") is not None
    return letters.LANGUAGES if config.ocr_engine == "auto" and is_installed else ()


@once
def ports() -> Ports:
    return Ports(
        store=store(),
        objects=objects(),
        topics=topics(),
        documents=documents(),
        extractor=extractor(),
        paid_reader=paid_reader(),
        notifications=change_notifications(),
        breakers=breakers(),
        budgets=budgets(),
        max_file_bytes=settings().max_file_bytes,
        scanner=scanner(),
        reach=reach(),
        jobs=PostgresJobs(database()),
        retention=PostgresRetention(database()),
        reports=PostgresReports(database()),
        imports=PostgresImports(database()),
        plans=PostgresPlans(database()),
        exports=exports(),
        webhooks=webhooks(),
        webhook_log_days=settings().webhook_log_days,
        manifest_days=settings().manifest_days,
        audit_log=PostgresAuditLog(database()),
        audit_log_days=settings().audit_log_days,
        dataset_views=PostgresDatasetViews(database()),
        tenant_data=PostgresTenantData(database()),
        sources=S3Sources(lambda: aws_client("s3")),
        senders=PostgresSenders(database()),
        kinds=PostgresKinds(database()),
    )


@once
def scanner() -> ClamavScanner | None:
    """ClamAV, if its address is set."""
    return ClamavScanner(settings().clamav) if settings().clamav else None


def reach() -> Reach:
    """The properties of the chosen services on which plans depend."""
    config = settings()
    # Amazon Textract can read objects from Amazon S3 only; a substitute also from other stores.
    reads_objects = not config.store_url or bool(config.textract_endpoint_url)
    if config.extraction == "rules":
        return Reach(reads_objects=reads_objects, sure_from=config.ocr_sure_from)
    return Reach(config.extraction_window_bytes, config.extraction_most_windows, reads_objects, config.ocr_sure_from)


@once
def paid_reader() -> PaidReader | None:
    """Amazon Textract, if it is switched on, or if its endpoint or credentials are clearly Amazon's."""
    config = settings()
    is_amazon = not config.store_url or config.textract_endpoint_url or config.aws_profile
    if (
        config.textract == "off"
        or (config.textract == "auto" and not is_amazon)
        or not clients.has_credentials(config.aws_profile)
    ):
        return None
    from layers.adapters.aws.textract_reader import TextractReader

    return TextractReader(
        lambda: paid_client("textract", config.textract_endpoint_url, 20), config.bucket, Pacer(budgets(), "textract")
    )


@once
def extractor() -> Extractor:
    """Finds the values in a text: the built-in rules, or a model."""
    config = settings()
    if config.extraction == "rules":
        from layers.adapters.extraction.rules_extractor import RulesExtractor

        return RulesExtractor()
    from layers.adapters.extraction.model_extractor import ModelExtractor

    return ModelExtractor(_model(config))


def _model(config: Settings) -> Model:
    if config.extraction == "openai":
        from layers.adapters.extraction.openai_model import OpenAiModel

        return OpenAiModel(
            config.extraction_url,
            config.extraction_key,
            config.extraction_model,
            timeout_s=config.extraction_timeout_s,
            most_answer_tokens=config.extraction_most_answer_tokens,
            options=config.model_options,
            pace=Pacer(budgets(), "extraction"),
        )
    from layers.adapters.aws.bedrock_model import BedrockModel

    return BedrockModel(
        lambda: paid_client("bedrock-runtime", config.bedrock_endpoint_url, config.extraction_timeout_s),
        config.extraction_model,
        most_answer_tokens=config.extraction_most_answer_tokens,
        strict=config.extraction_strict == "on",
        pace=Pacer(budgets(), "extraction"),
    )


def paid_client(service: str, endpoint_url: str | None, read_timeout_s: float) -> Any:
    """An SDK client of a service that costs money for each call."""
    return clients.paid_client(service, settings().region, settings().aws_profile, endpoint_url, read_timeout_s)


def aws_client(service: str) -> Any:
    """An SDK client of a service that Fairway runs on."""
    config = settings()
    addressing = "path" if config.store_addressing == "auto" and config.store_url else config.store_addressing
    return clients.own_client(service, config.region, addressing=addressing)
