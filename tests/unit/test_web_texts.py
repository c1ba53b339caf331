"""Every code and sentence that the API can say has its text in each language of the web page."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from itertools import product
from typing import Any, get_args

import pytest

from functions.api.bodies import Quota
from functions.api.file_shapes import FILE_SHAPES
from functions.api.files import STATES
from functions.api.operation_shapes import OPERATION_SHAPES
from functions.api.problems import TITLES
from functions.api.requests import KEY_ROLES
from functions.pipelines import SHOWN_PIPELINES, STEPS
from functions.routing import reason
from infra.web import WEB
from layers.domain.breaker import Mode
from layers.domain.extraction.doubts import SURE_FROM
from layers.domain.extraction.values import DateOrder
from layers.domain.file import ReadingLevel, Several
from layers.domain.kinds.decision import Recognised
from layers.domain.kinds.learnt import LEAST_DOCUMENTS
from layers.domain.kinds.rules import Kind as KindName
from layers.domain.ledger import LOST_WITH_OTHERS, WORKER_LOST
from layers.domain.page import Source
from layers.domain.separation import PATCH_T, Barcode, PageMarks, Separation, separate
from layers.domain.services import SERVICES
from layers.domain.step import State
from layers.ports.kinds import Routes

ROOT = WEB.parent
CATALOGUES = {path.stem: json.loads(path.read_text()) for path in sorted((WEB / "catalogs").glob("*.json"))}
ERRORS = {"PermanentError", "TransientError", "DecoderCrashed", "DecoderKilled", "Failed", "Stop", "_retry"}
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
# Calls that are given a sentence about a step, and functions that return one.
REASONED = {"Skip", "Later", "Snooze", "Throttled", "DependencyDown"}
RETURNING = {"expand", "_unread_reason"}
NOTING = {"Note", "_note"}
# The values of variables in sentences, where not any text can stand in their place.
VALUES = {"shown": ["a contact"], "kind": ["sheet", "slide"]}
# Details in the words of a service stay in these words.
OF_SERVICES = {"layers/adapters/extraction/openai_model.py"}


@cache
def modules() -> list[tuple[str, ast.Module]]:
    paths = [path for folder in ("functions", "layers") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())) for path in paths]


def assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                for name, value in zip(names, values, strict=False):
                    if isinstance(name, ast.Name):
                        found.setdefault(name.id, []).append(value)
    return found


CONSTANTS = {name: values for _, tree in modules() for name, values in assigned(tree).items() if name.isupper()}


def texts(node: ast.expr, names: dict[str, list[ast.expr]]) -> list[str]:
    """What an expression can be, with `7` in the place of what is not known; nothing if it is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return texts(node.body, names) + texts(node.orelse, names)
        case ast.BoolOp():
            return [text for value in node.values for text in texts(value, names)]
        case ast.BinOp(op=ast.Add()):
            return ["".join(both) for both in product(texts(node.left, names), texts(node.right, names))]
        case ast.Name(id=name) if name in VALUES:
            return VALUES[name]
        case ast.Name(id=name):
            return [text for value in names.get(name, CONSTANTS.get(name, [])) for text in texts(value, names)]
        case ast.JoinedStr():
            parts = [
                (texts(part.value, names) or ["7"]) if isinstance(part, ast.FormattedValue) else texts(part, names)
                for part in node.values
            ]
            return ["".join(each) for each in product(*parts)]
    return []


def called(node: ast.AST) -> str:
    func = getattr(node, "func", None)
    return str(getattr(func, "id", getattr(func, "attr", "")))


def codes() -> set[str]:
    """The codes of all errors with which a step can fail."""
    found = {WORKER_LOST, LOST_WITH_OTHERS, "internal_error", *(f"{name}_down" for name in SERVICES)}
    for _, tree in modules():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and called(call) in ERRORS:
                given = call.args[2:3] if called(call) == "_retry" else call.args[:1]
                found |= {text for node in given for text in texts(node, assigned(tree)) if CODE.fullmatch(text)}
    return found - {"_down"}


def notes() -> set[str]:
    """Sentences about how a file was read. Decoders, which answer with plain data, write a note as a list of two."""
    found: set[str] = set()
    for _, tree in modules():
        names = assigned(tree)
        for node in ast.walk(tree):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call) and called(node) in NOTING:
                given = node.args[:2]
            elif isinstance(node, ast.List) and len(node.elts) == 2 and is_flag(node.elts[1]):
                given = node.elts[:1]
            found |= {text for each in given for text in texts(each, names) if " " in text}
    return found


def is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def reasons() -> set[str]:
    """Sentences about why a step was skipped or waits, and about what it did."""
    found: set[str] = set()
    for path, tree in modules():
        names = assigned(tree)
        for node in ast.walk(tree):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call):
                given = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
                given += node.args[:2] if called(node) in REASONED and path not in OF_SERVICES else []
            elif isinstance(node, ast.FunctionDef) and node.name in RETURNING:
                given = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
            found |= {text for each in given for text in texts(each, names) if " " in text}
    separator, blank = PageMarks(1, (Barcode(1, "QR", PATCH_T, None),), 0.1, False), PageMarks(2, (), 0.0, True)
    page = PageMarks(3, (), 0.1, False)
    for pages in ([page, separator, page], [page, separator, blank, separator, page], [blank, page], [separator]):
        found.add(separate(pages, Separation(blank_pages="drop")).reason)
    return (found | reasons_of_routing()) - {"7 failed"}  # the name of a step, which the page translates


def reasons_of_moves() -> set[str]:
    """Why files are not moved, or not moved back."""
    tree = dict(modules())["functions/api/moves.py"]
    names = assigned(tree)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "_refusal":
            given = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
            found |= {text for each in given for text in texts(each, names)}
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            given = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "reason"]
            found |= {text for each in given for text in texts(each, names)}
    return {text for text in found if " " in text}


def reasons_of_routing() -> set[str]:
    invoice, receipt, doubtful = (
        Recognised(kind, probability, "rules")
        for kind, probability in (("invoice", 99.0), ("receipt", 95.0), ("other", 60.0))
    )
    gone, names = "0199d0a4-6c1e-7a52-9d0b-3f6f4a0c2b11", {"0199d0a4-6c1e-7a52-9d0b-3f6f4a0c2b12": "Invoices"}
    there = Routes({"invoice": next(iter(names)), "receipt": gone}, names)
    found = ([invoice], [receipt], [doubtful], [invoice, receipt])
    return {reason(each, there) for each in found} | {reason([invoice], Routes({}, {}))}


def is_said(beginning: str, sentence: str, catalogue: dict[str, Any]) -> bool:
    """Whether the page finds the sentence, as `web/src/said.js` does."""
    for name in catalogue:
        if name.startswith(beginning):
            parts = re.split(r"\{(\w+)\}", name.removeprefix(beginning))
            values = [r"\d+" if part == "count" else ".+?" for part in parts[1::2]]
            words = [re.escape(part) for part in parts[::2]]
            expression = "".join(both for pair in zip(words, [*values, ""], strict=True) for both in pair)
            if re.fullmatch(expression, sentence, re.DOTALL):
                return True
    return False


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_code_has_its_text(language: str) -> None:
    waiting = FILE_SHAPES["Waiting"]["properties"]["reason"]["enum"]
    declared = {
        "problem": TITLES,
        "cause": codes(),
        "waiting": waiting,
        "state": {*STATES, *State},
        "outcome": FILE_SHAPES["Attempt"]["properties"]["outcome"]["enum"],
        "plan.state": FILE_SHAPES["Plan"]["properties"]["state"]["enum"],
        "review": ("open", "needed", "approved", "rejected"),
        "role": KEY_ROLES,
        "step": STEPS,
        "pipeline": [pipeline.name for pipeline in SHOWN_PIPELINES],
        "service": SERVICES,
        "breaker": Mode,
        "worker": OPERATION_SHAPES["Worker"]["properties"]["state"]["enum"],
        "quota": Quota.model_fields,
        "finding": findings(),
        "text.source": get_args(Source),
        "recognised": get_args(KindName),
        "options.reading": get_args(ReadingLevel),
        "options.reading_means": get_args(ReadingLevel),
        "options.date_order": get_args(DateOrder),
        "options.several": get_args(Several),
    }
    named = {f"{kind}.{name}" for kind, names in declared.items() for name in names}
    assert "cause.corrupt" in named and "cause.textract_down" in named and "finding.lost" in named
    assert sorted(named - CATALOGUES[language].keys()) == []


def findings() -> set[str]:
    rules = (ROOT / "schema" / "functions" / "audit_files.sql").read_text()
    of_objects = {text for name in ("ORIGINALS_MISSING", "ARTIFACTS_MISSING", "WRONG_SIZE") for text in constant(name)}
    return set(re.findall(r"SELECT '(\w+)', (?:count|coalesce)", rules)) | of_objects


def constant(name: str) -> list[str]:
    return [text for value in CONSTANTS[name] for text in texts(value, {})]


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_note_has_its_text(language: str) -> None:
    found = notes()
    assert any(note.startswith("the file contains 7 documents") for note in found) and len(found) > 30
    assert [note for note in sorted(found) if not is_said("note.", note, CATALOGUES[language])] == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_reason_has_its_text(language: str) -> None:
    found = reasons()
    assert {"the file's own text is enough", "separated into 2 files; separator page 1 left out"} <= found
    unknown = [
        reason
        for reason in sorted(found)
        if not is_said("reason.", reason, CATALOGUES[language])
        and not all(part == "7" or is_said("reason.", part, CATALOGUES[language]) for part in reason.split("; "))
    ]
    assert unknown == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_reason_why_a_file_is_not_moved_has_its_text(language: str) -> None:
    found = reasons_of_moves()
    assert {"it was removed", "it is being processed; try again when it has ended", "it is not in the dataset"} <= found
    assert [reason for reason in sorted(found) if not is_said("stays.", reason, CATALOGUES[language])] == []


def test_the_page_offers_all_kinds_of_documents() -> None:
    (listed,) = re.findall(r"KINDS = (\[.*?\]);", (WEB / "src" / "data" / "routing.js").read_text())
    assert json.loads(listed) == list(get_args(KindName))
    assert re.findall(r"LEAST_LESSONS = (\d+);", (WEB / "src" / "data" / "routing.js").read_text()) == [
        str(LEAST_DOCUMENTS)
    ]


def test_no_german_sentence_is_the_english_one() -> None:
    german, english = CATALOGUES["de"], CATALOGUES["en"]
    spoken = [name for name in english if name.startswith(("cause.", "note.", "problem.", "reason.", "stays."))]
    assert [name for name in spoken if german[name] == english[name]] == []


def test_the_page_names_the_probability_with_which_a_new_dataset_starts() -> None:
    module = (WEB / "src" / "data" / "options.js").read_text()
    assert re.findall(r"USUAL_SURE_FROM = (\d+)", module) == [f"{SURE_FROM:g}"]
