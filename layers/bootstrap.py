"""Chooses what is real: builds the adapters that the settings ask for, at first use, once a process."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

from layers.adapters.aws.file_cache import FileCache
from layers.adapters.aws.s3_storage import S3Storage
from layers.adapters.aws.sqs_topics import SqsTopics
from layers.adapters.clamav_scanner import ClamavScanner
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.adapters.printing import libreoffice_printer
from layers.adapters.printing.libreoffice_printer import LibreOfficePrinter
from layers.adapters.redis.breakers import RedisBreakers
from layers.adapters.redis.budgets import RedisBudgets
from layers.adapters.redis.change_notifications import RedisChangeNotifications
from layers.adapters.redis.connection_slots import RedisConnectionSlots
from layers.adapters.redis.limits import RedisLimits
from layers.adapters.redis.work_signal import RedisWorkSignal
from layers.attempts.pacing import Pacer, counted
from layers.decoders.tessdata import installed_languages
from layers.decoding.documents import Documents
from layers.domain.budget import Rate
from layers.domain.extraction.conversation import ANSWER_TOKENS, CHARACTERS_A_TOKEN
from layers.domain.file import Reach
from layers.ports import Extractor, Model, OfficePrinter, PaidReader, Ports, SecondReader, Topics
from layers.settings import Settings

Built = TypeVar("Built")
_LOCK = threading.RLock()
_BUILT: dict[Any, Any] = {}


def once(build: Callable[[], Built]) -> Callable[[], Built]:
    """A function that builds its answer once a process, however many threads ask for it first."""

    def get() -> Built:
        with _LOCK:
            if build not in _BUILT:
                _BUILT[build] = build()
            return cast(Built, _BUILT[build])

    return get


def forget() -> None:
    """Build everything anew at its next use, from the environment as it then is."""
    with _LOCK:
        for one in _BUILT.values():
            if isinstance(one, Database):
                one.close()
        _BUILT.clear()


@once
def settings() -> Settings:
    return Settings.from_environment({**secrets(os.environ), **os.environ})


def secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What is kept in Secrets Manager: each secret that FAIRWAY_SECRETS names is a JSON object of variables."""
    names = [name for name in environment.get("FAIRWAY_SECRETS", "").split(",") if name]
    if not names:
        return {}
    import boto3

    client = boto3.session.Session().client("secretsmanager")
    found: dict[str, str] = {}
    for name in names:
        found |= json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    return found


@once
def database() -> Database:
    return _database(settings().database_url)


def _database(url: str, most: int = 32) -> Database:
    if settings().database_auth != "iam":
        return Database(url, most=most)
    return Database(url, most=most, prepares=False, given=lambda: _rds_token(url))


def _rds_token(url: str) -> dict[str, str]:
    """A password good for fifteen minutes, and the authorities that sign RDS Proxy's certificate."""
    to = urlsplit(url)
    token = aws_client("rds").generate_db_auth_token(to.hostname, to.port or 5432, to.username)
    return {"password": token, "sslmode": "verify-full", "sslrootcert": _authorities()}


def _authorities() -> str:
    import botocore

    return str(Path(botocore.__file__).with_name("cacert.pem"))


@once
def store() -> PostgresStore:
    return PostgresStore(database())


@once
def catalog() -> PostgresCatalog:
    """What the API sees: by a role of its own, that row-level security holds to one tenant."""
    return PostgresCatalog(_database(settings().api_database_url or settings().database_url, most=24))


def migrate() -> list[str]:
    """Bring the database up to date as its owner, let the roles in, and see that there is an admin; what was applied."""
    from layers.adapters.postgres import migration

    given, owner = settings(), _owner_url()
    applied = migration.migrate(owner)
    logins = {"fairway_worker": given.database_url, "fairway_api": given.api_database_url}
    for role, url in logins.items():
        if given.database_auth == "iam":
            migration.give_token_login(owner, role)
        elif password := urlsplit(url).password:
            migration.give_login(owner, role, unquote(password))
    if given.admin_key:
        migration.ensure_local_tenant(owner, given.admin_key, given.key_pepper, "operations")
    return applied


def ensure_topics(steps: Mapping[str, int]) -> list[str]:
    """Make the steps' topics where Kafka carries them; those that were made or widened.

    Lambda has one invocation at work in each partition: there are as many as may run at once.
    """
    given = settings()
    if not given.kafka_brokers:
        return []
    from layers.adapters.kafka import topics

    partitions = {given.queue_prefix + step: count for step, count in steps.items()}
    return topics.ensure_topics(given.kafka_brokers, given.kafka_auth, partitions)


def _owner_url() -> str:
    """The address for the owner of all tables, with the password that RDS keeps in a secret of its own."""
    given = settings()
    if not given.owner_secret:
        return given.owner_database_url
    owner = secrets({"FAIRWAY_SECRETS": given.owner_secret})
    to = urlsplit(given.database_url)
    who = f"{quote(owner['username'], safe='')}:{quote(owner['password'], safe='')}"
    trusted = quote(_authorities(), safe="/")
    return f"postgresql://{who}@{to.hostname}:{to.port or 5432}{to.path}?sslmode=verify-full&sslrootcert={trusted}"


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
    given = settings()
    # A window as large as may be, until some were seen.
    window_tokens = given.extraction_window_bytes / CHARACTERS_A_TOKEN + ANSWER_TOKENS
    rates = {
        "textract": Rate(given.textract_calls_per_s),
        # Models count by the minute: some seconds of it may be used at once.
        "extraction": Rate(given.extraction_tokens_per_min / 60, window_tokens, burst_s=15, ease_s=10),
    }
    return RedisBudgets(given.redis_url, {name: one for name, one in rates.items() if one.per_s}, given.processes)


@once
def connection_slots() -> RedisConnectionSlots:
    given = settings()
    most = {"preview": given.preview_connections} if given.preview_connections else {}
    return RedisConnectionSlots(given.redis_url, most, given.processes)


@once
def topics() -> Topics:
    """Where wake-ups are published: queues, or Kafka beside them."""
    given = settings()
    if not given.kafka_brokers:
        return queues()
    from layers.adapters.kafka.topics import KafkaTopics, brokers_answer, producer

    to = given.kafka_brokers, given.kafka_auth
    return KafkaTopics(lambda: producer(*to), lambda: brokers_answer(*to), queues(), prefix=given.queue_prefix)


@once
def queues() -> SqsTopics:
    signal = work_signal()
    return SqsTopics(lambda: aws_client("sqs"), signal.send if signal else None, prefix=settings().queue_prefix)


@once
def objects() -> S3Storage:
    given = settings()
    public_url = given.store_public_url or given.aws_endpoint_url or f"https://s3.{given.region}.amazonaws.com"
    cache = FileCache(given.kept_originals_bytes) if given.kept_originals_bytes else None
    return S3Storage(
        lambda: aws_client("s3"), given.bucket, public_url, given.region, most_bytes=given.max_file_bytes, cache=cache
    )


@once
def documents() -> Documents:
    return Documents(max_children=settings().decoders_at_once, printer=printer())


@once
def printer() -> OfficePrinter | None:
    """What turns office documents into PDF: the service that is set, else the LibreOffice that is installed."""
    if settings().preview_url:
        from layers.adapters.printing.gotenberg_printer import GotenbergPrinter

        return GotenbergPrinter(settings().preview_url, connected=counted(connection_slots(), "preview"))
    if settings().libreoffice == "off":
        return None
    program = libreoffice_printer.installed("" if settings().libreoffice == "auto" else settings().libreoffice)
    return LibreOfficePrinter(program) if program else None


@once
def second_reader() -> SecondReader | None:
    """RapidOCR, where it is installed: it does not fit into Lambda's package."""
    if settings().second_reader == "off" or find_spec("rapidocr") is None:
        return None
    from layers.adapters.rapid_reader import RapidReader

    return RapidReader()


@once
def known_languages() -> tuple[str, ...]:
    """The languages that a dataset may name."""
    named = tuple(settings().known_languages.replace("+", " ").split())
    return named or installed_languages() or ("deu", "eng")


@once
def ports() -> Ports:
    return Ports(
        store=store(),
        objects=objects(),
        topics=topics(),
        documents=documents(),
        second_reader=second_reader(),
        extractor=extractor(),
        paid_reader=paid_reader(),
        notifications=change_notifications(),
        breakers=breakers(),
        budgets=budgets(),
        max_file_bytes=settings().max_file_bytes,
        scanner=scanner(),
        reach=reach(),
    )


@once
def scanner() -> ClamavScanner | None:
    """ClamAV, where its address is given."""
    return ClamavScanner(settings().clamav) if settings().clamav else None


def reach() -> Reach:
    """What the chosen services can do, as far as a plan depends on it."""
    given = settings()
    # What stands in for Textract is of the same world as the store; the real one knows Amazon's alone.
    reads_objects = not given.aws_endpoint_url or bool(given.textract_endpoint_url)
    if given.extraction == "rules":
        return Reach(reads_objects=reads_objects, sure_from=given.ocr_sure_from)
    return Reach(given.extraction_window_bytes, given.extraction_most_windows, reads_objects, given.ocr_sure_from)


@once
def paid_reader() -> PaidReader | None:
    """Amazon Textract, where it is switched on, or where its endpoint or credentials are plainly Amazon's."""
    given = settings()
    plainly = not given.aws_endpoint_url or given.textract_endpoint_url or given.aws_profile
    if given.textract == "off" or (given.textract == "auto" and not plainly) or not _has_credentials():
        return None
    from layers.adapters.aws.textract_reader import TextractReader

    return TextractReader(
        lambda: paid_client("textract", given.textract_endpoint_url, 20), given.bucket, Pacer(budgets(), "textract")
    )


@once
def extractor() -> Extractor:
    """What turns text into values: the built-in rules, or a model."""
    given = settings()
    if given.extraction == "rules":
        from layers.adapters.extraction.rules_extractor import RulesExtractor

        return RulesExtractor()
    from layers.adapters.extraction.model_extractor import ModelExtractor

    return ModelExtractor(_model(given))


def _model(given: Settings) -> Model:
    if given.extraction == "openai":
        from layers.adapters.extraction.openai_model import OpenAiModel

        return OpenAiModel(
            given.extraction_url,
            given.extraction_key,
            given.extraction_model,
            timeout_s=given.extraction_timeout_s,
            most_answer_tokens=given.extraction_most_answer_tokens,
            options=given.model_options,
            pace=Pacer(budgets(), "extraction"),
        )
    from layers.adapters.aws.bedrock_model import BedrockModel

    return BedrockModel(
        lambda: paid_client("bedrock-runtime", given.bedrock_endpoint_url, given.extraction_timeout_s),
        given.extraction_model,
        most_answer_tokens=given.extraction_most_answer_tokens,
        strict=given.extraction_strict == "on",
        pace=Pacer(budgets(), "extraction"),
    )


def _has_credentials() -> bool:
    return _paying_session().get_credentials() is not None


def _paying_session() -> Any:
    import boto3

    return boto3.session.Session(profile_name=settings().aws_profile or None)


def paid_client(service: str, endpoint_url: str | None, read_timeout_s: float) -> Any:
    """An SDK client of a service that is paid by the call, without retries: a step's are the ones that count.

    The general endpoint is the object store's and not this service's: it is passed over.
    """
    from botocore.config import Config

    config = Config(
        region_name=settings().region,
        connect_timeout=3,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        max_pool_connections=16,
        ignore_configured_endpoint_urls=True,
    )
    return _paying_session().client(service, endpoint_url=endpoint_url, config=config)


def aws_client(service: str) -> Any:
    """An SDK client with short timeouts. The SDK's own retries are few: a step's are the ones that count."""
    import boto3
    from botocore.config import Config

    config = Config(
        region_name=settings().region,
        connect_timeout=3,
        read_timeout=30,
        retries={"max_attempts": 2, "mode": "standard"},
        max_pool_connections=32,
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"} if settings().aws_endpoint_url else None,
    )
    return boto3.session.Session().client(service, config=config)
