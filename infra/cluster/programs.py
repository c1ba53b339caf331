"""The programs of a cluster that are not on PyPI: Kafka, fetched by Maven, and versitygw, built by Go.

Both are kept in the user's cache. `python -m infra.cluster.programs` fetches and builds what is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KAFKA = "4.4.0"
SCALA = "2.13"
LOGGER = "1.7.36"
VERSITYGW = "v1.8.0"
LEAST_JAVA = 17
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fairway</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{scala}</artifactId><version>{kafka}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{logger}</version></dependency>
  </dependencies>
</project>
"""


class Missing(Exception):
    """Programs that the cluster needs are not installed. The message names each."""


def java() -> str:
    return found("java")


def kafka_classes() -> Path:
    """The folder of Kafka's jars. Maven fetches them at first use, 43 MB."""
    return cached(f"kafka-{KAFKA}", _fetch_kafka)


def versitygw() -> Path:
    """The program of the object store. Go builds it at first use, which takes some minutes of CPU time."""
    return cached(f"versitygw-{VERSITYGW}", _build_versitygw) / "versitygw"


def check() -> None:
    """Raise Missing unless this machine has every program that the cluster needs."""
    missing = []
    if not shutil.which("java") or _java_version() < LEAST_JAVA:
        missing.append(f"Java {LEAST_JAVA} or newer (Debian: openjdk-17-jre-headless), which runs Kafka")
    if not _is_cached(f"kafka-{KAFKA}") and not shutil.which("mvn"):
        missing.append("Maven (Debian: maven), which fetches Kafka")
    if not _is_cached(f"versitygw-{VERSITYGW}") and not shutil.which("go"):
        missing.append("Go (https://go.dev/dl), which builds the object store versitygw")
    if missing:
        raise Missing(
            "The cluster needs programs that are not installed:\n" + "\n".join(f"- {line}" for line in missing)
        )


def fetch() -> None:
    """Fetch Kafka while versitygw is built, where they are missing. Raises Missing."""
    check()
    with ThreadPoolExecutor() as pool:
        for fetched in [pool.submit(kafka_classes), pool.submit(versitygw)]:
            fetched.result()


def cache() -> Path:
    """The folder that all clones of the repository share: FAIRWAY_CACHE, else `fairway` in the user's cache."""
    chosen = os.environ.get("FAIRWAY_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairway"


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of this name in the cache, which `make` fills the first time."""
    folder = cache() / name
    if not _is_cached(name):
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache()) as draft:
            content = Path(draft) / "content"
            content.mkdir()
            make(content)
            if not folder.exists():
                content.rename(folder)
    return folder


def _is_cached(name: str) -> bool:
    return (cache() / name).is_dir()


def _fetch_kafka(into: Path) -> None:
    (into.parent / "pom.xml").write_text(POM.format(kafka=KAFKA, scala=SCALA, logger=LOGGER))
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    arguments = [found("mvn"), "--batch-mode", "--quiet", goal, "-DincludeScope=runtime", f"-DoutputDirectory={into}"]
    run(f"Fetching Kafka {KAFKA} by Maven.", arguments, into.parent, {})


def _build_versitygw(into: Path) -> None:
    package = f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW}"
    run(f"Building versitygw {VERSITYGW} by Go.", [found("go"), "install", package], into, {"GOBIN": str(into)})


def run(what: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a program that prepares something. Raises Missing with the end of its output if it fails."""
    print(what, "This is done once.", flush=True)
    done = subprocess.run(arguments, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{what} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def found(program: str) -> str:
    """The path of a program. Raises Missing."""
    path = shutil.which(program)
    if path is None:
        raise Missing(f"{program} is not installed")
    return path


def _java_version() -> int:
    output = subprocess.run([found("java"), "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', output)
    return int(version.group(1)) if version else 0


def main() -> int:
    try:
        fetch()
    except Missing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
