"""Where measurements are made: the embedded cluster and the operator, each a process of its own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from kube.client import Client, ClientSettings
from kube.http import HttpTransport
from tests.clusters import Cluster
from tests.e2e.operator import OperatorProcess
from tests.processes import Server

READY_S = 30.0


@dataclass(slots=True)
class Stage:
    """A running cluster without an operator yet.

    Attributes:
        client: unthrottled, because it only sets the stage.
    """

    cluster: Cluster
    client: Client
    folder: Path

    @asynccontextmanager
    async def operator(self, *flags: str, elect: bool = False) -> AsyncIterator[OperatorProcess]:
        alone = () if elect else ("--no-elect",)
        operator = OperatorProcess(self.cluster, self.folder, *alone, *flags)
        await asyncio.to_thread(operator.start)
        try:
            yield operator
        finally:
            await asyncio.to_thread(operator.stop)


@asynccontextmanager
async def sandboxed(*flags: str) -> AsyncIterator[Stage]:
    """`tandem sandbox` with *flags*, while inside."""
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as name:
        folder = Path(name)
        kubeconfig, log = folder / "kubeconfig", folder / "sandbox.log"
        command = [sys.executable, "-m", "tandem", "sandbox", f"--kubeconfig={kubeconfig}", *flags]
        server = Server(command, log)
        await asyncio.to_thread(
            server.wait_until, lambda: "Kubernetes API on" in log.read_text(), READY_S
        )
        url = log.read_text().split("Kubernetes API on ")[1].split()[0]
        generous = ClientSettings(per_s=100_000, burst=100_000)
        client = Client(HttpTransport(url), settings=generous)
        try:
            yield Stage(Cluster("sandbox", url, kubeconfig), client, folder)
        finally:
            await client.close()
            await asyncio.to_thread(server.stop)


def resident_mib(pid: int) -> float:
    """Resident memory of a process in MiB."""
    return float(psutil.Process(pid).memory_info().rss / 2**20)
