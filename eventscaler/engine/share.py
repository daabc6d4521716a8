"""The part of the objects that is ours, and the turns that are under way for it.

Objects of one workload are in one shard, whatever they are called: so two that claim the same
workload meet in one process, where the older one has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kube.client import Json
from kube.shards import Acting, acting
from kube.values.shards import shard_of


class Share:
    """All objects, where there is one shard; else those of the shards that were taken up."""

    def __init__(self, shards: int = 1) -> None:
        self._shards = shards
        self._held = {0} if shards == 1 else set[int]()
        self._turns = set[tuple[asyncio.Task[Any], Acting]]()

    @property
    def empty(self) -> bool:
        return not self._held

    @property
    def whole(self) -> bool:
        """Whether all objects are in one shard, so that who has it knows them all."""
        return self._shards == 1

    def shard(self, body: Json) -> int:
        """The shard of an object as written, whether it is well written or not."""
        meta, spec = body["metadata"], body.get("spec")
        target = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
        workload = target.get("name") if isinstance(target, dict) else None
        return shard_of(f"{meta.get('namespace')}/{workload or meta['name']}", self._shards)

    def holds(self, shard: int) -> bool:
        return shard in self._held

    def take_up(self, shard: int) -> None:
        self._held.add(shard)

    async def lay_down(self, shard: int) -> None:
        """Let no turn of *shard* go on.

        One that has begun to write has only writes left, and is awaited: so what was sent is
        answered before another process begins.
        """
        self._held.discard(shard)
        turns = [(task, errand) for task, errand in self._turns if errand.shard == shard]
        for task, errand in turns:
            if not errand.writing:
                task.cancel()
        if turns:
            await asyncio.wait([task for task, _ in turns])

    @contextmanager
    def turn(self, shard: int) -> Iterator[None]:
        """While inside, the running task acts for *shard*."""
        errand = Acting(shard)
        turn = (running(), errand)
        self._turns.add(turn)
        token = acting.set(errand)
        try:
            yield
        finally:
            acting.reset(token)
            self._turns.discard(turn)


def running() -> asyncio.Task[Any]:
    """The running task. Raises `RuntimeError` outside of one."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a turn is a task")
    return task
