"""What a step works with: the original on disk, readers, and storage for its artifacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from layers.checksum import sha256_of
from layers.domain.errors import PermanentError
from layers.domain.meter import Meter
from layers.domain.page import Member, Page, Picture
from layers.domain.step import Artifact
from layers.ports import Claim, Documents, Extractor, Kinds, PaidReader, Ports, Scanner, Senders

MEMBER_UPLOAD_S = 3600.0


class Work:
    """What one attempt works with. All its files on disk are in `scratch`, a folder that is created at first use and
    deleted at the end of the attempt."""

    def __init__(self, claim: Claim, ports: Ports, scratch: Path | Callable[[], Path]) -> None:
        self.claim = claim
        self._scratch = scratch
        self.meter = Meter()
        self._ports = ports
        self._original: Path | None = None

    @property
    def scratch(self) -> Path:
        if not isinstance(self._scratch, Path):
            self._scratch = self._scratch()
        return self._scratch

    @property
    def documents(self) -> Documents:
        return self._ports.documents

    @property
    def extractor(self) -> Extractor:
        return self._ports.extractor

    @property
    def paid_reader(self) -> PaidReader | None:
        return self._ports.paid_reader

    @property
    def senders(self) -> Senders:
        return self._ports.senders

    @property
    def kinds(self) -> Kinds:
        return self._ports.kinds

    @property
    def scanner(self) -> Scanner | None:
        return self._ports.scanner

    @property
    def max_file_bytes(self) -> int:
        return self._ports.max_file_bytes

    def original(self) -> Path:
        """The path of the uploaded file, which is downloaded at first use. Its name on disk is never the user's."""
        if self._original is None:
            path = self.scratch / "original"
            self._ports.objects.download(self.claim.file.object_key, self.claim.file.version_id, path)
            self._original = path
        return self._original

    def page_picture(self, page_number: int) -> Path:
        """The path of an upright PNG or JPEG of a page, counted from 1, that every service accepts."""
        file, folder = self.claim.file, self.scratch / f"page-{page_number}"
        assert file.media_type is not None
        folder.mkdir(exist_ok=True)
        picture = self._ports.documents.page_picture(self.original(), file.media_type, page_number, folder)
        return folder / picture.name if picture.name else self.original()

    def arrived_bytes(self) -> int | None:
        """The size of the downloaded object, or None where there is no object."""
        try:
            return self.original().stat().st_size
        except PermanentError as error:
            if error.code == "object_missing":
                return None
            raise

    def sha256(self) -> str:
        return sha256_of(self.original())

    def pages(self) -> list[Page]:
        """The pages read so far, with text and words."""
        return self._ports.store.pages(self.claim.file.file_id)

    def read_all_besides(self, numbers: Sequence[int]) -> bool:
        """Whether all pages but these have been read. Costs less than `pages`, in particular for a file of many parts."""
        file = self.claim.file
        return self._ports.store.count_read_pages(file.file_id, numbers) >= file.page_total - len(set(numbers))

    def save(self, kind: str, path: Path, media_type: str) -> Artifact:
        """Store a file as an artifact, under a key of this attempt."""
        key = self.key(path.name)
        size_bytes = self._ports.objects.upload(path, key, media_type)
        return Artifact(kind, key, media_type, size_bytes)

    def save_bytes(self, kind: str, content: bytes, name: str, media_type: str) -> Artifact:
        """Store bytes as an artifact, or refer to the original if that was downloaded and has the same content."""
        if self._original and self._original.stat().st_size == len(content) and self._original.read_bytes() == content:
            return Artifact(kind, self.claim.file.object_key, media_type, len(content))
        path = self.scratch / name
        path.write_bytes(content)
        return self.save(kind, path, media_type)

    def save_picture(self, kind: str, folder: Path, picture: Picture) -> Artifact:
        """Store a picture that a decoder made; one without a name refers to the original."""
        file = self.claim.file
        if picture.name:
            key = self.key(picture.name)
            size_bytes = self._ports.objects.upload(folder / picture.name, key, picture.media_type)
        else:
            key, size_bytes = file.object_key, file.size_bytes or 0
        return Artifact(
            kind,
            key,
            picture.media_type,
            size_bytes,
            picture.width,
            picture.height,
            picture.page_count,
            page_hash=picture.page_hash,
        )

    def save_page_view(self, kind: str, page_number: int) -> Artifact:
        """Draw a page, from 1, as a person looks at it, and store it. Raises PermanentError `no_text` if it shows no
        picture."""
        file, folder = self.claim.file, self.scratch / f"view-{page_number}"
        assert file.media_type is not None
        folder.mkdir(exist_ok=True)
        picture = self._ports.documents.page_view(self.original(), file.media_type, page_number, folder)
        if picture.name:  # the pages of an attempt need different keys
            named = f"{page_number}-{picture.name}"
            (folder / picture.name).rename(folder / named)
            picture = replace(picture, name=named)
        return self.save_picture(kind, folder, picture)

    def keep(self, artifact: Artifact) -> bool:
        """Publish an artifact before the attempt ends. Returns whether this attempt still holds the part."""
        return self._ports.store.keep_artifact(self.claim, artifact)

    def members_folder(self) -> Path:
        """The folder for files that are taken from this one, until they are stored."""
        folder = self.scratch / "members"
        folder.mkdir(exist_ok=True)
        return folder

    def store_members(self, members: Sequence[Member], folder: Path) -> int:
        """Create files of the batch from those in a folder, and store those that are not stored yet. Deletes them there.
        Returns how many were not in the dataset already."""
        object_keys = self._ports.store.add_members(self.claim, members, MEMBER_UPLOAD_S)
        for member in members:
            path = folder / member.stored_as
            if key := object_keys.get(member.index):
                self._ports.objects.upload(path, key, "application/octet-stream")
            path.unlink()
        return len(object_keys)

    def key(self, name: str) -> str:
        """The object key of an artifact of this name."""
        return self.claim.artifact_key(name)
