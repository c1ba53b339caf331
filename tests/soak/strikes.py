"""What each fault does: a context manager for each kind, which holds the fault as long as its block runs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress

from benchmarks.busy_host import busy_cores
from tests.soak.plan import Strike
from tests.soak.site import Site

FILL_AGAIN_S = 0.2
MIB = 1024 * 1024


@contextmanager
def fill_disk(site: Site, strike: Strike) -> Iterator[None]:
    """Keep the disk full, even when space is freed meanwhile."""
    ended = threading.Event()

    def fill() -> None:
        while not ended.is_set():
            site.disk.fill(round(strike.strength * MIB))
            ended.wait(FILL_AGAIN_S)

    filling = threading.Thread(target=fill)
    filling.start()
    try:
        yield
    finally:
        ended.set()
        filling.join()
        site.disk.free()


def steal_cpu(site: Site, strike: Strike) -> AbstractContextManager[None]:
    return busy_cores(round(strike.strength) * (os.cpu_count() or 1), strike.lasts_s)


@contextmanager
def press_memory(site: Site, strike: Strike) -> Iterator[None]:
    site.memory.press(round(strike.strength * MIB))
    try:
        yield
    finally:
        site.memory.release()


@contextmanager
def step_clock(site: Site, strike: Strike) -> Iterator[None]:
    site.clock.step(strike.strength)
    yield


@contextmanager
def tear(site: Site, strike: Strike) -> Iterator[None]:
    site.proxies[strike.target].cut()
    yield


@contextmanager
def refuse(site: Site, strike: Strike) -> Iterator[None]:
    site.proxies[strike.target].block()
    try:
        yield
    finally:
        site.proxies[strike.target].unblock()


@contextmanager
def silence(site: Site, strike: Strike) -> Iterator[None]:
    """The other end vanishes: nothing arrives, and connections stay open. At the end they are reset."""
    proxy = site.proxies[strike.target]
    proxy.silence()
    try:
        yield
    finally:
        proxy.cut()
        proxy.unsilence()


@contextmanager
def delay(site: Site, strike: Strike) -> Iterator[None]:
    proxy = site.proxies[strike.target]
    proxy.delay(strike.strength)
    try:
        yield
    finally:
        proxy.undelay()


@contextmanager
def kill(site: Site, strike: Strike) -> Iterator[None]:
    """Kill one process; its children end with it. If the target is a decoder, the strength chooses one of those running."""
    if strike.target == "decoder":
        running = sorted(site.pids_of("decoder"))
        pid = running[int(strike.strength * len(running))] if running else None
    else:
        pid = site.pids().get(strike.target)
    if pid is not None:
        _send([pid], signal.SIGKILL)
    yield


@contextmanager
def freeze(site: Site, strike: Strike) -> Iterator[None]:
    """Stop the process and its children: they keep their connections open and do not answer."""
    pids = site.pids_of(strike.target)
    _send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(pids, signal.SIGCONT)


STRIKES: Mapping[str, Callable[[Site, Strike], AbstractContextManager[None]]] = {
    "fill_disk": fill_disk,
    "steal_cpu": steal_cpu,
    "press_memory": press_memory,
    "step_clock": step_clock,
    "tear": tear,
    "refuse": refuse,
    "silence": silence,
    "delay": delay,
    "kill": kill,
    "freeze": freeze,
}


def _send(pids: set[int] | list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
