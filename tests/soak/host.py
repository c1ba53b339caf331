"""What a run needs from its host: a small disk, a wall clock that can be stepped, and a memory limit.

Each of them has `missing`, the reason why this host does not allow it, or an empty text. Faults that need a missing one
do not run.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DISK_BYTES = 1536 * 1024 * 1024
LIBRARY_SOURCE = Path(__file__).with_name("clock_step.c")
AHEAD_MS = struct.Struct("<q")
CGROUPS = Path("/sys/fs/cgroup")


class Disk:
    """A small disk of its own at `folder`: a tmpfs, which only root can mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing = "" if os.geteuid() == 0 else "a disk of its own (tmpfs) needs root"

    @contextmanager
    def mounted(self) -> Iterator[None]:
        self.folder.mkdir(parents=True)
        if self.missing:
            yield
            return
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", self.folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", self.folder], check=True)

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def fill(self, left_bytes: int) -> None:
        """Fill the disk until only `left_bytes` are free. A second call fills space that was freed since the first."""
        with open(self.folder / "filling", "ab") as filling:
            for chunk_bytes in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while self.free_bytes >= left_bytes + chunk_bytes:
                        os.write(filling.fileno(), bytes(chunk_bytes))

    def free(self) -> None:
        (self.folder / "filling").unlink(missing_ok=True)


class WallClock:
    """The wall clock of the processes that get `environment`: a preloaded library replaces the clock of the C library."""

    def __init__(self) -> None:
        # All users can read the folder, because PostgreSQL runs as another user.
        self._folder = Path(tempfile.mkdtemp(prefix="fairway-soak-clock-"))
        self._folder.chmod(0o755)
        self._file, self._library = self._folder / "ahead", self._folder / "clock_step.so"
        self.ahead_s = 0.0
        self._write()
        self.missing = self._build()

    @property
    def environment(self) -> dict[str, str]:
        return {} if self.missing else {"LD_PRELOAD": str(self._library), "FAIRWAY_SOAK_CLOCK": str(self._file)}

    def step(self, seconds: float) -> None:
        self.ahead_s += seconds
        self._write()

    def close(self) -> None:
        shutil.rmtree(self._folder)

    def _write(self) -> None:
        with open(self._file, "r+b" if self._file.exists() else "wb") as file:
            file.write(AHEAD_MS.pack(round(self.ahead_s * 1000)))

    def _build(self) -> str:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            return "stepping the clock of these processes alone needs a C compiler"
        argv = [compiler, "-shared", "-fPIC", "-O2", "-o", self._library, LIBRARY_SOURCE, "-ldl"]
        built = subprocess.run(argv, capture_output=True, text=True, check=False)
        return "" if built.returncode == 0 else f"the compiler refused clock_step.c: {built.stderr[-300:]}"


class Memory:
    """A control group for the start, inside that of this process, of version 1 if that has the memory controller, else
    of version 2."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._limit = self._usage = ""
        self.missing = ""
        try:
            self._create()
        except OSError as error:
            self.missing = f"no control group with a memory limit: {error}"

    def press(self, left_bytes: int) -> None:
        """Limit the memory to the used bytes plus `left_bytes`. The kernel kills processes that need more."""
        assert self.folder
        while True:
            used = int((self.folder / self._usage).read_text()) - self._reclaimable_bytes()
            try:
                (self.folder / self._limit).write_text(str(used + left_bytes))
                return
            except OSError:  # version 1 refuses a limit that it can't reach by dropping cached files
                left_bytes *= 2

    def _reclaimable_bytes(self) -> int:
        """Cached files, which the kernel drops before it kills."""
        assert self.folder
        lines = (self.folder / "memory.stat").read_text().splitlines()
        sizes = {name: int(size) for name, size in (line.split() for line in lines)}
        return sizes["inactive_file"] + sizes["active_file"]

    def release(self) -> None:
        assert self.folder
        (self.folder / self._limit).write_text("max" if self._limit == "memory.max" else "-1")

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed because memory was short."""
        if self.folder is None:
            return 0
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                lines = (self.folder / name).read_text().splitlines()
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    def close(self) -> None:
        if self.folder is not None:
            with suppress(OSError):
                self.folder.rmdir()

    def _create(self) -> None:
        groups = dict(_groups())
        if "memory" in groups:
            parent, self._limit, self._usage = CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            parent, self._limit, self._usage = CGROUPS, "memory.max", "memory.current"
        parent /= groups.get("memory", groups.get("", "")).lstrip("/")
        folder = parent / f"fairway-soak-{os.getpid()}"
        folder.mkdir()
        self.folder = folder
        if not (folder / self._limit).exists():
            with suppress(OSError):  # refused if the parent has processes of its own
                (parent / "cgroup.subtree_control").write_text("+memory")
        if not (folder / self._limit).exists():
            self.close()
            self.folder = None
            raise OSError(f"{parent} gives its child groups no memory controller")


def _groups() -> Iterator[tuple[str, str]]:
    """The controllers of this process, with the paths of their control groups; the controller of version 2 has no name."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path
