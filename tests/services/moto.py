"""moto's server: the AWS APIs over real HTTP, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.processes import Server, free_ports

START_S = 60.0
RUN = "import sys; from moto.server import main; main(sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Moto:
    url: str


@contextmanager
def started(folder: Path) -> Iterator[Moto]:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", RUN, "-H", "127.0.0.1", "-p", str(port)]
    server = Server(command, folder / "moto.log")
    url = f"http://127.0.0.1:{port}"
    try:
        server.wait_until(lambda: _answers(url), START_S)
        yield Moto(url)
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/moto-api/data.json", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
