"""Computes the cost of files from the resources that their steps used. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

GB = 1_000_000_000
A_THOUSAND = 1000
Prices = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Use:
    """What one step used for one file: the number of `runs` of its function, and the totals of these runs.

    `cpu_s` is the CPU time of the handler and its decoders, `peak_mb` their peak memory. `reads` and `writes` are
    requests to the object store, `sent` are messages to topics, `store_calls` are statements to the database.
    """

    runs: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    reads: float = 0.0
    writes: float = 0.0
    moved_bytes: float = 0.0
    sent: float = 0.0
    store_calls: float = 0.0
    paid_pages: float = 0.0
    paid_calls: float = 0.0

    def times(self, factor: float) -> Use:
        """The use multiplied by a factor, except for the peak memory."""
        grown = {name: getattr(self, name) * factor for name in self.__dataclass_fields__}
        return Use(**{**grown, "peak_mb": self.peak_mb})


@dataclass(frozen=True, slots=True)
class FileUse:
    """What one file used in total. `characters` is the length of its text, for the cost of models."""

    steps: Mapping[str, Use]
    database_cpu_s: float
    size_bytes: int
    kept_bytes: int
    pages: int
    characters: int = 0
    by_step: Mapping[str, float] = field(default_factory=dict)


def billed_s(use: Use, memory_mb: int, assumed: Prices) -> float:
    """Seconds that Lambda bills for one run: CPU time divided by the share of a CPU that the memory gives, plus waiting."""
    if not use.runs:
        return 0.0
    share = min(1.0, memory_mb / assumed["mb_of_one_cpu"])
    cpu_s = use.cpu_s * assumed["cpu_against_lambda"] / share
    objects_s = (use.reads + use.writes) * assumed["object_call_s"] + use.moved_bytes / assumed["object_bytes_a_s"]
    calls_s = use.sent * assumed["topic_call_s"] + use.store_calls * assumed["store_call_s"]
    waiting_s = objects_s + calls_s + use.paid_calls * assumed["textract_call_s"]
    return (cpu_s + waiting_s) / use.runs + assumed["cold_share"] * assumed["cold_start_s"]


def compute_usd(use: Use, memory_mb: int, processor: str, prices: Prices, assumed: Prices) -> float:
    """What Lambda bills for a step of one file, in US dollars: GB-seconds and requests."""
    gb_s = use.runs * billed_s(use, memory_mb, assumed) * memory_mb / 1024
    return gb_s * float(prices["lambda_gb_s"][processor]) + use.runs * float(prices["lambda_request"])


def items(
    of: FileUse, memory_mb: Mapping[str, int], processor: str, prices: Prices, assumed: Prices
) -> dict[str, float]:
    """US dollars for 1,000 such files, by item. Textract and each model are separate items."""
    steps = of.steps.values()
    runs = sum(use.runs for use in steps)
    api = Use(runs=assumed["api_calls_a_file"], cpu_s=assumed["api_calls_a_file"] * assumed["api_call_cpu_s"])
    a_file = {
        "Lambda": sum(compute_usd(use, memory_mb[name], processor, prices, assumed) for name, use in of.steps.items()),
        # Each message needs three requests: send, receive, delete.
        "SQS": sum(use.sent for use in steps) * 3 * prices["sqs_request"],
        "S3 calls": sum(use.writes for use in steps) * prices["s3_put"]
        + sum(use.reads for use in steps) * prices["s3_get"]
        + prices["s3_put"],  # the upload itself
        "S3 storage": of.kept_bytes / GB * prices["s3_gb_month"] * assumed["kept_months"],
        "API": assumed["api_calls_a_file"] * prices["api_request"]
        + compute_usd(api, memory_mb["api_handler"], processor, prices, assumed),
        "RDS share": database_usd(of.database_cpu_s, prices, assumed),
        "logs and traces": runs
        * (assumed["log_bytes_an_invocation"] / GB * prices["log_gb"] + assumed["traced_share"] * prices["trace"]),
        "Textract": sum(use.paid_pages for use in steps) * prices["textract_page"],
    }
    for name, model in prices["models"].items():
        a_file[f"model {name}"] = model_usd(of.characters, model, assumed)
    return {name: usd * A_THOUSAND for name, usd in a_file.items()}


def own_usd(items_usd: Mapping[str, float]) -> float:
    """The total without Textract and models."""
    return sum(usd for name, usd in items_usd.items() if name != "Textract" and not name.startswith("model "))


def database_usd(cpu_s: float, prices: Prices, assumed: Prices) -> float:
    """The share of this CPU time in the cost of the database and its proxy, at the assumed utilisation."""
    a_second = sum(usd for name, usd in prices["hourly"].items() if name.startswith("RDS")) / 3600
    return cpu_s / (assumed["database_cpus"] * assumed["database_busy_share"]) * a_second


def model_usd(characters: int, model: Mapping[str, float], assumed: Prices) -> float:
    input_tokens = characters / assumed["characters_a_token"] + assumed["tokens_of_instructions"]
    return float(input_tokens * model["input_token"] + assumed["tokens_of_answer"] * model["output_token"])


def tuning(
    use: Use, processor: str, prices: Prices, assumed: Prices, sizes_mb: Iterable[int]
) -> dict[int, tuple[float, float]]:
    """By memory in MB: seconds of one run and US dollars of 1,000 files, for the sizes that are large enough."""
    return {
        size: (billed_s(use, size, assumed), compute_usd(use, size, processor, prices, assumed) * A_THOUSAND)
        for size in sizes_mb
        if size >= use.peak_mb
    }


def idle(prices: Prices, assumed: Prices, *, upkeep_s: float, upkeep_mb: int, processor: str) -> dict[str, float]:
    """US dollars per month without any files, by item."""
    hours = assumed["hours_a_month"]
    polls = assumed["queues"] * assumed["polls_a_queue_second"] * hours * 3600
    rounds = hours * 60
    hourly = {
        name: usd * hours * (assumed["endpoints_in_the_vpc"] if name.startswith("an interface") else 1)
        for name, usd in prices["hourly"].items()
    }
    monthly = prices["monthly"]
    return {
        **hourly,
        "RDS storage, 20 GB": 20 * monthly["RDS storage gp3, a GB"],
        "Lambda's polls of empty queues": polls * prices["sqs_request"],
        "upkeep each minute": rounds
        * (upkeep_s * upkeep_mb / 1024 * prices["lambda_gb_s"][processor] + prices["lambda_request"]),
        "secrets": assumed["secrets"] * monthly["a secret"],
        "metrics of our own": assumed["own_metrics"] * monthly["a metric of our own"],
        "alarms": assumed["alarms"] * monthly["an alarm"],
        "a dashboard": monthly["a dashboard"],
    }
