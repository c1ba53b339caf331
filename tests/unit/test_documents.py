"""Links in documents work, documents keep their length limits, packages have a licence and authors, and examples run."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from layers.domain.file import File
from layers.domain.step import Done, Skip, Step

ROOT = Path(__file__).parent.parent.parent
README_WORDS = 900
ARCHITECTURE_WORDS = 1_800  # three printed pages
PARAGRAPH_WORDS = 120
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "schema" / "README.md"])


def anchors(document: Path) -> set[str]:
    """The anchors of the headings of a document."""
    headings = HEADING.findall(FENCE.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_it_and_to_its_heading(document: Path) -> None:
    for link in LINK.findall(FENCE.sub("", document.read_text())):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, heading = link.partition("#")
        to = document.parent / name if name else document
        assert to.exists(), link
        assert not heading or heading in anchors(to), link


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= README_WORDS


def test_the_architecture_is_three_pages_of_short_paragraphs() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert len(text.split()) <= ARCHITECTURE_WORDS
    paragraphs = re.split(r"\n\n|\n(?=- |\d\. |\|)", FENCE.sub("", text))
    assert max(len(paragraph.split()) for paragraph in paragraphs) <= PARAGRAPH_WORDS


@pytest.mark.parametrize("package", ["pyproject.toml", "clients/python/pyproject.toml"])
def test_a_package_names_its_readme_licence_and_authors(package: str) -> None:
    project = tomllib.loads((ROOT / package).read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert project["authors"] == [{"name": "The Fairway authors"}]
    assert (ROOT / package).with_name(project["readme"]).exists()
    assert all((ROOT / package).with_name(name).exists() for name in project["license-files"])
    assert project["urls"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert {"Homepage", "Documentation", "Source", "Issues"} <= set(project["urls"])


def test_the_example_step_in_contributing_is_a_step_that_runs() -> None:
    code = textwrap.dedent((ROOT / "CONTRIBUTING.md").read_text().split("   ```python\n", 1)[1].split("```", 1)[0])
    names: dict[str, Any] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    example: Step = names["summary"]
    saved: list[tuple[object, ...]] = []
    work = SimpleNamespace(
        original=lambda: Path("original"),
        documents=SimpleNamespace(read_text=lambda path, media_type: [SimpleNamespace(text="letters " * 100)]),
        save_bytes=lambda *artifact: saved.append(artifact),
    )
    assert isinstance(example.run(File(*[""] * 6, None, 0, None, media_type="text/plain"), work), Done)
    assert saved == [("summary", b"letters " * 62 + b"lett", "summary.txt", "text/plain")]
    assert isinstance(example.run(File(*[""] * 6, None, 0, None, media_type="image/png"), work), Skip)
