"""The object store and topics: ministack behind a private and a public listener, wired before either is opened."""

from __future__ import annotations

import asyncio
import http.client
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

from infra.local.ports import ADDRESS
from infra.local.process import Process
from infra.local.wiring import BUCKET

ROOT = Path(__file__).resolve().parent.parent.parent
REGION = "us-east-1"
MOST_UPLOAD_BYTES = 200 * 1024 * 1024
WIRING_S = 30.0
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
    most_upload_bytes: int = MOST_UPLOAD_BYTES,
    marks: Mapping[str, str] | None = None,
) -> Process:
    """The store as a process to keep. `visibility_s` names the topics; `marks` go into its environment."""
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
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(objects),
        "LOG_LEVEL": "WARNING",
        "DOCKER_HOST": "unix:///nonexistent",  # looks for no containers
        "FAIRWAY_REDIS_URL": redis_url,
        "FAIRWAY_STORE_PORTS": f"{private_port},{public_port}",
        "FAIRWAY_STORE_VISIBILITY_S": json.dumps(dict(visibility_s)),
        "FAIRWAY_STORE_MOST_BYTES": str(most_upload_bytes),
    }
    return Process(
        name="store",
        argv=[sys.executable, "-m", "infra.local.object_store"],
        env=environment,
        cwd=ROOT,
        before_start=lambda: objects.mkdir(mode=0o700, exist_ok=True),
        is_ready=lambda pid: _is_ready(private_port, pid),
        stop_signal=signal.SIGTERM,
        stop_s=2.0,
    )


def _outer_environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _is_ready(port: int, pid: int) -> bool:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=1)
    try:
        connection.request("GET", "/_fairway/ready")
        return connection.getresponse().read() == str(pid).encode()  # and not another home's store
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def serve() -> None:
    """Run the store until SIGTERM or SIGINT."""
    from ministack.app import app as ministack
    from ministack.core import hypercorn_compat

    hypercorn_compat.install()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _lifespan(ministack):
        await _wire(ministack)
        private_port, public_port = (int(port) for port in os.environ["FAIRWAY_STORE_PORTS"].split(","))
        public, private = _filtered(ministack)
        await asyncio.gather(
            _listen_to_our_own(private, _bind(private_port), stop),
            _listen(public, _bind(public_port), stop),
        )


def _filtered(ministack: Any) -> tuple[Any, Any]:
    from infra.local.answer_headers import AnswerHeaders
    from infra.local.arrivals_bell import ArrivalsBell
    from infra.local.signatures import Signer
    from infra.local.store_filter import PrivateFilter, PublicFilter
    from infra.local.upload_gate import UploadGate
    from infra.local.wiring import ARRIVALS, ORIGINALS
    from layers.adapters.redis.work_signal import RedisWorkSignal

    bell = RedisWorkSignal(os.environ["FAIRWAY_REDIS_URL"])
    app = ArrivalsBell(AnswerHeaders(ministack), f"/{BUCKET}/{ORIGINALS}", lambda count: bell.send(ARRIVALS, count))
    signer = Signer(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    gate = UploadGate(most_bytes=int(os.environ["FAIRWAY_STORE_MOST_BYTES"]))
    public = PublicFilter(app, signer, BUCKET, gate)
    return public, PrivateFilter(app, signer, public)


async def _wire(ministack: Any) -> None:
    """Put the wiring in place over a listener of its own, in a process whose SDK costs no memory once it ended."""
    closed = asyncio.Event()
    listener = _bind(0)
    serving = asyncio.create_task(_listen(_without_lifespan(ministack), listener, closed))
    given = {
        "endpoint_url": f"http://{ADDRESS}:{listener.getsockname()[1]}",
        "key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "secret": os.environ["AWS_SECRET_ACCESS_KEY"],
        "visibility_s": json.loads(os.environ["FAIRWAY_STORE_VISIBILITY_S"]),
    }
    wiring = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.local.wiring", stdin=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        await asyncio.wait_for(wiring.communicate(json.dumps(given).encode()), WIRING_S)
    except TimeoutError:
        wiring.kill()
    closed.set()
    await serving
    if wiring.returncode != 0:
        raise SystemExit("the store's wiring could not be put in place")


def _bind(port: int) -> socket.socket:
    # By its protocol asyncio knows a connection that must not hold back the end of an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ADDRESS, port))
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


async def _listen_to_our_own(app: Any, listener: socket.socket, stop: asyncio.Event) -> None:
    """By a parser in C, which costs half and bounds no head: good for our own processes, not for strangers."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:  # they are taken care of
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


def _without_lifespan(app: Any) -> Any:
    from infra.local.store_filter import turn_away

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await (app if scope["type"] == "http" else turn_away)(scope, receive, send)

    return served


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """Start and stop the app once, however many listeners it has."""
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, told.get, heard.put))
    await told.put({"type": "lifespan.startup"})
    await heard.get()
    try:
        yield
    finally:
        await told.put({"type": "lifespan.shutdown"})
        await asyncio.wait([life], timeout=GRACE_S)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(serve())
