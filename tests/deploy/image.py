"""Runs the commands of deploy/Dockerfile on this host, where no image can be built, and then the image's processes.

Both stages have empty folders at /opt and /srv, in a separate mount namespace, which requires root. The last stage runs
as the Dockerfile's user, who can only write to /tmp. `apt-get` is not run: its packages are looked up instead.
`pytest tests/deploy/image.py`, by `make lint-deploy`, since it installs all packages (about 250 MB).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.dockerfile import Stage, copy_of, environment_of, read
from tests.deploy.files import DEPLOY, ROOT

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="mount namespaces need root"),
    pytest.mark.timeout(900),
]
USER = 10001
FOLDERS = ("opt", "srv")
PROCESSES = {
    "infra.http": "import app, infra.http",
    "infra.worker": "import app, infra.worker, functions.handlers",
    "infra.preview_service": "import infra.preview_service.__main__",
    "infra.setup": "import infra.setup.__main__",
    "infra.doctor": "import infra.doctor.__main__",
}


class Image:
    """A folder for each of the folders that the Dockerfile writes to, and what its instructions have set."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {"PATH": f"{root}/bin:/usr/local/bin:/usr/bin:/bin"}
        self.folder = "/"
        self.user = 0
        self.apt: list[str] = []
        (root / "bin").mkdir(parents=True)
        (root / "bin" / "python").symlink_to(Path(sys.executable).resolve())
        (root / "tmp").mkdir(mode=0o1777)
        (root / "tmp").chmod(0o1777)
        for name in FOLDERS:
            (root / name).mkdir()

    def build(self, stage: Stage) -> None:
        for instruction in stage.instructions:
            match instruction.name:
                case "WORKDIR":
                    self.folder = instruction.text
                    self._place(self.folder).mkdir(parents=True, exist_ok=True)
                case "COPY":
                    copy = copy_of(instruction)
                    for source in copy.sources if not copy.stage else ():
                        self._copy(source, copy.target)
                case "ENV":
                    self.environment |= environment_of(instruction, self.environment)
                case "USER":
                    self.user = int(instruction.text.split(":")[0])
                case "RUN" if instruction.text.startswith("apt-get"):
                    install = instruction.text.split("install", 1)[1].split("&&")[0]
                    self.apt += [word for word in install.split() if not word.startswith("-")]
                case "RUN":
                    done = self.run(instruction.text)
                    assert done.returncode == 0, done.stdout + done.stderr
                case "EXPOSE" | "CMD":
                    pass
                case other:
                    raise AssertionError(f"{other} is not understood")

    def run(self, command: str, *, read_only: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command in the image, as its current user."""
        mounts = [f"mount --bind {self.root / name} /{name}" for name in FOLDERS]
        if read_only:
            mounts += [f"mount -o remount,bind,ro /{name}" for name in FOLDERS]
        mounts += [f"mount --bind {self.root / 'tmp'} /tmp", *self._opened_interpreter()]
        as_user = f"setpriv --reuid {self.user} --regid {self.user} --clear-groups --no-new-privs" if self.user else ""
        # The interpreter is found through a link outside of /tmp, which is another folder in the image.
        script = f'set -e; {"; ".join(mounts)}; cd {self.folder}; exec {as_user} sh -c "$0"'
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, command],
            capture_output=True, text=True, check=False, env=self.environment,
        )  # fmt: skip

    def _opened_interpreter(self) -> list[str]:
        """Mounts that let every user reach this host's Python where it is in a closed folder, such as /root: the folder
        is covered by another one that has only the interpreter."""
        base = Path(sys.base_prefix).resolve()
        closed = next((folder for folder in reversed(base.parents) if not folder.stat().st_mode & 0o001), None)
        if closed is None:
            return []
        cover = self.root / "cover"
        place = cover / base.relative_to(closed)
        place.mkdir(parents=True, exist_ok=True)
        return [f"mount --bind {base} {place}", f"mount --rbind {cover} {closed}"]

    def _place(self, path: str) -> Path:
        whole = path if path.startswith("/") else f"{self.folder}/{path}"
        return self.root / whole.lstrip("/")

    def _copy(self, source: str, target: str) -> None:
        place = self._place(target) / Path(source).name if target == "./" else self._place(target)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)


@pytest.fixture(scope="module")
def image() -> Image:
    # Next to the project, since /tmp is another folder in the image.
    root = ROOT / "build" / "image"
    shutil.rmtree(root, ignore_errors=True)
    built = Image(root)
    for stage in read(DEPLOY / "Dockerfile"):
        built.build(stage)
    return built


def test_the_packages_of_debian_exist(image: Image) -> None:
    assert image.apt
    for name in image.apt:
        found = subprocess.run(["apt-cache", "show", name], capture_output=True, text=True, check=False).stdout
        assert re.search(rf"^Package: {re.escape(name)}$", found, re.M), name


def test_the_image_runs_as_another_user_than_root(image: Image) -> None:
    assert image.user == USER
    assert image.run("id -u").stdout.strip() == str(USER)


@pytest.mark.parametrize("module", PROCESSES)
def test_every_process_finds_what_it_imports_on_a_read_only_root(image: Image, module: str) -> None:
    done = image.run(f"python -c '{PROCESSES[module]}'", read_only=True)
    assert done.returncode == 0, done.stderr


def test_nothing_of_the_image_can_be_written(image: Image) -> None:
    for folder in ("/opt/fairway", "/srv/fairway"):
        assert image.run(f"touch {folder}/x", read_only=True).returncode != 0
    assert image.run("touch /tmp/x", read_only=True).returncode == 0


def test_the_commands_answer(image: Image) -> None:
    for module in ("infra.setup", "infra.doctor"):
        done = image.run(f"python -m {module} --help", read_only=True)
        assert done.returncode == 0 and "usage" in done.stdout, done.stderr


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_the_preview_service_prints_in_the_image(image: Image) -> None:
    code = (
        "from pathlib import Path; from infra.preview_service.converter import Converter; "
        "from layers.adapters.printing.libreoffice_printer import installed; "
        'c = Converter(installed(), at_once=1); c.warm_up(Path("/tmp")); print(c.processes); c.close()'
    )
    done = image.run(f"python -c '{code}'", read_only=True)
    assert done.stdout.strip() == "1", done.stderr
