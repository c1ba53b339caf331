"""Programs outside of Python that tests use: installs missing ones if run by root, else lists what is not tested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# Program: its Debian packages, and what is tested with it.
PROGRAMS = {
    "soffice": (
        "libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui",
        "converting office documents to PDF with LibreOffice",
    ),
    "curl": ("curl", "the session of the tutorial"),
    "chromium": ("chromium", "the web page in a browser"),
    "dovecot": ("dovecot-imapd", "a mailbox on a real IMAP server"),
}
# Their packages start a server at once and at every boot. They are installed only where nothing would start it, as in a
# container.
SERVERS = {"dovecot"}
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"  # only root has all of it


def missing() -> dict[str, tuple[str, str]]:
    return {program: info for program, info in PROGRAMS.items() if shutil.which(program, path=PATH) is None}


def install() -> None:
    """Install missing programs with apt, if there is apt and the user is root. A failure is printed, not raised."""
    wanted = {program: info for program, info in missing().items() if program not in SERVERS or not _starts_servers()}
    packages = [package for packages, _ in wanted.values() for package in packages.split()]
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], check=False, **quiet).returncode != 0:  # type: ignore[call-overload]
            print(f"apt-get {command[0]} failed; tests that need {', '.join(packages)} are skipped", file=sys.stderr)
            return


def _starts_servers() -> bool:
    """Whether systemd runs, which starts servers as they are installed."""
    return Path("/run/systemd/system").exists()


def main() -> None:
    if "--missing" not in sys.argv:
        install()
    elif absent := missing():
        parts = "; ".join(f"{tested} (apt-get install {packages})" for packages, tested in absent.values())
        print(f"Not tested on this machine: {parts}")


if __name__ == "__main__":
    main()
