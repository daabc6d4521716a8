"""What a plan has people told: Events at its pods, metrics, and one line in the log.

Pods of nodes that are leaving are planned along, and nobody is told of them: they run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from kube.errors import KubeError
from kube.values.events import EventType
from nodescaler.controllers.kit import Kit, about_pod
from nodescaler.controllers.state import State
from nodescaler.core.model import Plan, PlannedNode, PodSpec, Snapshot

log = structlog.get_logger()

AGAIN = timedelta(minutes=5)


class Telling:
    def __init__(self, kit: Kit, state: State) -> None:
        self._kit = kit
        self._state = state
        self._told: dict[str, tuple[str, datetime]] = {}  # pod uid: message, when

    def forget(self, pod: PodSpec) -> None:
        """It is gone, or has a node."""
        self._told.pop(pod.uid, None)

    def nothing(self) -> None:
        """There was nothing to plan."""
        self._kit.metrics.unschedulable_pods.set(0)
        self._kit.metrics.ignored_pods.set(0)

    def tell(self, plan: Plan, refused: Mapping[str, KubeError]) -> None:
        """Tell every pod that waits where it should go or why not, and nominate existing nodes.

        Args:
            plan: what was decided.
            refused: by the name of the planned node, the claims that the API did not take.
        """
        given_up = relaxations(plan)
        for placement in plan.existing:
            pods = waiting(placement.pods)
            if pods:
                self._state.nominate(placement.node, pods, self._kit.settings.nominated_s)
            for pod in pods:
                self._nominated(pod, f"should fit on node {placement.node}", given_up)
        for node in plan.new_nodes:
            if node.name in refused:
                self._refused(node, refused[node.name])
                continue
            for pod in waiting(node.pods):
                what = f"should fit on a new {node.instance_type} node of {node.pool}"
                self._nominated(pod, what, given_up)
        self._stay_out(plan)
        self._measure(plan)

    def _stay_out(self, plan: Plan) -> None:
        if plan.is_partial and plan.new_nodes:
            return  # the rest is planned at once, and told then
        out = [each for each in plan.unschedulable if not each.pod.node_name]
        for each in out:
            self._emit(each.pod, "Warning", "FailedScheduling", each.reason)
        self._kit.metrics.unschedulable_pods.set(len(out))
        self._kit.metrics.ignored_pods.set(sum(1 for each in out if each.pod.unplannable))

    def _measure(self, plan: Plan) -> None:
        self._kit.metrics.plan_usd.set(plan.usd_per_hour)
        self._kit.metrics.plan_bound_usd.set(plan.lower_bound_per_hour)
        self._kit.metrics.plan_first_fit_usd.set(plan.first_fit_per_hour)

    def _refused(self, node: PlannedNode, error: KubeError) -> None:
        kind = type(error).__name__
        log.warning("claim refused", object=f"pool/{node.pool}", why=str(error))
        for pod in waiting(node.pods):  # the error names the claim, which is another one each time
            why = f"the API refuses a NodeClaim of pool {node.pool}: {kind}"
            self._emit(pod, "Warning", "FailedScheduling", why)

    def _nominated(self, pod: PodSpec, where: str, given_up: Mapping[Hashable, str]) -> None:
        what = given_up.get(wishes(pod)) if given_up else None
        self._emit(pod, "Normal", "Nominated", f"{where}; {what}" if what else where)

    def _emit(self, pod: PodSpec, kind: EventType, reason: str, message: str) -> None:
        """The same about the same pod is said once in five minutes."""
        said, at = self._told.get(pod.uid, ("", None))
        now = self._kit.now()
        if said == message and at is not None and now - at < AGAIN:
            return
        self._told[pod.uid] = (message, now)
        self._kit.recorder.emit(about_pod(pod), type=kind, reason=reason, message=message)

    def log(self, snapshot: Snapshot, plan: Plan, **timings: float) -> None:
        """One line about the pass; *timings* in milliseconds."""
        why = Counter(out.reason for out in plan.unschedulable).most_common(1)
        log.info(
            "planned",
            object="pods",
            read={"pods": len(snapshot.pods), "nodes": len(snapshot.nodes)},
            decided=f"{len(plan.new_nodes)} new nodes at {plan.usd_per_hour:g} USD/h",
            bound=f"{plan.lower_bound_per_hour:g} USD/h",
            onto_existing=sum(len(each.pods) for each in plan.existing),
            unschedulable=len(plan.unschedulable),
            relaxed=len(plan.relaxed),
            partial=plan.is_partial,
            why=why[0][0] if why else "every pod has a place",
            **timings,
        )
        for each in plan.relaxed:
            log.debug("preference given up", object="pods", why=each)


def waiting(pods: Iterable[PodSpec]) -> tuple[PodSpec, ...]:
    """Those that wait for a node; the others run on a node that is leaving."""
    return tuple(pod for pod in pods if not pod.node_name)


def wishes(pod: PodSpec) -> Hashable:
    """What decides which of its preferences a pod must give up: equal for pods of one class."""
    asked = tuple(sorted(pod.requests.items()))
    return (pod.namespace, asked, pod.alternatives, pod.preferences, pod.company, pod.spreads)


def relaxations(plan: Plan) -> dict[Hashable, str]:
    """By `wishes`, what was given up; a sentence of the plan begins with the key of such a pod.

    Of a class some pods may have kept their wish: then the text says how many have not.
    """
    if not plan.relaxed:
        return {}
    placed = [pod for each in plan.existing for pod in each.pods]
    placed += [pod for each in plan.new_nodes for pod in each.pods]
    known = [*placed, *(each.pod for each in plan.unschedulable)]
    by_key = {pod.key: wishes(pod) for pod in known}
    sizes = Counter(by_key[pod.key] for pod in placed)
    out: dict[Hashable, str] = {}
    for sentence in plan.relaxed:
        who, _, what = sentence.partition(": ")
        name, _, more = who.partition(" and ")
        key = by_key.get(name)
        if key is not None:
            count = 1 + int(more.partition(" ")[0] or 0)
            text = what if count >= sizes[key] else f"{count} of {sizes[key]} like it {what}"
            out[key] = f"{out[key]}; {text}" if key in out else text
    return out
