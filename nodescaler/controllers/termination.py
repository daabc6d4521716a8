"""Take a node out of service in order: taint, drain, delete the machine, let the objects go.

    taint disrupted, delete the Node -> evict in tiers until nothing is left -> cloud.delete until
    it is gone -> the Node's finalizer off -> the NodeClaim's finalizer off

Every step looks at what is there, so a new process goes on where the old one died. A Node deleted
by a user ends the same way: its claim is deleted first. What to evict and when to force is
`core.drain`'s decision. Source: karpenter.md 2(c).

Limits: volume detachment is left to the attach-detach controller; Karpenter's five seconds of
grace for load balancers are not waited for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from kube.errors import Conflict, NotFound
from kube.evict import Blocked, evict
from kube.resources import NODE_CLAIMS, NODES, PODS
from kube.values.events import EventType
from nodescaler.clouds.base import Cloud, Gone
from nodescaler.controllers import nodes
from nodescaler.controllers.kit import Kit, about_claim, about_pod
from nodescaler.controllers.state import State
from nodescaler.controllers.together import together
from nodescaler.core.drain import DrainStep, Forced, drain_step
from nodescaler.core.model import ClaimState, NodeState, PodSpec

log = structlog.get_logger()

LOOK_AGAIN_S = 5.0
MACHINE_LOOK_AGAIN_S = 1.0
FIRST_BLOCKED_S = 0.1
LONGEST_BLOCKED_S = 10.0


Refusals = dict[str, tuple[int, datetime]]  # pod uid: how many, and not before when


class Termination:
    def __init__(self, kit: Kit, state: State) -> None:
        self._kit = kit
        self._state = state
        self._blocked: dict[str, Refusals] = {}  # by node

    async def claim(self, claim: ClaimState) -> float | None:
        """One step for a NodeClaim that is being deleted; when to take the next."""
        cloud = self._kit.cloud_of(claim.node_class)
        node = self._state.node_of(claim)
        if node is not None:
            wait_s = await self._drained(node, deadline_of(claim))
            if wait_s is not None:
                return wait_s
        wait_s = await self._machine_gone(cloud, claim)
        if wait_s is not None:
            return wait_s
        if node is not None:
            await self._release_node(node, claim.name)
        await self._release_claim(claim)
        return None

    async def orphan(self, node: NodeState) -> float | None:
        """One step for a Node of ours that is being deleted and has no claim (any more)."""
        wait_s = await self._drained(node, None)
        if wait_s is not None:
            return wait_s
        cloud = self._kit.clouds.get(node.provider_id.partition("://")[0])
        if cloud is not None and not await _is_gone(cloud, node.provider_id):
            return MACHINE_LOOK_AGAIN_S
        await self._release_node(node, "")
        return None

    async def _drained(self, node: NodeState, deadline: datetime | None) -> float | None:
        """None when nothing is left on the node that has to go first."""
        fresh = await nodes.edit(self._kit.client, NODES, node.name, nodes.disrupted)
        if fresh is None:
            return None
        if not nodes.is_leaving(fresh):
            await self._delete_node(node.name, fresh["metadata"]["uid"])
        step = drain_step(self._state.pods.on(node.name), self._kit.now(), deadline=deadline)
        if step.done:  # as far as the cache knows; only the API can say so
            here = await self._state.pods_on(node.name)
            step = drain_step(here, self._kit.now(), deadline=deadline)
        return None if step.done else await self._push(node, step)

    async def _delete_node(self, name: str, uid: str) -> None:
        try:
            await self._kit.client.delete(NODES, name, uid=uid)
        except (NotFound, Conflict):
            return  # somebody was faster; the next look sees what is there

    async def _push(self, node: NodeState, step: DrainStep) -> float:
        await together(self._force(each) for each in step.force)
        asked = sum(
            await together(self._evict(node, pod) for pod in step.evict if self._may_ask(node, pod))
        )
        if asked or step.force:
            log.info("draining", object=f"Node/{node.name}", decided=step.reason, evicted=asked)
        now, blocked = self._kit.now(), self._blocked.get(node.name, {})
        waits = [
            (blocked[pod.uid][1] - now).total_seconds() for pod in step.evict if pod.uid in blocked
        ]
        return max(min([LOOK_AGAIN_S, *waits]), FIRST_BLOCKED_S)

    def _may_ask(self, node: NodeState, pod: PodSpec) -> bool:
        _, not_before = self._blocked.get(node.name, {}).get(pod.uid, (0, None))
        return not_before is None or self._kit.now() >= not_before

    async def _evict(self, node: NodeState, pod: PodSpec) -> bool:
        blocked = self._blocked.setdefault(node.name, {})
        answer = await evict(self._kit.client, pod.namespace, pod.name, uid=pod.uid)
        if not isinstance(answer, Blocked):
            blocked.pop(pod.uid, None)
            why = f"the node {node.name} is being removed"
            self._emit_pod(pod, "Normal", "Evicted", why)
            return True
        refusals, _ = blocked.get(pod.uid, (0, None))
        wait_s = min(FIRST_BLOCKED_S * 2.0 ** min(refusals, 10), LONGEST_BLOCKED_S)
        blocked[pod.uid] = (refusals + 1, self._kit.now() + timedelta(seconds=wait_s))
        self._emit_pod(pod, "Warning", "FailedDraining", f"cannot be evicted: {answer.message}")
        return False

    def _emit_pod(self, pod: PodSpec, kind: EventType, reason: str, message: str) -> None:
        self._kit.recorder.emit(about_pod(pod), type=kind, reason=reason, message=message)

    async def _force(self, forced: Forced) -> None:
        pod = forced.pod
        try:
            await self._kit.client.delete(
                PODS, pod.name, namespace=pod.namespace, uid=pod.uid, grace_s=int(forced.grace_s)
            )
        except (NotFound, Conflict):
            return  # gone, or replaced by a namesake
        log.info("forced", object=f"Pod/{pod.key}", why="the termination grace period ends")

    async def _machine_gone(self, cloud: Cloud | None, claim: ClaimState) -> float | None:
        if cloud is None:
            why = f"no cloud is configured for {claim.node_class}; its machine cannot be deleted"
            self._kit.recorder.emit(
                about_claim(claim), type="Warning", reason="FailedTermination", message=why
            )
            return LOOK_AGAIN_S * 12
        provider_id = claim.provider_id or await _launched_as(cloud, claim.uid)
        if provider_id and not await _is_gone(cloud, provider_id):
            return MACHINE_LOOK_AGAIN_S
        return None

    async def _release_node(self, node: NodeState, claim: str) -> None:
        self._blocked.pop(node.name, None)
        released = await nodes.edit(self._kit.client, NODES, node.name, nodes.released)
        if released is None:
            return  # it has gone already
        self._kit.metrics.nodes_terminated.labels(node.pool).inc()
        log.info("node removed", object=f"Node/{node.name}", claim=claim)

    async def _release_claim(self, claim: ClaimState) -> None:
        released = await nodes.edit(self._kit.client, NODE_CLAIMS, claim.name, nodes.released)
        if released is None:
            return  # it has gone already
        self._kit.metrics.claims_terminated.labels(claim.pool).inc()
        since = claim.deleting_since or self._kit.now()
        took_s = (self._kit.now() - since).total_seconds()
        log.info(
            "claim removed", object=f"NodeClaim/{claim.name}", terminate_ms=round(took_s * 1e3)
        )


def deadline_of(claim: ClaimState) -> datetime | None:
    """When the drain stops being gentle."""
    if claim.termination_grace_s is None or claim.deleting_since is None:
        return None
    return claim.deleting_since + timedelta(seconds=claim.termination_grace_s)


async def _launched_as(cloud: Cloud, token: str) -> str:
    """A machine that was launched while nobody could write its id down; empty without one."""
    machines = await cloud.list()
    return next((each.provider_id for each in machines if each.token == token), "")


async def _is_gone(cloud: Cloud, provider_id: str) -> bool:
    """Ask for the machine's end; True once there is nothing left."""
    try:
        await cloud.delete(provider_id)
    except Gone:
        return True
    return False
