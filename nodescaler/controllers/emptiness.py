"""Remove nodes that have been empty for long enough.

Which nodes, is `core.disruption.emptiness.find_empty`'s decision on a snapshot. A snapshot is old
when it is acted on, so: the node is tainted first, which keeps the scheduler away; then the API is
asked what runs there; and only if nothing does is the claim deleted, else the taint is taken back.
A process that dies in between leaves a taint, which the claim's lifecycle takes off.

Limits: this round knows emptiness only. Pools with WhenEmptyOrUnderutilized or Balanced are treated
as WhenEmpty. Source: karpenter.md 1.9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from kube.resources import NODES
from nodescaler.controllers import nodes
from nodescaler.controllers.kit import Kit
from nodescaler.controllers.lifecycle import loop_s, ms
from nodescaler.controllers.queue import KeyQueue
from nodescaler.controllers.removing import remove
from nodescaler.controllers.state import State
from nodescaler.controllers.together import together
from nodescaler.core.disruption.emptiness import Command, Emptiness, find_empty
from nodescaler.core.drain import occupies
from nodescaler.core.model import ClaimState, NodeState

log = structlog.get_logger()

KEY = "emptiness"
GATHER_S = 0.2  # changes come in bursts; one look answers them all


class EmptinessController:
    """Args: recheck: look at this claim again, because its removal was called off."""

    def __init__(self, kit: Kit, state: State, recheck: Callable[[str], None]) -> None:
        self._kit = kit
        self._state = state
        self._recheck = recheck
        self._kept: dict[str, str] = {}
        self._queue: KeyQueue[str] = KeyQueue(KEY, self._look, workers=1)
        state.listen_all(self.again)

    async def run(self) -> None:
        self.again()
        await self._queue.run()

    def again(self) -> None:
        self._queue.add(KEY, GATHER_S)

    async def _look(self, _: str) -> float | None:
        began = loop_s()
        pools = tuple(self._state.books.readable())  # also those that can buy no more
        snapshot = replace(self._state.snapshot(), pools=pools)
        found = await asyncio.to_thread(find_empty, snapshot, self._kit.now())
        self._say_what_stays(found)
        for command in found.commands:
            log.info("removing empty nodes", object=f"NodePool/{command.pool}", why=command.why,
                     decided=list(command.nodes), decide_ms=ms(began))  # fmt: skip
            await together(self._remove(name, command) for name in command.claims)
        nominations = self._state.next_nomination_s()
        waits = [w for w in (found.retry_after_s, nominations) if w is not None]
        return min(waits, default=None)

    def _say_what_stays(self, found: Emptiness) -> None:
        """A line for each node whose reason to stay is new."""
        now_kept = {kept.node: kept.reason for kept in found.kept}
        for kept in found.kept:
            stable = kept.retry_after_s is None and self._kept.get(kept.node) != kept.reason
            if stable:
                log.debug("node stays", object=f"Node/{kept.node}", why=kept.reason)
        self._kept = now_kept

    async def _remove(self, name: str, command: Command) -> None:
        claim = self._state.claim(name)
        node = self._state.node_of(claim) if claim is not None else None
        if claim is None or node is None or claim.deleting_since is not None:
            return
        if any(self._state.nominated_for_s(each) > 0 for each in (name, node.name)):
            return  # a plan made meanwhile counts on it
        self._state.disrupting.add(name)
        deleted = False
        try:
            deleted = await self._remove_empty(claim, node, command)
        finally:
            if not deleted:
                self._state.disrupting.discard(name)
                self._recheck(name)

    async def _remove_empty(self, claim: ClaimState, node: NodeState, command: Command) -> bool:
        """Whether the claim was deleted; then it counts as leaving until the watch says so."""
        if await nodes.edit(self._kit.client, NODES, node.name, nodes.disrupted) is None:
            return False
        busy = [pod.key for pod in await self._state.pods_on(node.name) if occupies(pod)]
        if busy:
            await nodes.edit(self._kit.client, NODES, node.name, nodes.undisrupted)
            log.info("node kept", object=f"Node/{node.name}", why=f"{busy[0]} came meanwhile")
            return False
        why = f"node {node.name} {command.why}"
        return await remove(self._kit, claim, command.reason, why)
