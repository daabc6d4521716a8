"""Which node each pending pod was planned for, and how long that node is spoken for.

A node is kept for so long at most (Karpenter's 20 s). Where a pod was planned to go is remembered
until it is bound or gone: planned again while the node is still on its way, it goes there again, so
that looking twice never buys twice. A restart forgets what is not yet in `status.nominatedNodeName`
(`pointing.py`); such pods are planned into the nodes on their way as into any others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kube.values.times import Now
from nodescaler.controllers.pods import PodIndex
from nodescaler.core.model import PodSpec

SPARE = 1024  # pods that are remembered though they wait no more


@dataclass(frozen=True, slots=True)
class Nomination:
    until: datetime
    pods: tuple[PodSpec, ...]


class Nominations:
    def __init__(self, pods: PodIndex, now: Now) -> None:
        self._pods = pods
        self._now = now
        self._by_node: dict[str, Nomination] = {}
        self._promised: dict[str, str] = {}  # UID of a pending pod: the node or the claim

    def put(self, node: str, pods: Iterable[PodSpec], seconds: float) -> None:
        """These pods count on *node*, or on the claim of that name, until they are bound."""
        found = Nomination(self._now() + timedelta(seconds=seconds), tuple(pods))
        self._by_node[node] = found
        self._promised |= {pod.uid: node for pod in found.pods}
        pending = self._pods.pending()
        if len(self._promised) > 2 * len(pending) + SPARE:  # now and then, not for each node
            waiting = {pod.uid for pod in pending}
            self._promised = {uid: at for uid, at in self._promised.items() if uid in waiting}

    def promised_to(self, *names: str) -> list[PodSpec]:
        """The pods that wait and were planned for the node or the claim of one of these names."""
        return [pod for pod in self._pods.pending() if self.promised(pod) in names]

    def promised(self, pod: PodSpec) -> str | None:
        """The node or the claim that *pod* was planned for the last time."""
        return self._promised.get(pod.uid)

    def left_s(self, node: str) -> float:
        """How long *node* is spoken for at most; 0 once every such pod is bound or gone."""
        found = self._by_node.get(node)
        if found is None or not any(map(self._still_waits, found.pods)):
            return 0.0
        return max((found.until - self._now()).total_seconds(), 0.0)

    def next_s(self) -> float | None:
        """Until the next nomination ends; those that have ended are forgotten."""
        left = {node: self.left_s(node) for node in self._by_node}
        self._by_node = {node: self._by_node[node] for node, s in left.items() if s > 0}
        return min((s for s in left.values() if s > 0), default=None)

    def _still_waits(self, pod: PodSpec) -> bool:
        """It is where it was: nowhere, or on the node that it is about to be evicted from."""
        held = self._pods.get(pod.key)
        return held is not None and held.uid == pod.uid and held.node_name == pod.node_name
