"""From pods that fit nowhere to NodeClaims: batch, plan, write, tell.

A pass reads one snapshot, plans in a worker thread (the loop is never blocked), creates the claims
in parallel and puts them into the state, so that the next pass counts them as capacity. A write
whose answer was lost is asked again under the same name until the API answers, so no claim is made
twice. After a restart the claims that exist count before anything is planned.
Source: karpenter.md 1.5 and 2(a).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from kube.client import Json
from kube.errors import AlreadyExists, KubeError, Unavailable
from kube.resources import NODE_CLAIMS
from nodescaler.controllers.batch import Batch
from nodescaler.controllers.claims import claim_body, claim_name
from nodescaler.controllers.kit import Kit, about_pod
from nodescaler.controllers.lifecycle import loop_s, ms
from nodescaler.controllers.pods import is_ours_to_plan, nothing_more_comes
from nodescaler.controllers.queue import frames
from nodescaler.controllers.state import State
from nodescaler.controllers.together import together
from nodescaler.core.lifecycle import LAUNCHED
from nodescaler.core.model import ClaimState, NodeState, Plan, PlannedNode, PodSpec, Snapshot
from nodescaler.core.packing import pack

log = structlog.get_logger()

RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
FAILED_AGAIN = timedelta(minutes=5)


class Provisioning:
    def __init__(self, kit: Kit, state: State) -> None:
        self._kit = kit
        self._state = state
        self._new: dict[str, PodSpec] = {}  # pending pods that no pass has seen
        self._told: dict[str, tuple[str, datetime]] = {}  # pod uid: reason, when
        self._claim_news = asyncio.Event()
        self._failures = 0
        self._retry: asyncio.TimerHandle | None = None
        self._batch = Batch(
            idle_s=kit.settings.batch_idle_s,
            most_s=kit.settings.batch_max_s,
            complete=self._complete,
        )
        state.listen(pod=self._on_pod, node=self._on_node, claim=self._on_claim)

    # -------------------------------------------------------------- what opens a batch

    def _on_pod(self, old: PodSpec | None, new: PodSpec | None) -> None:
        if new is not None and is_ours_to_plan(new):
            if old is None or not is_ours_to_plan(old):
                self._new[new.key] = new
                self._batch.trigger()
            return
        gone = new if new is not None else old
        if gone is not None:
            self._new.pop(gone.key, None)
            self._told.pop(gone.uid, None)
        if new is None and old is not None and old.node_name:
            self.again()  # room was made
        self._batch.look()

    def _on_node(self, old: NodeState | None, new: NodeState | None) -> None:
        if new is None or old is None or _room(old) != _room(new):
            self.again()

    def _on_claim(self, old: ClaimState | None, new: ClaimState | None) -> None:
        self._claim_news.set()
        if new is None or (new.deleting_since is not None and old != new):
            self.again()

    def again(self) -> None:
        """What the last plan was made for is no longer so."""
        if self._state.pods.pending():
            self._batch.trigger()

    def _complete(self) -> bool:
        if not self._new:
            return False  # only the circumstances changed, and more of that may come
        owners = {pod.owner.uid for pod in self._new.values() if pod.owner is not None}
        wanted = {uid: self._state.wanted(uid) for uid in owners}
        return nothing_more_comes(self._new.values(), self._state.pods, wanted)

    # -------------------------------------------------------------- the pass

    async def run(self) -> None:
        """Plan batch after batch, until cancelled."""
        self.again()
        while True:
            batch_s = await self._batch.closed()
            self._new.clear()
            try:
                await self._pass(batch_s)
            except KubeError as error:
                log.warning("planning again", why=str(error), after_s=self._later())
            except Exception as error:  # noqa: BLE001 - outermost frame: the next batch may be fine
                log.error("planning failed", why=repr(error), frames=frames(error))  # noqa: TRY400 - a formatted trace reads source files, which blocks the loop
                self._later()
            else:
                self._failures = 0

    def _later(self) -> float:
        """Plan again, ever more rarely; what is new meanwhile does not wait for that."""
        wait_s: float = min(RETRY_S * 2.0 ** min(self._failures, 16), LONGEST_RETRY_S)
        self._failures += 1
        if self._retry is not None:
            self._retry.cancel()
        self._retry = asyncio.get_running_loop().call_later(wait_s, self.again)
        return wait_s

    async def _pass(self, batch_s: float) -> None:
        pods = self._state.pods.pending()
        self._kit.metrics.queue_depth.set(len(pods))
        if not pods:
            self._kit.metrics.unschedulable_pods.set(0)
            return
        settle_s = await self._settled()
        snapshot = self._state.snapshot()
        began = loop_s()
        plan = await asyncio.to_thread(pack, snapshot)
        plan_ms = ms(began)
        began = loop_s()
        refused = await self._create(plan)
        self._tell(plan, refused)
        self._kit.metrics.scheduling_duration.observe(plan_ms / 1e3)
        self._log(snapshot, plan, batch_ms=round(batch_s * 1e3), settle_ms=round(settle_s * 1e3),
                  plan_ms=plan_ms, create_ms=ms(began))  # fmt: skip
        for error in refused.values():
            raise error

    async def _settled(self) -> float:
        """Wait, but not for ever, until every launch that was asked for is recorded."""
        began = loop_s()
        try:
            async with asyncio.timeout(self._kit.settings.settle_s):
                while any(map(_is_launching, self._state.claims())):
                    self._claim_news.clear()
                    await self._claim_news.wait()
        except TimeoutError:
            log.info("planning anyway", object="nodeclaims", why="a launch takes its time")
        return loop_s() - began

    async def _create(self, plan: Plan) -> dict[str, KubeError]:
        """Every claim by itself: one that is refused, by name here, keeps no other back."""
        now = self._kit.now()
        errors = await together(self._created(node, now) for node in plan.new_nodes)
        pairs = zip(plan.new_nodes, errors, strict=True)
        return {node.name: error for node, error in pairs if error is not None}

    async def _created(self, node: PlannedNode, now: datetime) -> KubeError | None:
        try:
            await self._create_one(node, now)
        except KubeError as error:
            return error
        return None

    async def _create_one(self, node: PlannedNode, now: datetime) -> None:
        pool = self._state.books.pool(node.pool)
        if pool is None:
            return  # deleted while the plan was made; its pods come up again
        name = claim_name(node.pool, node, now)
        node_class = pool.node_class or self._kit.settings.default_class
        answer = await self._insist(claim_body(name, node, pool, node_class))
        self._state.nominate(name, node.pods, self._kit.settings.nominated_s)
        self._state.put_claim(answer)
        self._kit.metrics.claims_created.labels(node.pool, "provisioned").inc()
        log.info(
            "claim created",
            object=f"NodeClaim/{name}",
            pool=node.pool,
            read={"pods": len(node.pods)},
            decided=f"{node.instance_type} {node.capacity_type}",
            why=f"cheapest for {len(node.pods)} pods at {node.usd_per_hour:g} USD/h",
        )

    async def _insist(self, body: Json) -> Json:
        """Create the claim; ask again while no answer comes, because it may exist already."""
        while True:
            try:
                return await self._kit.client.create(NODE_CLAIMS, body)
            except AlreadyExists:
                return await self._kit.client.get(NODE_CLAIMS, body["metadata"]["name"])
            except Unavailable as error:
                log.warning("asking again", object=f"NodeClaim/{body['metadata']['name']}",
                            why=str(error))  # fmt: skip
                await asyncio.sleep(RETRY_S)

    # -------------------------------------------------------------- what is said

    def _tell(self, plan: Plan, refused: Mapping[str, KubeError]) -> None:
        for placement in plan.existing:
            self._state.nominate(placement.node, placement.pods, self._kit.settings.nominated_s)
            for pod in placement.pods:
                self._nominated(pod, f"should fit on node {placement.node}")
        for node in plan.new_nodes:
            if node.name in refused:
                self._refused(node, refused[node.name])
                continue
            for pod in node.pods:
                what = f"a new {node.instance_type} node of {node.pool}"
                self._nominated(pod, f"should fit on {what}")
        for out in plan.unschedulable:
            self._failed(out.pod, out.reason)
        self._kit.metrics.unschedulable_pods.set(len(plan.unschedulable))

    def _refused(self, node: PlannedNode, error: KubeError) -> None:
        kind = type(error).__name__
        log.warning("claim refused", object=f"pool/{node.pool}", why=str(error))
        for pod in node.pods:  # the error names the claim, which is another one each time
            self._failed(pod, f"the API refuses a NodeClaim of pool {node.pool}: {kind}")

    def _nominated(self, pod: PodSpec, message: str) -> None:
        if self._is_news(pod, message):
            self._kit.recorder.emit(
                about_pod(pod), type="Normal", reason="Nominated", message=message
            )

    def _failed(self, pod: PodSpec, why: str) -> None:
        if self._is_news(pod, why):
            self._kit.recorder.emit(
                about_pod(pod), type="Warning", reason="FailedScheduling", message=why
            )

    def _is_news(self, pod: PodSpec, message: str) -> bool:
        """The same about the same pod is said once in five minutes."""
        said, at = self._told.get(pod.uid, ("", None))
        now = self._kit.now()
        if said == message and at is not None and now - at < FAILED_AGAIN:
            return False
        self._told[pod.uid] = (message, now)
        return True

    def _log(self, snapshot: Snapshot, plan: Plan, **timings: float) -> None:
        why = Counter(out.reason for out in plan.unschedulable).most_common(1)
        log.info(
            "planned",
            object="pods",
            read={"pods": len(snapshot.pods), "nodes": len(snapshot.nodes)},
            decided=f"{len(plan.new_nodes)} new nodes at {plan.usd_per_hour:g} USD/h",
            onto_existing=sum(len(each.pods) for each in plan.existing),
            unschedulable=len(plan.unschedulable),
            why=why[0][0] if why else "every pod has a place",
            **timings,
        )


def _is_launching(claim: ClaimState) -> bool:
    """Whether its first launch is under way; one that has failed may take for ever."""
    return claim.deleting_since is None and LAUNCHED not in claim.conditions


def _room(node: NodeState) -> tuple[object, ...]:
    """What of a node decides which pods it takes."""
    return (node.labels, node.taints, node.allocatable, node.unschedulable, node.deleting)
