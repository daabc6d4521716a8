"""`tandem sandbox`: the embedded cluster for kubectl and for other people's tests."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import typer
import yaml

from kube.client import Client, Json
from kube.resources import NODES
from tandem.clock import now
from tandem.errors import BadInput
from tandem.sandbox.cluster import Sandbox, SandboxSettings

INFO = {"kubeletVersion": "v1.37.2", "architecture": "amd64", "operatingSystem": "linux"}
SIZE = {"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}


class Interrupted(Exception):
    """Ctrl-C, or a polite end."""


def main(*, port: int, kubeconfig: Path | None, nodes: int, pod_start_s: float) -> int:
    """Serve until a signal; the kubeconfig is removed again when it was temporary."""
    if kubeconfig is not None and not kubeconfig.parent.is_dir():
        raise BadInput(f"--kubeconfig: folder {str(kubeconfig.parent)!r} does not exist")
    asyncio.run(_serve(port, kubeconfig, nodes, pod_start_s))
    return 0


async def _serve(port: int, kubeconfig: Path | None, nodes: int, pod_start_s: float) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupted.set)
    async with AsyncExitStack() as stack:
        sandbox = Sandbox(SandboxSettings(pod_start_s=pod_start_s), now)
        stack.push_async_callback(sandbox.close)
        try:
            url = await sandbox.serve(port)
        except OSError as error:
            raise BadInput(f"--port: {port} cannot be used: {error.strerror}") from error
        path = kubeconfig or _temporary(stack)
        path.write_text(yaml.safe_dump(sandbox.kubeconfig(url)))  # once, small
        client = Client(sandbox.transport())
        for each in range(nodes):
            await client.create(NODES, node(f"node-{each}"))
        typer.echo(f"Kubernetes API on {url}\n  export KUBECONFIG={path}\n  kubectl get nodes")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(sandbox.run())
                group.create_task(_until(interrupted))
        except* Interrupted:
            typer.echo("stopped")


def _temporary(stack: AsyncExitStack) -> Path:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tandem-sandbox-"))
    return Path(folder) / "kubeconfig"


def node(name: str) -> Json:
    """A simulated node of 4 cores and 16 GiB; the simulated kubelets make it ready."""
    marks = {"kwok.x-k8s.io/node": "fake"}
    labels = marks | {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": marks},
        "status": {"capacity": SIZE, "allocatable": SIZE, "nodeInfo": INFO},
    }


async def _until(interrupted: asyncio.Event) -> None:
    await interrupted.wait()
    raise Interrupted
