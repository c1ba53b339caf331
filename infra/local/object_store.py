"""The embedded object store and queues: ministack behind a private and a public listener.

The queues are created before the listeners open.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from infra.local.objects.files import ObjectFiles
from infra.local.objects.queue_calls import QueueCalls
from infra.local.ports import ADDRESS
from infra.local.process import Process
from infra.local.store_setup import BUCKET, create_queues
from infra.readiness import report_ready

ROOT = Path(__file__).resolve().parent.parent.parent
REGION = "us-east-1"
MAX_UPLOAD_BYTES = 200 * 1024 * 1024
MOST_BYTES = 5 * 2**30  # that S3 stores by one PUT: the limit of Fairway's own processes, whose exports may be large
FREE_BYTES = 256 * 1024 * 1024  # of the disk, which uploads leave free for the database, logs and scratch files
GRACE_S = 0.5


def declare(
    objects: Path,
    *,
    private_port: int,
    public_port: int,
    key_id: str,
    secret: str,
    redis_url: str,
    visibility_s: Mapping[str, int],
    max_upload_bytes: int = MAX_UPLOAD_BYTES,
    free_bytes: int = FREE_BYTES,
    marks: Mapping[str, str] | None = None,
) -> Process:
    """The store as a supervised process. `visibility_s` maps topics to visibility timeouts; `marks` are extra variables."""
    environment = {
        **_outer_environment(),
        **(marks or {}),
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "GATEWAY_PORT": str(private_port),
        "BIND_HOST": ADDRESS,
        "MINISTACK_HOST": ADDRESS,
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "DOCKER_HOST": "unix:///nonexistent",  # so that it looks for no containers
        "FAIRWAY_REDIS_URL": redis_url,
        "FAIRWAY_STORE_FOLDER": str(objects),
        "FAIRWAY_STORE_FREE_BYTES": str(free_bytes),
        "FAIRWAY_STORE_PORTS": f"{private_port},{public_port}",
        "FAIRWAY_STORE_VISIBILITY_S": json.dumps(dict(visibility_s)),
        "FAIRWAY_STORE_MAX_BYTES": str(max_upload_bytes),
    }
    return Process(
        name="store",
        argv=[sys.executable, "-m", "infra.local.object_store"],
        env=environment,
        cwd=ROOT,
        before_start=lambda: objects.mkdir(mode=0o700, exist_ok=True),
        reports_ready=True,
        stop_signal=signal.SIGTERM,
        stop_s=2.0,
    )


def _outer_environment() -> dict[str, str]:
    passed_on = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONPYCACHEPREFIX")
    return {name: os.environ[name] for name in passed_on if name in os.environ}


async def serve() -> None:
    """Run the store until SIGTERM or SIGINT."""
    from ministack.app import app as ministack
    from ministack.core import hypercorn_compat

    hypercorn_compat.install()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    files = ObjectFiles(
        Path(os.environ["FAIRWAY_STORE_FOLDER"]), free_bytes=int(os.environ["FAIRWAY_STORE_FREE_BYTES"])
    )
    async with _lifespan(ministack):
        await create_queues(QueueCalls(ministack), json.loads(os.environ["FAIRWAY_STORE_VISIBILITY_S"]))
        private_listener, public_listener = (_bind(int(port)) for port in os.environ["FAIRWAY_STORE_PORTS"].split(","))
        public, private = _filtered(files, ministack)
        report_ready()  # the kernel accepts connections from now on
        await asyncio.gather(
            _listen_privately(private, private_listener, stop),
            _listen(public, public_listener, stop),
        )
    files.close()


def _filtered(files: ObjectFiles, queues: Any) -> tuple[Any, Any]:
    """The public and the private app: Fairway's objects and ministack's queues, behind their filters."""
    from infra.local.objects.arrivals import Arrivals
    from infra.local.objects.service import ObjectService
    from infra.local.objects.transfers import DOWNLOADS, Transfers
    from infra.local.signatures import SignatureVerifier
    from infra.local.store_filter import PrivateFilter, PublicFilter
    from infra.local.store_setup import ARRIVALS, ORIGINALS, QUEUE_PREFIX
    from layers.adapters.redis.work_signal import RedisWorkSignal

    work_signal = RedisWorkSignal(os.environ["FAIRWAY_REDIS_URL"])
    arrivals = Arrivals(
        QueueCalls(queues), QUEUE_PREFIX + ARRIVALS, BUCKET, ORIGINALS, lambda count: work_signal.send(ARRIVALS, count)
    )
    objects = ObjectService(files, BUCKET, arrivals.stored)

    async def by_protocol(scope: Any, receive: Any, send: Any) -> None:
        is_of_queues = any(name.lower() == b"x-amz-target" for name, _ in scope["headers"])
        await (queues if is_of_queues else objects)(scope, receive, send)

    verifier = SignatureVerifier(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    max_bytes = int(os.environ["FAIRWAY_STORE_MAX_BYTES"])
    public = PublicFilter(objects, verifier, BUCKET, max_bytes, Transfers(), Transfers(DOWNLOADS))
    return public, PrivateFilter(by_protocol, verifier, PublicFilter(objects, verifier, BUCKET, MOST_BYTES))


def _bind(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only if the protocol is given: without it the end of a response is delayed.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ADDRESS, port))
    listener.listen()
    return listener


async def _listen(app: Any, listener: socket.socket, stop: asyncio.Event) -> None:
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_S
    config.include_server_header = False
    config.loglevel = "WARNING"
    await hypercorn_serve(app, config, shutdown_trigger=stop.wait)


async def _listen_privately(app: Any, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve Fairway's processes with httptools, which needs half the CPU time but does not limit the size of headers."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:  # `serve` handles them
            yield

    server = Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    stopping.cancel()


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """Start the app at the beginning and stop it at the end, once for all its listeners."""
    to_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    await from_app.get()
    try:
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await asyncio.wait([life], timeout=GRACE_S)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(serve())
