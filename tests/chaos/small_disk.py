"""An embedded start whose disk fills, is freed, and becomes read-only; `make chaos` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fairway_client import Client
from PIL import Image, ImageDraw

from tests.integration.test_local_start import ROOT, Start, eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a disk of its own (tmpfs) needs root")

DISK_BYTES = 400 * 1024 * 1024
FULL_S = 12.0  # longer than a pulse, so that repairs run while the disk is full
FILES = 24


class SmallDisk:
    """A start whose home is on a separate disk."""

    def __init__(self, home: Path) -> None:
        self.start = Start(home)
        self._ballast = home / "ballast"

    def mount(self, *options: str) -> None:
        chosen = ",".join([f"size={DISK_BYTES}", *options])
        subprocess.run(["mount", "-t", "tmpfs", "-o", chosen, "tmpfs", str(self.start.home)], check=True)

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.start.home)], check=True)

    def fill(self) -> None:
        """Write until no further byte can be written, as another program would."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (1024 * 1024, 4096, 1):
                try:
                    while ballast.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._ballast.unlink()

    def run(self, *module: str) -> subprocess.CompletedProcess[str]:
        settings = {"FAIRWAY_HOME": str(self.start.home), "FAIRWAY_PORT": "0", "FAIRWAY_SAMPLES": "0"}
        return subprocess.run(
            [sys.executable, "-m", *module],
            cwd=ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    home = tmp_path_factory.mktemp("small") / "home"
    home.mkdir()
    small = SmallDisk(home)
    small.mount("mode=0700")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRWAY_STORE_FREE_BYTES", str(8 * 1024 * 1024))
        try:
            small.start.run()
            yield small
        finally:
            small.start.end()
            subprocess.run(["umount", "--lazy", str(home)], check=True)


def photos(folder: Path) -> list[Path]:
    """Pictures with a different line of text each."""
    folder.mkdir()
    for index in range(FILES):
        picture = Image.new("RGB", (900, 300), "white")
        ImageDraw.Draw(picture).text((40, 100), f"Receipt {index} TOTAL {index}.50 EUR", fill="black", font_size=48)
        picture.save(folder / f"{index}.png")
    return sorted(folder.iterdir())


def states(client: Client, dataset_id: str) -> list[str]:
    return [file["state"] for file in client.files(dataset_id)]


def audited(client: Client) -> dict[str, Any]:
    return dict(client.call("GET", "/operations/audit"))


def test_files_that_stood_still_on_a_full_disk_continue_by_themselves(disk: SmallDisk, tmp_path: Path) -> None:
    client = Client(disk.start.endpoint["api_url"], disk.start.endpoint["api_key"])
    dataset_id = client.dataset("small disk")["id"]
    client.upload(dataset_id, photos(tmp_path / "photos"))
    disk.fill()
    time.sleep(FULL_S)
    assert disk.start.process is not None and disk.start.process.poll() is None
    disk.free()
    assert eventually(disk.start.all_answer), disk.start.health()
    client = Client(disk.start.endpoint["api_url"], disk.start.endpoint["api_key"])
    assert eventually(lambda: states(client, dataset_id) == ["done"] * FILES), states(client, dataset_id)
    found = audited(client)
    assert (found["lost"], found["doubled"], found["findings"]) == (0, 0, {}) and found["balanced"] is True


def test_doctor_and_top_work_on_a_full_disk_of_a_running_start(disk: SmallDisk) -> None:
    disk.fill()
    try:
        for module in (("infra.doctor", "--verify", "--home", str(disk.start.home)), ("infra.local.top", "--once")):
            found = disk.run(*module)
            assert "Traceback" not in found.stderr + found.stdout
            assert found.returncode in (0, 2), found
    finally:
        disk.free()
    assert eventually(disk.start.all_answer)


def test_a_start_on_a_full_disk_says_so_and_works_once_there_is_space(disk: SmallDisk) -> None:
    assert disk.start.end() == 0
    disk.fill()
    found = disk.run("infra.local")
    assert found.returncode == 1
    assert f"The disk of {disk.start.home} is full" in found.stderr and "Traceback" not in found.stderr
    disk.free()
    disk.start.run()
    assert eventually(disk.start.all_answer)


def test_a_read_only_home_is_refused_with_a_sentence_by_each_command(disk: SmallDisk) -> None:
    assert disk.start.end() == 0
    disk.remount("ro")
    try:
        found = disk.run("infra.local")
        assert found.returncode == 1
        assert f"{disk.start.home} is on a read-only disk" in found.stderr and "Traceback" not in found.stderr
        for module, code in (
            (("infra.doctor", "--verify", "--home", str(disk.start.home)), 2),
            (("infra.local.top", "--once"), 1),
        ):
            found = disk.run(*module)
            assert found.returncode == code and "Traceback" not in found.stderr, found
            assert str(disk.start.home) in found.stderr
    finally:
        disk.remount("rw")
