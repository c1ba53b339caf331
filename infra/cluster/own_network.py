"""Runs a program in a network of its own, whose loopback address is the only one: `own_network.py SERVED REACHED PROGRAM ...`.

No other machine reaches the ports on which the program listens, also not those that it opens on all addresses. SERVED is
the port of the program that this machine reaches at 127.0.0.1. REACHED are ports of servers on this machine that the
program reaches at 127.0.0.1, with commas between them. Two child processes pass the connections on; the kernel ends them
with the program, and the network with the last of its processes. It needs root, or a kernel that allows user namespaces.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1"
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
INTERFACE = "16sh14x"  # struct ifreq with flags
CHUNK_BYTES = 64 * 1024
ITSELF = (sys.executable, "-I", "-S", "-B", __file__)
TRY = "try"
_libc = ctypes.CDLL(None, use_errno=True)


def is_allowed() -> bool:
    """Whether this host lets the current user make a network. A child process tries."""
    return subprocess.run([*ITSELF, TRY], stderr=subprocess.DEVNULL).returncode == 0


def argv(served: int, reached: Sequence[int], program: Sequence[str]) -> list[str]:
    """The command that runs a program in a network of its own."""
    return [*ITSELF, str(served), ",".join(map(str, reached)), *program]


def enter() -> None:
    """Move this process, which has one thread, into a new network. Raises OSError where the host does not allow it."""
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(CLONE_NEWNET):
        if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "this host allows no network namespace")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack(INTERFACE, b"lo", 0))
        _name, flags = struct.unpack(INTERFACE, found)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack(INTERFACE, b"lo", flags | IFF_UP))


def main(arguments: Sequence[str]) -> None:
    if arguments == [TRY]:
        enter()
        return
    served, reached, *program = arguments
    ports = [int(port) for port in reached.split(",") if port]
    outside, inside = socket.socketpair()
    # A socket stays in the network in which it was created, whichever process accepts its connections.
    listener = listen(int(served))
    _in_child(lambda: pass_on(dict(zip(ports, _received(outside, len(ports)), strict=True))), [inside, listener])
    enter()
    listeners = [listen(port) for port in ports]
    socket.send_fds(inside, [b"\n"], [each.fileno() for each in listeners])
    _in_child(lambda: pass_on({int(served): listener}), [inside, outside, *listeners])
    os.execvp(program[0], program)  # which closes all sockets


def listen(port: int) -> socket.socket:
    return socket.create_server((ADDRESS, port), backlog=128)


def _received(connection: socket.socket, count: int) -> list[socket.socket]:
    _data, descriptors, _flags, _address = socket.recv_fds(connection, 1, count)
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def _in_child(do: Callable[[], None], not_used: Sequence[socket.socket]) -> None:
    """Do something in a child process that ends when this process ends."""
    parent = os.getpid()
    if os.fork():
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:
        for each in not_used:
            each.close()
        do()
    os._exit(0)


def pass_on(listeners: dict[int, socket.socket]) -> None:
    """Pass all connections of each listener on to a port of this process's own network, for ever."""

    async def serve() -> None:
        servers = [await asyncio.start_server(_connected_to(port), sock=each) for port, each in listeners.items()]
        await asyncio.gather(*(server.serve_forever() for server in servers))

    asyncio.run(serve())


def _connected_to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target_reader, target_writer = await asyncio.open_connection(ADDRESS, port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))
        except OSError:
            pass
        finally:
            writer.transport.abort()
            target_writer.transport.abort()

    return connected


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


if __name__ == "__main__":
    main(sys.argv[1:])
