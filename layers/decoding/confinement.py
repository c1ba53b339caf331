"""Confines a decoder process before it reads an untrusted file: restricts network, files, memory and privileges.

Namespaces (network, processes, IPC) and Landlock (files, TCP, signals; Linux 5.13 and later) are used if the kernel
allows them to an ordinary user. Limits by `setrlimit` apply on every host.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_OPEN_FILES = 256
MAX_PROCESSES = 64
MAX_CPU_S = 3600

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000

# Paths that programs and libraries read outside of their own folders. None contains data of a tenant or a secret.
SHARED = (
    *("/usr", "/lib", "/lib64", "/bin", "/sbin", "/opt", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime", "/etc/nsswitch.conf", "/etc/mime.types"),
    *("/etc/libreoffice", "/var/lib/libreoffice", "/var/spool/libreoffice"),
    *("/var/cache/fontconfig", "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo", "/proc/self"),
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
)

_libc = ctypes.CDLL(None, use_errno=True)


# --- namespaces --------------------------------------------------------------------------------------


def leave_namespaces() -> bool:
    """Leave the host's network, IPC and process namespaces, as far as the host allows it.

    Returns whether the next child starts a new process namespace, where no process outlives that child.
    """
    inner = CLONE_NEWNET | CLONE_NEWIPC
    if _libc.unshare(CLONE_NEWUSER | CLONE_NEWPID | inner) == 0 or _libc.unshare(CLONE_NEWPID | inner) == 0:
        return True
    if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        _libc.unshare(CLONE_NEWNET)
    return False


def die_with_parent(signal_number: int) -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent, a descendant of this process, has ended."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# --- limits ------------------------------------------------------------------------------------------


def limit(memory_bytes: int, *, counts_own_processes: bool) -> None:
    """Set the limits of this process and of each process that it starts.

    The number of processes is limited only in a separate user namespace: elsewhere all processes of the user count.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes + memory_bytes // 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if counts_own_processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (MAX_PROCESSES, MAX_PROCESSES))
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")  # when memory runs out, the kernel ends a decoder first
    except OSError:
        pass  # this kernel has no such file, or does not allow writing it


def allow_memory(memory_bytes: int) -> None:
    """Let this process, and each process that it starts, map this many bytes more than now.

    So libraries that earlier files needed do not count against this file. The hard limit from the start still applies.
    """
    try:
        mapped_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return  # the limit from the start still applies
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (min(most, mapped_bytes + memory_bytes), most))


def allow_cpu(seconds: float) -> None:
    """Let this process, and each process that it starts, use this much CPU time from now on. Then SIGXCPU ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = min(MAX_CPU_S, int(used.ru_utime + used.ru_stime + seconds) + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, MAX_CPU_S))


def drop_privileges() -> None:
    """Drop every capability, and gain none from set-user-id programs."""
    _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _libc.capset(header, (ctypes.c_uint32 * 6)())


# --- Landlock: files, TCP, signals ---------------------------------------------------------------------

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = EXECUTE | READ_FILE | READ_DIR
# All rights to files in each version of Landlock.
ALL_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
TCP_BIND_AND_CONNECT = 3
ABSTRACT_SOCKETS_AND_SIGNALS = 3


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("rights", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def landlock_version() -> int:
    """Landlock's version in this kernel; 0 if it has none."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, 0, 1)))


def restrict_files(readable: Iterable[Path | str], writable: Iterable[Path]) -> bool:
    """Allow this process to read only `readable`, system libraries and programs, and this Python; to write only `writable`.

    Also forbids TCP connections and signals to other processes, if the kernel can do so. Returns whether it has Landlock.
    """
    version = landlock_version()
    if version == 0:
        return False
    everything = ALL_FILE_RIGHTS.get(version, (1 << 16) - 1)
    rules = _Ruleset(everything, TCP_BIND_AND_CONNECT, ABSTRACT_SOCKETS_AND_SIGNALS)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = int(_libc.syscall(CREATE_RULESET, ctypes.byref(rules), size, 0))
    if ruleset < 0:
        return False
    try:
        for path in (*SHARED, *_own_python(), *readable):
            _allow(ruleset, path, READ)
        _allow(ruleset, "/dev/null", READ_FILE | WRITE_FILE)
        for path in writable:
            _allow(ruleset, path, everything & ~IOCTL_DEV)
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(_libc.syscall(RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _own_python() -> list[str]:
    """The folders of this interpreter and its packages. The project's own folder may contain data, so only `layers` is listed."""
    root = Path(__file__).resolve().parents[2]
    entries = [Path(entry).resolve() for entry in sys.path if entry]
    packages = [str(entry) for entry in entries if entry != root and entry not in root.parents]
    return [str(root / "layers"), sys.prefix, sys.base_prefix, *packages]


def _allow(ruleset: int, path: Path | str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not Path(f"/proc/self/fd/{opened}").is_dir():
            rights &= OF_FILES
        _libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(_PathBeneath(rights, opened)), 0)
    finally:
        os.close(opened)
