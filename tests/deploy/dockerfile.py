"""Parses a Dockerfile, with the instructions that deploy/Dockerfile uses."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction such as `RUN`, and its arguments."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Files that are copied: from the project's folder, or from another stage."""

    sources: list[str]
    target: str
    stage: str = ""


@dataclass(slots=True)
class Stage:
    """A `FROM` and the instructions after it."""

    name: str
    instructions: list[Instruction] = field(default_factory=list)


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile. Lines that end in a backslash are joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    stages: list[Stage] = []
    for line in filter(str.strip, joined.splitlines()):
        name, _, text = line.strip().partition(" ")
        if name == "FROM":
            stages.append(Stage(text.partition(" AS ")[2]))
        else:
            stages[-1].instructions.append(Instruction(name, text.strip()))
    return stages


def copy_of(instruction: Instruction) -> Copy:
    words = shlex.split(instruction.text)
    stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
    return Copy(words[:-1], words[-1], stage)


def environment_of(instruction: Instruction, held: dict[str, str]) -> dict[str, str]:
    """The variables that an `ENV` sets; `$NAME` is the value before."""
    pairs = (word.partition("=") for word in shlex.split(instruction.text))
    return {name: value.replace("$PATH", held.get("PATH", "")) for name, _, value in pairs}
