"""Checks the modules of the web page and of the JavaScript client: `python -m infra.web_check` checks their types, runs their
tests, and compares the code that is served with the sources."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from infra.web_modules import CLIENT, WEB, node, npm
from infra.web_sources import without_comments

COMPILER = "node_modules/typescript/bin/tsc"
AS_WRITTEN = ("--allowJs", "--noCheck", "--removeComments", "--target", "esnext", "--module", "esnext", "--types", "")


def check() -> int:
    """Check everything. Returns the exit code."""
    npm()  # installs Node.js where there is none
    tests = sorted(str(path) for folder in (WEB, CLIENT) for path in (folder / "tests").glob("*.test.js"))
    types = [node(), COMPILER, "--project", "tsconfig.json"]
    codes = [subprocess.run(command, cwd=WEB).returncode for command in (types, [node(), "--test", *tests])]
    return max(*codes, compare_served())


def compare_served() -> int:
    """Whether the modules that are served have the code of the sources: the compiler, which drops all comments, must make the
    same of both. Returns the exit code."""
    paths = sorted((WEB / "src").rglob("*.js"))
    with tempfile.TemporaryDirectory() as folder:
        compiled = []
        for kind in ("written", "served"):
            root, made = Path(folder) / kind, Path(folder) / f"{kind}-compiled"
            for path in paths:
                copy = root / path.relative_to(WEB)
                copy.parent.mkdir(parents=True, exist_ok=True)
                body = path.read_bytes()
                copy.write_bytes(body if kind == "written" else without_comments(body))
            files = [str(root / path.relative_to(WEB)) for path in paths]
            command = [node(), str(WEB / COMPILER), *AS_WRITTEN, "--outDir", str(made), "--rootDir", str(root), *files]
            subprocess.run(command, cwd=folder, check=False)  # where no configuration is found
            compiled.append({path.relative_to(made): path.read_bytes() for path in made.rglob("*.js")})
        written, served = compiled
        different = sorted(str(name) for name in {*written, *served} if written.get(name) != served.get(name))
    if len(written) != len(paths) or different:
        print(f"The code that is served is not that of the sources: {', '.join(different) or 'not compiled'}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(check())
