"""A RabbitMQ of one's own: free ports of 127.0.0.1, files in a temporary folder, then gone."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika

START_S = 60.0
STOP_S = 10.0


@asynccontextmanager
async def rabbitmq(server: str) -> AsyncIterator[str]:
    """Run *server* (the path of `rabbitmq-server`) while inside; gives its AMQP URL.

    Raises:
        TimeoutError: it did not answer within a minute; its log is in the message.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-rabbitmq-") as name:
        folder = Path(name)
        port, distribution, mapper = _free_ports(3)
        environ = _environment(folder, port, distribution, mapper)
        # Erlang's port mapper first and in the foreground: left to itself it would outlive us.
        epmd = await _start(["epmd", "-port", str(mapper), "-address", "127.0.0.1"], environ)
        try:
            process = await _start([server], environ)
            url = f"amqp://guest:guest@127.0.0.1:{port}/"
            try:
                await _until_answers(url, folder)
                yield url
            finally:
                await _end(process)
        finally:
            await _end(epmd)


async def _start(command: list[str], environ: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the demo, which then ends what it started
    )


def _environment(folder: Path, port: int, distribution: int, mapper: int) -> dict[str, str]:
    (folder / "plugins").write_text("[].\n")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"tandem-{secrets.token_hex(4)}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; held open together, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


async def _until_answers(url: str, folder: Path) -> None:
    try:
        async with asyncio.timeout(START_S):
            while True:
                try:
                    async with await aio_pika.connect(url):
                        return
                except (OSError, aio_pika.exceptions.AMQPError):
                    await asyncio.sleep(0.3)
    except TimeoutError as error:
        logs = await asyncio.to_thread(_logs, folder)
        raise TimeoutError(f"rabbitmq-server did not answer in {START_S:.0f} s: {logs}") from error


def _logs(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in folder.glob("log/*.log"))[-2000:]


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the group that we started: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            continue
