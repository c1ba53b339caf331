"""Archives in the sandbox: which members are listed and unpacked, and which archives are refused."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.decoding.documents import Documents
from layers.domain.errors import PermanentError


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    documents = Documents(max_children=1)
    yield documents
    documents.close()


def archive(tmp_path: Path, members: dict[str, bytes]) -> Path:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def test_files_of_the_desktop_are_left_out_and_member_names_are_not_used_as_paths(
    documents: Documents, tmp_path: Path
) -> None:
    path = archive(
        tmp_path, {"../../etc/passwd": b"a", "folder/": b"", ".DS_Store": b"b", "__MACOSX/._x": b"c", "x": b"dd"}
    )
    listed = documents.members(path, "application/zip")
    assert [(member.index, member.name, member.size_bytes) for member in listed] == [
        (0, "../../etc/passwd", 1),
        (4, "x", 2),
    ]
    into = tmp_path / "into"
    into.mkdir()
    unpacked = documents.unpack(path, "application/zip", [0, 4], into)
    assert [member.sha256 for member in unpacked] == [hashlib.sha256(content).hexdigest() for content in (b"a", b"dd")]
    assert sorted(found.name for found in into.iterdir()) == ["member-0", "member-4"]
    assert (into / "member-4").read_bytes() == b"dd"


def test_an_archive_with_an_extreme_compression_ratio_is_refused_as_a_bomb(
    documents: Documents, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for index in range(6):
            with target.open(str(index), "w") as member:
                for _ in range(100):
                    member.write(bytes(1 << 20))
    assert refusal(documents, path) == "decompression_bomb"


def test_an_archive_with_too_many_members_is_refused(documents: Documents, tmp_path: Path) -> None:
    assert refusal(documents, archive(tmp_path, {str(index): b"" for index in range(1001)})) == "too_large"


def test_an_encrypted_archive_is_refused(documents: Documents, tmp_path: Path) -> None:
    content = io.BytesIO(archive(tmp_path, {"a": b"secret"}).read_bytes()).getvalue()
    locked = tmp_path / "locked.zip"
    # The encryption flag is in the local header and in the directory.
    directory = content.rindex(b"PK\x01\x02")
    locked.write_bytes(content[:6] + b"\x01" + content[7 : directory + 8] + b"\x01" + content[directory + 9 :])
    assert refusal(documents, locked) == "password_protected"


def test_a_damaged_member_is_an_error(documents: Documents, tmp_path: Path) -> None:
    path = archive(tmp_path, {"a.txt": bytes(range(256)) * 40})
    content = bytearray(path.read_bytes())
    content[60:70] = b"\xff" * 10
    path.write_bytes(content)
    with pytest.raises(PermanentError) as caught:
        documents.unpack(path, "application/zip", [0], tmp_path)
    assert caught.value.code == "corrupt"


def refusal(documents: Documents, path: Path) -> str:
    with pytest.raises(PermanentError) as caught:
        documents.members(path, "application/zip")
    return caught.value.code
