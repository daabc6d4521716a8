"""From pods that fit nowhere to NodeClaims: batch, plan, write, tell.

A pass reads one snapshot, plans in a worker thread (the loop is never blocked), creates the claims
in parallel and puts them into the state, so that the next pass counts them as capacity. A plan that
is not ready at its deadline is used as far as it goes, and the next pass does the rest. A write
whose answer was lost is asked again under the same name until the API answers, so no claim is made
twice. After a restart the claims that exist count before anything is planned.

Beside the pods that wait, a pass plans those of nodes that are leaving, so that there is room when
they come up; nobody is told of them, and nothing is kept for them.
Source: karpenter.md 1.5 and 2(a).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from kube.errors import KubeError
from nodescaler.controllers.batch import Batch
from nodescaler.controllers.claims import claim_body, claim_name
from nodescaler.controllers.creating import AT_ONCE, insist
from nodescaler.controllers.kit import Kit
from nodescaler.controllers.lifecycle import loop_s, ms
from nodescaler.controllers.pods import is_ours_to_plan, nothing_more_comes
from nodescaler.controllers.queue import frames
from nodescaler.controllers.state import State
from nodescaler.controllers.telling import Telling, waiting
from nodescaler.controllers.together import together
from nodescaler.core.lifecycle import LAUNCHED
from nodescaler.core.model import ClaimState, NodeState, Plan, PlannedNode, PodSpec, Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import PackSettings

log = structlog.get_logger()

RETRY_S = 1.0
LONGEST_RETRY_S = 30.0

Pack = Callable[[Snapshot, PackSettings, Callable[[], bool]], Plan]


class Provisioning:
    """Args: pack: makes a plan, in a thread of its own; it returns soon after `stop` says so."""

    def __init__(self, kit: Kit, state: State, pack: Pack = pack) -> None:
        self._kit = kit
        self._state = state
        self._pack = pack
        self._telling = Telling(kit, state)
        self._new: dict[str, PodSpec] = {}  # pending pods that no pass has seen
        self._claim_news = asyncio.Event()
        self._failures = 0
        self._retry: asyncio.TimerHandle | None = None
        self._batch = Batch(
            idle_s=kit.settings.batch_idle_s,
            most_s=kit.settings.batch_max_s,
            complete=self._complete,
        )
        state.listen(pod=self._on_pod, node=self._on_node, claim=self._on_claim, place=self.again)

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
            self._telling.forget(gone)
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
        if self._has_work():
            self._batch.trigger()

    def _has_work(self) -> bool:
        """Whether some pod waits, or may soon, because its node is leaving."""
        return bool(self._state.pods.pending()) or any(
            leaving.deleting_since is not None for leaving in self._state.claims()
        )

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
                came_on = await self._pass(batch_s)
            except KubeError as error:
                log.warning("planning again", why=str(error), after_s=self._later())
            except Exception as error:  # noqa: BLE001 - outermost frame: the next batch may be fine
                log.error("planning failed", why=repr(error), frames=frames(error))  # noqa: TRY400 - a formatted trace reads source files, which blocks the loop
                self._later()
            else:
                self._failures = 0 if came_on else self._failures

    def _later(self) -> float:
        """Plan again, ever more rarely; what is new meanwhile does not wait for that."""
        wait_s: float = min(RETRY_S * 2.0 ** min(self._failures, 16), LONGEST_RETRY_S)
        self._failures += 1
        if self._retry is not None:
            self._retry.cancel()
        self._retry = asyncio.get_running_loop().call_later(wait_s, self.again)
        return wait_s

    async def _pass(self, batch_s: float) -> bool:
        """One plan, carried out; False when there was not even time for a part of it."""
        self._kit.metrics.queue_depth.set(len(self._state.pods.pending()))
        if not self._has_work():
            self._telling.nothing()
            return True
        settle_s = await self._settled()
        snapshot = self._state.snapshot()
        if not snapshot.pods:
            self._telling.nothing()
            return True
        began = loop_s()
        plan = await self._planned(snapshot)
        plan_ms = ms(began)
        began = loop_s()
        refused = await self._create(plan)
        self._telling.tell(plan, refused)
        self._kit.metrics.scheduling_duration.observe(plan_ms / 1e3)
        self._telling.log(
            snapshot, plan, batch_ms=round(batch_s * 1e3), settle_ms=round(settle_s * 1e3),
            plan_ms=plan_ms, create_ms=ms(began),
        )  # fmt: skip
        for error in refused.values():
            raise error
        return self._go_on(plan) if plan.is_partial else True

    async def _planned(self, snapshot: Snapshot) -> Plan:
        """The plan, cut short at its deadline, and when nobody waits for it any more."""
        over = threading.Event()
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(self._kit.settings.plan_deadline_s, over.set)
        try:
            return await asyncio.to_thread(
                self._pack, snapshot, self._kit.settings.pack, over.is_set
            )
        finally:
            deadline.cancel()
            over.set()  # the end of the process waits for its threads

    def _go_on(self, plan: Plan) -> bool:
        """Plan the rest: at once if this plan came on, else when there may be more time.

        Places on existing nodes are no progress: each plan finds the same until pods are bound.
        """
        came_on = bool(plan.new_nodes)
        if came_on:
            log.info("planning the rest", object="pods", why="the deadline came first")
            self._batch.trigger(at_once=True)
        else:
            allowed_s = self._kit.settings.plan_deadline_s
            why = f"no new node after {allowed_s:g} s; would do: a longer --plan-deadline"
            log.warning("planning again", object="pods", why=why, after_s=self._later())
        return came_on

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
        created = (self._created(node, now) for node in plan.new_nodes)
        errors = await together(created, at_once=AT_ONCE)
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
        answer = await insist(self._kit, claim_body(name, node, pool, node_class))
        self._state.nominate(name, waiting(node.pods), self._kit.settings.nominated_s)
        self._state.put_claim(answer)
        self._kit.metrics.claims_created.labels(node.pool, "provisioned").inc()
        log.info(
            "claim created",
            object=f"NodeClaim/{name}",
            pool=node.pool,
            read={"pods": len(node.pods)},
            decided=f"{node.instance_type} {node.capacity_type}",
            why=f"cheapest for {_pods(len(node.pods))} at {node.usd_per_hour:g} USD/h",
        )


def _is_launching(claim: ClaimState) -> bool:
    """Whether its first launch is under way; one that has failed may take for ever."""
    return claim.deleting_since is None and LAUNCHED not in claim.conditions


def _room(node: NodeState) -> tuple[object, ...]:
    """What of a node decides which pods it takes."""
    return (node.labels, node.taints, node.allocatable, node.unschedulable, node.deleting)


def _pods(number: int) -> str:
    return "1 pod" if number == 1 else f"{number} pods"
