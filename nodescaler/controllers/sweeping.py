"""Find what belongs to nothing: machines without a claim, claims whose machine is gone.

The clouds are asked (a read) at the start, every `sweep_s`, and after a claim disappears. Machines
are listed before claims, so a machine whose claim is being written right now is never an orphan.
Source: karpenter.md 1.7, "GC".
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from kube.errors import KubeError
from kube.resources import NODE_CLAIMS
from nodescaler.clouds.base import Cloud, CloudError, Gone, Instance
from nodescaler.controllers.kit import Kit
from nodescaler.controllers.lifecycle import Lifecycle
from nodescaler.controllers.queue import KeyQueue
from nodescaler.controllers.state import State
from nodescaler.controllers.together import together
from nodescaler.core.lifecycle import REGISTERED
from nodescaler.core.model import ClaimState, NodeState

log = structlog.get_logger()

AFTER_DELETION_S = 5.0


class Sweeping:
    def __init__(self, kit: Kit, state: State, lifecycle: Lifecycle) -> None:
        self._kit = kit
        self._state = state
        self._lifecycle = lifecycle
        expected = (KubeError, CloudError)
        self._queue: KeyQueue[str] = KeyQueue("sweep", self._sweep, workers=2, expected=expected)
        state.listen(node=self._on_node, claim=self._on_claim)

    async def run(self) -> None:
        for name in self._kit.clouds:
            self._queue.add(name)
        await self._queue.run()

    def _on_claim(self, _old: ClaimState | None, new: ClaimState | None) -> None:
        if new is None:
            self._all_soon()

    def _on_node(self, old: NodeState | None, new: NodeState | None) -> None:
        if old is not None and old.ready and new is not None and not new.ready:
            self._all_soon()

    def _all_soon(self) -> None:
        for name in self._kit.clouds:
            self._queue.add(name, AFTER_DELETION_S)

    async def _sweep(self, name: str) -> float | None:
        cloud = self._kit.clouds[name]
        machines = await cloud.list()
        claims = await self._kit.client.items(NODE_CLAIMS)
        known = {claim["metadata"]["uid"] for claim in claims}
        await together(self._remove(cloud, each) for each in machines if each.token not in known)
        await self._missed(cloud, machines)
        return self._kit.settings.sweep_s

    async def _remove(self, cloud: Cloud, machine: Instance) -> None:
        log.info("orphan removed", object=machine.provider_id, why="it has no NodeClaim")
        try:
            await cloud.delete(machine.provider_id)
        except Gone:
            return  # it went by itself

    async def _missed(self, cloud: Cloud, machines: Sequence[Instance]) -> None:
        """Claims of this cloud with a node that is not ready and a machine that is not listed."""
        tokens = {machine.token for machine in machines}
        for claim in tuple(self._state.claims()):
            node = self._state.node_of(claim)
            lost = claim.uid not in tokens and claim.is_true(REGISTERED)
            if lost and node is not None and not node.ready and self._is_at(cloud, claim):
                why = f"{claim.provider_id} does not exist any more"
                await self._lifecycle.give_up(claim, "InstanceGone", why)

    def _is_at(self, cloud: Cloud, claim: ClaimState) -> bool:
        return claim.deleting_since is None and self._kit.cloud_of(claim.node_class) is cloud
