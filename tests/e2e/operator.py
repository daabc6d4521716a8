"""The operator under test: `python -m tandem run` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.clusters import Cluster
from tests.processes import Server

READY_S = 60.0


class OperatorProcess:
    """One operator at a time; every start appends to the same log."""

    def __init__(self, cluster: Cluster, folder: Path, *flags: str) -> None:
        self.log = folder / "operator.log"
        self._command = [
            sys.executable,
            "-m",
            "tandem",
            "run",
            f"--kubeconfig={cluster.kubeconfig}",
            "--listen=127.0.0.1:0",
            "--log-format=json",
            *flags,
        ]
        self._server: Server | None = None
        self.starts = 0

    def start(self, until: str = "ready") -> None:
        """Start it and return when its log tells *until*: it leads and its first lists are in."""
        already = self._count(until)
        self._server = Server(self._command, self.log, dict(os.environ))
        self._server.wait_until(lambda: self._count(until) > already, READY_S)
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed, the lease stays held."""
        self._stop(signal.SIGKILL)

    def stop(self) -> None:
        self._stop(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        assert self._server is not None
        self._server.send(number)

    @property
    def started(self) -> bool:
        """Whether there is a process, ready or not."""
        return self._server is not None

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def lines(self) -> list[dict[str, Any]]:
        """Its log, decision by decision; a line cut off by SIGKILL is left out."""
        found = []
        for line in self.log.read_text().splitlines() if self.log.exists() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def _count(self, event: str) -> int:
        return sum(line.get("event") == event for line in self.lines())

    def _stop(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.stop(how)
            self._server = None


@asynccontextmanager
async def operator_of(
    cluster: Cluster, folder: Path, *flags: str
) -> AsyncIterator[OperatorProcess]:
    """An operator that runs while inside; the loop stays free for the test's consumers."""
    operator = OperatorProcess(cluster, folder, *flags)
    await asyncio.to_thread(operator.start)
    try:
        yield operator
    finally:
        await asyncio.to_thread(operator.stop)
