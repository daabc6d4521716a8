"""Carry one NodeClaim from its creation to an initialised node, and out again.

What to do next is `core.lifecycle.next_step`'s decision; this does it and writes the outcome down.
The claim exists, with its finalizer, before its machine is asked for; the machine's token is the
claim's UID; so a crash at any line is followed by the same step again, with the same outcome.
Source: karpenter.md 1.7.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from math import inf

import structlog

from kube.errors import Conflict, NotFound
from kube.resources import NODE_CLAIMS, NODES
from kube.values.events import EventType
from nodescaler.clouds.base import (
    CloudError,
    Denied,
    Gone,
    Instance,
    LaunchSpec,
    NoCapacity,
    NodeClass,
)
from nodescaler.controllers import nodes, status
from nodescaler.controllers.kit import Kit, about_claim
from nodescaler.controllers.pointing import point_out
from nodescaler.controllers.settled import settled
from nodescaler.controllers.state import State
from nodescaler.controllers.termination import Termination
from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE, Requirements
from nodescaler.core.lifecycle import LAUNCHED, REGISTERED, Action, Step, next_step
from nodescaler.core.model import ClaimState, NodeState
from nodescaler.core.taints import DISRUPTED

log = structlog.get_logger()

JOINING = frozenset({Action.REGISTER, Action.INITIALISE})
MOST_STEPS = 8  # more than the lifecycle has: a loop that does not end is a defect
MISSED_RETRY_S = 1.0
MACHINE_LOOK_S = 30.0  # a cloud may not know a new machine at once, nor tell that one is gone


class Lifecycle:
    def __init__(self, kit: Kit, state: State, termination: Termination) -> None:
        self._kit = kit
        self._state = state
        self._termination = termination
        self._asked: dict[str, float] = {}  # claim: when this process asked for its machine
        self._seen: dict[str, float] = {}  # claim: when its machine was last known to exist

    async def handle(self, name: str) -> float | None:
        """Do all that can be done for the claim now; when to look again."""
        for _ in range(MOST_STEPS):
            claim = self._state.claim(name)
            if claim is None:
                self._asked.pop(name, None)
                self._seen.pop(name, None)
                return None
            node = self._state.node_of(claim)
            step = next_step(claim, node, self._kit.now(), self._kit.settings.patience)
            if step.action is Action.LAUNCH:
                if not await self._launch(claim):
                    return None  # given up; its deletion is the next thing that happens
            elif step.action in JOINING and node is not None:
                if not await self._join(claim, node, step):
                    return MISSED_RETRY_S
            else:
                return await self._rest(claim, node, step)
        raise RuntimeError(f"NodeClaim {name} goes round in circles")

    async def _rest(self, claim: ClaimState, node: NodeState | None, step: Step) -> float | None:
        """The steps after which there is nothing more to do now."""
        if step.action is Action.TERMINATE:
            return await self._termination.claim(claim)
        if step.action is Action.GIVE_UP:
            await self.give_up(claim, step.reason, step.message)
            return None
        if node is None and claim.is_true(REGISTERED):
            return await self._miss(claim)
        if step.action is Action.WAIT:
            return await self._wait(claim, node, step)
        return await self._settle(claim, node)

    # -------------------------------------------------------------- launch

    async def _launch(self, claim: ClaimState) -> bool:
        """Have the machine and record it; False when the claim was given up."""
        if not self._state.is_claim_held(claim.name):  # made by a user
            await nodes.edit(self._kit.client, NODE_CLAIMS, claim.name, nodes.held)
        cloud = self._kit.cloud_of(claim.node_class)
        node_class = self._state.books.node_class(claim.node_class)
        if cloud is None or node_class is None:
            why = f"{claim.node_class} is not there or belongs to no cloud that is configured"
            await self.give_up(claim, "NodeClassNotReady", why)
            return False
        began, startup_s = loop_s(), self._kit.settings.node_startup_s
        try:
            machine = await cloud.create(launch_spec(claim, node_class, self._kit.now(), startup_s))
        except NoCapacity as error:
            await self.give_up(claim, "InsufficientCapacityError", str(error))
            return False
        except CloudError as error:
            reason = "LaunchDenied" if isinstance(error, Denied) else "LaunchFailed"
            await self._refused(claim, reason, error)
            raise
        self._asked[claim.name] = self._seen[claim.name] = began
        await self._record(claim, machine)
        self._log("launched", claim, launch_ms=ms(began), type=offer_text(machine))
        return True

    async def _record(self, claim: ClaimState, machine: Instance) -> None:
        """Labels first: asked again after a crash between the two, the same offer is chosen."""
        labels = {k: v for k, v in machine.labels.items() if claim.labels.get(k) != v}
        answer = await self._kit.client.patch(
            NODE_CLAIMS, claim.name, {"metadata": {"labels": labels}}
        )
        self._state.put_claim(answer)
        known = status.launched(claim, machine, self._kit.now())
        step = next_step(known, None, self._kit.now(), self._kit.settings.patience)
        await self._write(claim, status.waiting(known, step, self._kit.now()))

    async def _refused(self, claim: ClaimState, reason: str, error: CloudError) -> None:
        self._emit(claim, "Warning", reason, str(error))
        step = Step(Action.WAIT, LAUNCHED, reason, str(error))
        await self._write(claim, status.waiting(claim, step, self._kit.now()))

    # -------------------------------------------------------------- the node joins

    async def _wait(self, claim: ClaimState, node: NodeState | None, step: Step) -> float | None:
        if node is None and not await self._is_coming(claim):
            return None
        await self._write(claim, status.waiting(claim, step, self._kit.now()))
        if node is not None or step.retry_after_s is None:
            return step.retry_after_s
        return min(step.retry_after_s, MACHINE_LOOK_S)

    def node_left(self, claim: ClaimState) -> None:
        """Its Node was removed: if it had not registered, its machine must be asked for."""
        self._seen[claim.name] = -inf

    async def _is_coming(self, claim: ClaimState) -> bool:
        """Whether a node may still join; False when the claim was given up."""
        if claim.name not in self._asked:
            return await self._resume(claim)
        cloud = self._kit.cloud_of(claim.node_class)
        if cloud is None or loop_s() - self._seen[claim.name] < MACHINE_LOOK_S:
            return True
        try:
            await cloud.get(claim.provider_id)
        except Gone as error:
            await self.give_up(claim, "InstanceGone", str(error))
            return False
        self._seen[claim.name] = loop_s()
        return True

    async def _resume(self, claim: ClaimState) -> bool:
        """After a restart: let the cloud go on with a machine whose node has not joined."""
        cloud = self._kit.cloud_of(claim.node_class)
        node_class = self._state.books.node_class(claim.node_class)
        if cloud is None or node_class is None:
            return True  # nothing can be asked; the claim's patience decides
        asked_at = claim.conditions[LAUNCHED].since or claim.created
        startup_s = self._kit.settings.node_startup_s
        try:
            await cloud.resume(launch_spec(claim, node_class, asked_at, startup_s))
        except Gone as error:
            await self.give_up(claim, "InstanceGone", str(error))
            return False
        self._asked[claim.name] = self._seen[claim.name] = loop_s()
        return True

    async def _join(self, claim: ClaimState, node: NodeState, step: Step) -> bool:
        """False when the node has gone, which the cache does not know yet."""
        if step.action is Action.REGISTER:
            return await self._register(claim, node)
        return await self._initialise(claim, node)

    async def _register(self, claim: ClaimState, node: NodeState) -> bool:
        began = loop_s()
        await point_out(self._kit, self._state, claim, node)
        change = nodes.registration(claim)
        answer = await nodes.edit(self._kit.client, NODES, node.name, change)
        if answer is None:
            return False
        self._state.put_node(answer)
        known = status.registered(claim, node.name, self._kit.now())
        current = self._state.node_of(claim)
        step = next_step(known, current, self._kit.now(), self._kit.settings.patience)
        if step.action is Action.WAIT:
            known = status.waiting(known, step, self._kit.now())
        await self._write(claim, known)
        self._kit.metrics.nodes_created.labels(claim.pool).inc()
        self._log("registered", claim, register_ms=ms(began), join_ms=self._since_asked(claim))
        return True

    async def _initialise(self, claim: ClaimState, node: NodeState) -> bool:
        began = loop_s()
        answer = await nodes.edit(self._kit.client, NODES, node.name, nodes.initialised)
        if answer is None:
            return False
        self._state.put_node(answer)
        await self._write(claim, status.initialised(claim, self._kit.now()))
        self._log("initialised", claim, initialise_ms=ms(began), total_ms=self._since_asked(claim))
        return True

    async def _miss(self, claim: ClaimState) -> float | None:
        """The node of a registered claim is not in the cache; only the API can say it is gone."""
        try:
            await self._kit.client.get(NODES, claim.node_name)
        except NotFound:
            await self.give_up(claim, "NodeGone", f"node {claim.node_name} was removed")
            return None
        return MISSED_RETRY_S

    # -------------------------------------------------------------- afterwards

    async def _settle(self, claim: ClaimState, node: NodeState | None) -> float | None:
        if node is not None and claim.name not in self._state.disrupting and is_tainted(node):
            answer = await nodes.edit(self._kit.client, NODES, node.name, nodes.undisrupted)
            if answer is not None:
                self._state.put_node(answer)
        pool = self._state.books.pool(claim.pool)
        last_event = self._state.last_pod_event(claim.node_name)
        after = settled(claim, pool, last_event, self._kit.now())
        await self._write(claim, after.claim)
        return after.retry_after_s

    async def give_up(self, claim: ClaimState, reason: str, why: str) -> None:
        """Delete the claim; what it holds is cleaned up by its termination."""
        self._emit(claim, "Warning", reason, why)
        try:
            await self._kit.client.delete(NODE_CLAIMS, claim.name, uid=claim.uid)
        except (NotFound, Conflict):
            return  # gone already
        self._kit.metrics.claims_disrupted.labels(claim.pool, reason).inc()
        self._log("given up", claim, decided=reason, why=why)

    async def _write(self, was: ClaimState, new: ClaimState) -> None:
        if new == was:
            return
        body = {"status": status.status_body(new)}
        answer = await self._kit.client.patch(NODE_CLAIMS, new.name, body, subresource="status")
        self._state.put_claim(answer)

    def _emit(self, claim: ClaimState, kind: EventType, reason: str, message: str) -> None:
        self._kit.recorder.emit(about_claim(claim), type=kind, reason=reason, message=message)

    def _since_asked(self, claim: ClaimState) -> float | None:
        began = self._asked.get(claim.name)
        return None if began is None else ms(began)

    def _log(self, what: str, claim: ClaimState, **facts: object) -> None:
        log.info(what, object=f"NodeClaim/{claim.name}", pool=claim.pool, **facts)


def launch_spec(
    claim: ClaimState, node_class: NodeClass, asked_at: datetime, startup_s: float
) -> LaunchSpec:
    """What to ask the cloud for; labels that are known narrow what may be chosen."""
    return LaunchSpec(
        token=claim.uid,
        name=claim.name,
        asked_at=asked_at,
        startup_s=startup_s,
        node_class=node_class,
        requirements=claim.requirements & Requirements.labels(claim.labels),
        requests=claim.requests,
        labels=claim.labels,
        taints=(),
    )


def offer_text(machine: Instance) -> str:
    """What was bought, for a person: ``m5.large spot in zone-a at 0.096 USD/h``."""
    labels = machine.labels
    kind, bought = labels.get(INSTANCE_TYPE, "?"), labels.get(CAPACITY_TYPE, "?")
    return f"{kind} {bought} in {labels.get(ZONE, '?')} at {machine.usd_per_hour:g} USD/h"


def is_tainted(node: NodeState) -> bool:
    """A removal that was begun by a process that died, or that was called off."""
    return DISRUPTED in node.taints and not node.deleting


def loop_s() -> float:
    return asyncio.get_running_loop().time()


def ms(since_s: float) -> float:
    """Milliseconds since a moment of the loop's clock."""
    return round((loop_s() - since_s) * 1e3, 1)
