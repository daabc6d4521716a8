"""The work inside the simulated pods: each Running pod takes messages, one at a time.

The kubelets of the embedded cluster run no containers, so the demo does the containers' work: it
watches the workers' pods and keeps one consumer for each that runs. A pod that goes away in the
middle of a message gives the message back.
"""

from __future__ import annotations

import asyncio

import msgspec

from kube.cache import Cache, Change
from kube.objects import ObjectMeta
from tandem.demo.brokers import Broker


class _Status(msgspec.Struct, frozen=True, gc=False):
    phase: str = "Pending"


class _Spec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    node_name: str = ""


class WorkerPod(msgspec.Struct, frozen=True, gc=False):
    """What the demo reads of a pod."""

    metadata: ObjectMeta
    spec: _Spec = _Spec()
    status: _Status = _Status()

    @property
    def state(self) -> str:
        return "Terminating" if self.metadata.deletion_timestamp else self.status.phase


class Workers:
    """Keeps one consumer per Running pod of *pods*."""

    def __init__(self, pods: Cache[WorkerPod], broker: Broker, *, work_s: float) -> None:
        self._pods = pods
        self._broker = broker
        self._work_s = work_s
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        changes: asyncio.Queue[Change[WorkerPod]] = asyncio.Queue()
        unsubscribe = self._pods.subscribe(changes.put_nowait)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._follow(await changes.get(), group)
        finally:
            unsubscribe()

    def _follow(self, change: Change[WorkerPod], group: asyncio.TaskGroup) -> None:
        pod = change.new or change.old
        if pod is None:
            return
        uid = pod.metadata.uid
        runs = change.new is not None and change.new.state == "Running"
        if runs and uid not in self._running:
            self._running[uid] = group.create_task(self._consume())
        elif not runs and (task := self._running.pop(uid, None)):
            task.cancel()

    async def _consume(self) -> None:
        while True:
            async with self._broker.take() as found:
                await asyncio.sleep(self._work_s if found else self._work_s / 2)
