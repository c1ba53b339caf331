"""Uploads many files by manifests: computes checksums, leaves out what the dataset has, sends side by side, and continues
where an interrupted run has ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from fairway_client.client import Client, Refused
from fairway_client.folder import Found, checksum
from fairway_client.memory import DUPLICATE, OPEN, KeptLine, KeptManifest, Memory
from fairway_client.sending import Sending
from fairway_client.transfer import NotSent, Patience, Stopped

HASHED_AT_ONCE = 4
KEPT_AT_ONCE = 500
LINE_BYTES = 400  # a generous estimate
PLAIN_BYTES = 5_000_000  # of a request where gzip is not possible
QUOTA_PAUSE_S = 30.0
LINE = re.compile(r"/lines/(\d+)")


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was not uploaded, and why."""

    name: str
    reason: str


class LinesRefused(Exception):
    """The API takes no manifest with these lines. `reasons` are by the numbers of the lines."""

    def __init__(self, reasons: dict[int, str]) -> None:
        super().__init__(f"{len(reasons)} lines were refused")
        self.reasons = reasons


@dataclass
class Report:
    """What became of the files of an upload."""

    found: int = 0
    sent: int = 0
    sent_bytes: int = 0
    duplicates: int = 0
    failures: list[Failure] = field(default_factory=list)
    batch_ids: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "found": self.found,
            "sent": self.sent,
            "sent_bytes": self.sent_bytes,
            "duplicates": self.duplicates,
            "failed": [{"name": failure.name, "reason": failure.reason} for failure in self.failures],
            "batches": self.batch_ids,
        }


class Watcher(Protocol):
    """Is called as an upload proceeds, always in the thread that runs it."""

    def hashing(self, done: int, total: int) -> None: ...

    def planned(self, files: int, size_bytes: int) -> None:
        """So many more files are to be sent."""

    def sent(self, size_bytes: int) -> None:
        """One more file was sent."""

    def failed(self, failure: Failure, size_bytes: int) -> None: ...

    def waiting(self, reason: str) -> None: ...


class Silent:
    """A watcher that shows nothing."""

    def hashing(self, done: int, total: int) -> None: ...
    def planned(self, files: int, size_bytes: int) -> None: ...
    def sent(self, size_bytes: int) -> None: ...
    def failed(self, failure: Failure, size_bytes: int) -> None: ...
    def waiting(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Options:
    name: str | None = None
    allow_duplicates: bool = False
    expand_archives: bool = False
    separators: str | None = None  # with commas between them; None: scans are not separated
    blank_pages: str = "keep"
    labels: tuple[str, ...] = ()
    priority: str = "normal"
    deadline_s: int = 24 * 3600

    def query(self) -> dict[str, Any]:
        """The query parameters of a manifest."""
        flags = {"allow_duplicates": self.allow_duplicates, "expand_archives": self.expand_archives}
        separation = {"separate": "true", "separators": self.separators, "blank_pages": self.blank_pages}
        return {
            **(separation if self.separators else {}),
            **({"labels": ",".join(self.labels)} if self.labels else {}),
            "name": self.name,
            "priority": self.priority,
            "deadline_s": self.deadline_s,
            **{name: "true" for name, is_set in flags.items() if is_set},
        }


class Upload:
    """One upload into a dataset. `on_done` is called, in the thread that runs it, for each file that the dataset has then."""

    def __init__(
        self,
        client: Client,
        dataset_id: str,
        memory: Memory,
        watcher: Watcher | None = None,
        options: Options | None = None,
        patience: Patience | None = None,
        on_done: Callable[[Found], None] = lambda found: None,
    ) -> None:
        self._client, self._dataset_id, self._memory = client, dataset_id, memory
        self._watcher, self._options = watcher or Silent(), options or Options()
        self._patience, self._on_done = patience or Patience(), on_done
        self.report = Report()
        self._found: dict[str, Found] = {}
        self._continued: set[str] = set()

    def run(self, found: Sequence[Found]) -> Report:
        """Upload these files. Raises Refused, httpx.TransportError, or Stopped, after which another run continues."""
        self.report.found = len(found)
        self._found = {each.name: each for each in found}
        for kept in self._memory.manifests():
            self._continue(kept)
        fresh = [each for each in found if each.name not in self._continued]
        self._send_all(self._described(fresh))
        return self.report

    # --- describing ----------------------------------------------------------------------------------

    def _described(self, found: Sequence[Found]) -> list[tuple[Found, dict[str, Any]]]:
        described: list[tuple[Found, dict[str, Any]]] = []
        self._watcher.hashing(0, len(found))
        with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
            try:
                self._describe(pool, found, described)
            except BaseException:
                self._patience.stopping.set()  # or the pool would read all files
                raise
        return described

    def _describe(
        self, pool: ThreadPoolExecutor, found: Sequence[Found], described: list[tuple[Found, dict[str, Any]]]
    ) -> None:
        known, new = self._memory.checksums(), list[tuple[Found, str]]()
        for done, (each, sha256) in enumerate(pool.map(lambda each: self._hashed(each, known), found), 1):
            self._watcher.hashing(done, len(found))
            if isinstance(sha256, OSError):
                self._fail(each, f"can't be read: {sha256.strerror or sha256}")
                continue
            described.append((each, each.line(sha256)))
            if known.get(each.name) != (each.size_bytes, each.modified_ns, sha256):
                new.append((each, sha256))
            if len(new) >= KEPT_AT_ONCE:
                self._memory.keep_checksums(new)
                new = []
        self._memory.keep_checksums(new)

    def _hashed(self, found: Found, known: dict[str, tuple[int, int, str]]) -> tuple[Found, str | OSError]:
        if self._patience.stopping.is_set():
            raise Stopped
        size_bytes, modified_ns, sha256 = known.get(found.name, (-1, 0, ""))
        if (size_bytes, modified_ns) == (found.size_bytes, found.modified_ns):
            return found, sha256
        try:
            return found, checksum(found.path)
        except OSError as error:
            return found, error

    # --- manifests -----------------------------------------------------------------------------------

    def _send_all(self, described: Sequence[tuple[Found, dict[str, Any]]]) -> None:
        """Send manifests of all files, smaller ones where the quota has no room for large ones."""
        waiting = list(reversed(list(self._portions(described))))
        while waiting:
            portion = waiting.pop()
            kept = self._memory.begin(portion)
            try:
                manifest, refused = self._create(kept)
            except LinesRefused as bad:
                for line, reason in bad.reasons.items():
                    self._fail(portion[line][0], f"is refused: {reason}")
                if left := [each for line, each in enumerate(portion) if line not in bad.reasons]:
                    waiting.append(left)
                continue
            if manifest is not None:
                self._upload(kept, manifest)
                continue
            self._memory.forget(kept.number)
            if len(portion) > 1:
                half = len(portion) // 2
                waiting += [portion[half:], portion[:half]]
                continue
            self._watcher.waiting(f"waits for the quota: {refused}")
            self._patience.stopping.wait(QUOTA_PAUSE_S)
            if self._patience.stopping.is_set():
                raise Stopped
            waiting.append(portion)

    def _portions(
        self, described: Sequence[tuple[Found, dict[str, Any]]]
    ) -> Iterator[list[tuple[Found, dict[str, Any]]]]:
        limits = self._client.me()["limits"] if described else {}
        most = limits.get("lines_a_manifest", 1000)
        # Without gzip the whole body has to fit into the request.
        most = most if limits.get("takes_gzip") else min(most, PLAIN_BYTES // LINE_BYTES)
        lines = iter(described)
        while portion := list(islice(lines, most)):
            yield portion

    def _create(self, kept: KeptManifest) -> tuple[dict[str, Any] | None, str]:
        """The manifest; or None and the reason, if the tenant's quota has no room for it now. Raises LinesRefused."""
        lines = [line.text for line in self._memory.lines(kept.number)]
        try:
            manifest = self._patience.insist(
                lambda: self._client.send_manifest(self._dataset_id, lines, kept.key, **self._options.query())
            )
        except Refused as refusal:
            if refusal.problem.get("code") != "quota_exceeded":
                self._memory.forget(kept.number)
                if reasons := _refused_lines(refusal):
                    raise LinesRefused(reasons) from None
                raise
            return None, str(refusal.problem.get("detail"))
        self._memory.keep_answer(kept.number, manifest["id"], manifest["batch_id"])
        duplicates = self._patience.insist(lambda: list(self._client.duplicate_lines(manifest)))
        self._memory.mark(kept.number, duplicates, DUPLICATE)
        return manifest, ""

    def _continue(self, kept: KeptManifest) -> None:
        """Go on with a manifest of an earlier run."""
        if not kept.may_continue:
            self._memory.forget(kept.number)
            return
        try:
            if kept.manifest_id is None:
                manifest, refused = self._create(kept)
            else:
                manifest = self._patience.insist(lambda: self._client.call("GET", f"/manifests/{kept.manifest_id}"))
                refused = ""
        except LinesRefused:
            return  # the files are described again, without these lines
        except Refused as refusal:
            if refusal.problem.get("code") not in ("not_found", "conflict"):
                raise
            self._memory.forget(kept.number)  # it was cancelled, or removed with its dataset
            return
        if manifest is None:
            self._watcher.waiting(f"waits for the quota: {refused}")
            self._memory.forget(kept.number)
            return
        self._upload(kept, manifest)

    # --- sending -------------------------------------------------------------------------------------

    def _upload(self, kept: KeptManifest, manifest: dict[str, Any]) -> None:
        """Send what a manifest still awaits, and forget it unless another run may send more of it."""
        self.report.batch_ids.append(manifest["batch_id"])
        lines = {line.line: line for line in self._memory.lines(kept.number) if self._is_current(line)}
        self._continued |= {line.name for line in lines.values()}
        for line in lines.values():
            if line.state != OPEN:
                self._settle(line)
        awaited = {number: line for number, line in lines.items() if line.state == OPEN}
        self._watcher.planned(len(awaited), sum(line.size_bytes for line in awaited.values()))
        is_left = False

        def failed(line: KeptLine, error: NotSent) -> None:
            nonlocal is_left
            is_left = is_left or error.may_try_again
            self._fail(self._found[line.name], str(error), line.size_bytes)

        def sent(line: KeptLine) -> None:
            self._watcher.sent(line.size_bytes)
            self._settle(line)

        paths = {line.name: self._found[line.name].path for line in awaited.values()}
        sending = Sending(self._client, self._memory, self._patience, paths, sent, failed)
        sending.run(kept.number, manifest["id"], awaited)
        if not is_left:
            self._memory.forget(kept.number)

    def _is_current(self, line: KeptLine) -> bool:
        """Whether the file still is as the manifest describes it. One that was changed is described again."""
        found = self._found.get(line.name)
        return found is not None and (found.size_bytes, found.modified_ns) == (line.size_bytes, line.modified_ns)

    def _settle(self, line: KeptLine) -> None:
        """Count a line that was sent or is a duplicate."""
        if line.state == DUPLICATE:
            self.report.duplicates += 1
        else:
            self.report.sent += 1
            self.report.sent_bytes += line.size_bytes
        self._on_done(self._found[line.name])

    def _fail(self, found: Found, reason: str, size_bytes: int = 0) -> None:
        failure = Failure(found.name, reason)
        self.report.failures.append(failure)
        self._watcher.failed(failure, size_bytes)


def _refused_lines(refusal: Refused) -> dict[int, str]:
    """What is wrong with lines of a manifest, by their numbers."""
    reasons: dict[int, str] = {}
    for error in refusal.problem.get("errors") or ():
        if found := LINE.match(str(error.get("pointer"))):
            reasons.setdefault(int(found.group(1)), str(error.get("detail")))
    return reasons
