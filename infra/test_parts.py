"""What the tests want of the machine beyond Python: installed where there is root, named in one line where not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# Program: the Debian packages that bring it, and what is tested with it.
WANTED = {
    "pdftoppm": ("poppler-utils", "drawing PDF pages by poppler"),
    "soffice": (
        "libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui",
        "office documents as PDF by LibreOffice",
    ),
    "curl": ("curl", "the tutorial's session"),
}


def missing() -> dict[str, tuple[str, str]]:
    return {program: of for program, of in WANTED.items() if shutil.which(program) is None}


def install() -> None:
    """Install what is missing with apt, where there is root and apt; a failure is told and left at that."""
    packages = [package for packages, _ in missing().values() for package in packages.split()]
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], check=False, **quiet).returncode != 0:  # type: ignore[call-overload]
            print(f"apt-get {command[0]} failed; tests of {', '.join(packages)} are left out", file=sys.stderr)
            return


def main() -> None:
    if "--missing" not in sys.argv:
        install()
    elif left := missing():
        parts = "; ".join(f"{what} (apt-get install {package})" for package, what in left.values())
        print(f"Not tested on this machine: {parts}")


if __name__ == "__main__":
    main()
