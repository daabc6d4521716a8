"""Keep exactly `spec.replicas` NodeClaims for each static pool.

How many to make and which to delete is `core.static`'s decision; this does it. Claims are named by
number, so a write whose answer was lost, or a process that died between two of them, makes none
twice. Looked at when a claim comes or begins to go, and when the pool or what it may buy changes.
Source: karpenter.md 1.5, "static capacity".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import structlog

from kube.client import Json
from nodescaler.controllers.claims import claim_body
from nodescaler.controllers.creating import AT_ONCE, insist
from nodescaler.controllers.kit import Kit
from nodescaler.controllers.lifecycle import loop_s
from nodescaler.controllers.pools import reference
from nodescaler.controllers.queue import KeyQueue
from nodescaler.controllers.removing import remove
from nodescaler.controllers.snapshots import with_claim
from nodescaler.controllers.state import State
from nodescaler.controllers.together import together
from nodescaler.core.lifecycle import LAUNCHED
from nodescaler.core.model import ClaimState, NodePool, NodeState
from nodescaler.core.static import Removal, StaticStep, next_static_step
from nodescaler.core.static_nodes import new_names, static_node

log = structlog.get_logger()

REASON = "ScaledIn"
RETRY_S = 60.0  # after a claim was given up before it had a machine, and while the pool cannot buy


class StaticPools:
    def __init__(self, kit: Kit, state: State) -> None:
        self._kit = kit
        self._state = state
        self._failed_at: dict[str, float] = {}  # pool: when a launch last came to nothing
        self._told: dict[str, str] = {}
        self._queue: KeyQueue[str] = KeyQueue("static pools", self._look, workers=4)
        state.listen(claim=self._on_claim)

    async def run(self) -> None:
        self.again()
        await self._queue.run()

    def again(self) -> None:
        """What pools may buy has changed."""
        for pool in self._state.books.readable():
            self.look(pool.name)

    def look(self, pool: str) -> None:
        self._queue.add(pool)

    def _on_claim(self, old: ClaimState | None, new: ClaimState | None) -> None:
        claim = new or old
        if claim is None or _lives(old) == _lives(new):
            return
        in_vain = not _lives(new) and not claim.is_true(LAUNCHED)
        if in_vain and claim.name not in self._state.disrupting:
            self._failed_at[claim.pool] = loop_s()
        self.look(claim.pool)

    async def _look(self, name: str) -> float | None:
        pool = self._state.books.pool(name)
        if pool is None or pool.replicas is None or pool.deleting:
            self._told.pop(name, None)
            self._failed_at.pop(name, None)
            return None
        claims = [self._as_it_goes(each) for each in self._state.claims() if each.pool == name]
        step = next_static_step(pool, claims, self._nodes(claims), self._kit.now())
        await together((self._remove(pool, each) for each in step.delete), at_once=AT_ONCE)
        if not step.create:
            self._say(pool, step.limited)
            return step.retry_after_s
        return await self._create(pool, step)

    def _as_it_goes(self, claim: ClaimState) -> ClaimState:
        """One whose removal was asked for in this process leaves, though no watch says so yet."""
        if claim.name not in self._state.disrupting or claim.deleting_since is not None:
            return claim
        return replace(claim, deleting_since=self._kit.now())

    def _nodes(self, claims: Iterable[ClaimState]) -> list[NodeState]:
        found = ((claim, self._state.node_of(claim)) for claim in claims)
        return [
            with_claim(node, claim, self._state.beside(node.name, claim))
            for claim, node in found
            if node is not None
        ]

    # -------------------------------------------------------------- more

    async def _create(self, pool: NodePool, step: StaticStep) -> float | None:
        types = self._state.books.types.get(pool.name)
        wait_s = self._failed_at.get(pool.name, -RETRY_S) + RETRY_S - loop_s()
        if not types or wait_s > 0:
            why = "the pool can buy nothing" if not types else "the last launch failed"
            self._say(pool, f"{step.why}; {why}")
            return wait_s if types else RETRY_S
        self._say(pool, step.limited)
        node = static_node(pool, types, tuple(self._state.daemons()))
        node_class = pool.node_class or self._kit.settings.default_class
        taken = {claim.name for claim in self._state.claims()}
        names = new_names(pool, taken, step.create)
        log.info("static pool grows", object=f"NodePool/{pool.name}", read=step.why,
                 decided=list(names), why=f"{pool.replicas} replicas")  # fmt: skip
        bodies = (claim_body(name, node, pool, node_class) for name in names)
        await together((self._create_one(pool, body) for body in bodies), at_once=AT_ONCE)
        return step.retry_after_s

    async def _create_one(self, pool: NodePool, body: Json) -> None:
        self._state.put_claim(await insist(self._kit, body))
        self._kit.metrics.claims_created.labels(pool.name, "static").inc()

    # -------------------------------------------------------------- fewer

    async def _remove(self, pool: NodePool, removal: Removal) -> None:
        claim = self._state.claim(removal.claim)
        if claim is None:
            return
        self._state.disrupting.add(claim.name)
        deleted = False
        why = f"pool {pool.name} wants {pool.replicas} nodes; {removal.why}"
        try:
            deleted = await remove(self._kit, claim, REASON, why)
        finally:
            if not deleted:
                self._state.disrupting.discard(claim.name)
        if deleted:
            log.info("static pool shrinks", object=f"NodeClaim/{claim.name}", why=why)

    # -------------------------------------------------------------- what is said

    def _say(self, pool: NodePool, limited: str) -> None:
        """An Event and a line when what keeps the pool from its number is news."""
        if self._told.get(pool.name, "") == limited:
            return
        self._told[pool.name] = limited
        entry = self._state.books.entry((pool.kind, pool.name))
        if not limited or entry is None:
            return
        log.warning("static pool is short of nodes", object=f"NodePool/{pool.name}", why=limited)
        self._kit.recorder.emit(
            reference(entry.body), type="Warning", reason="StaticPoolShort", message=limited
        )


def _lives(claim: ClaimState | None) -> bool:
    return claim is not None and claim.deleting_since is None
