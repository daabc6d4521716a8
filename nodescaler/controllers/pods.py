"""Pods by what the controllers ask: bound where, pending, mounting what, and is their owner done?

Pure bookkeeping, fed one change at a time, so that no question walks all pods of the cluster.
Which pods are ours to plan: karpenter.md 1.5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from nodescaler.core.drain import is_protected
from nodescaler.core.labels import NODE_POOL, Allowed
from nodescaler.core.model import PodSpec
from nodescaler.core.taints import DISRUPTED


def is_ours_to_plan(pod: PodSpec) -> bool:
    """Whether the scheduler said that no node takes *pod*, and nobody else looks after it."""
    if pod.node_name or pod.is_over or pod.deletes_at is not None:
        return False
    if pod.gated or pod.mirror or pod.is_daemon or not pod.unschedulable:
        return False
    return any(_may_have_a_pool(each) for each in pod.alternatives)


def _may_have_a_pool(requirements: Mapping[str, Allowed]) -> bool:
    """A pod that excludes `karpenter.sh/nodepool` asks for a node that is not ours."""
    return NODE_POOL not in requirements or requirements[NODE_POOL].has_value


def waits_for_room(pod: PodSpec, others: Iterable[PodSpec]) -> bool:
    """Whether the scheduler makes room for *pod* on the node with *others*, some of which go.

    A pod that preempts is nominated to the node of its victims; it needs no other node. One that
    was nominated by a plan has no victims.
    """
    return bool(pod.nominated_node) and any(other.deletes_at is not None for other in others)


def comes_back(pod: PodSpec, now: datetime) -> bool:
    """Whether *pod* is evicted from a node that is drained, and its owner then makes another.

    Not so: daemons and static pods, which belong to the node; pods without an owner; pods that
    already go, because their successors are pending pods of their own; and pods that no drain
    touches, or not yet (``karpenter.sh/do-not-disrupt``).
    """
    if pod.owner is None or pod.is_daemon or pod.mirror or not is_living(pod):
        return False
    tolerant = any(each.tolerates(DISRUPTED) for each in pod.tolerations)
    return not tolerant and not is_protected(pod, now)


@dataclass(slots=True)
class Siblings:
    """The living pods of one owner: how many, and how many are bound or known not to fit."""

    living: int = 0
    settled: int = 0


def is_living(pod: PodSpec) -> bool:
    return not pod.is_over and pod.deletes_at is None


def is_settled(pod: PodSpec) -> bool:
    return bool(pod.node_name) or pod.unschedulable


class PodIndex:
    def __init__(self) -> None:
        self._pods: dict[str, PodSpec] = {}
        self._on_node: dict[str, dict[str, PodSpec]] = {}
        self._told: dict[str, tuple[PodSpec, ...]] = {}  # what `on` last said, until it changes
        self._mounting: dict[str, dict[str, PodSpec]] = {}
        self._pending: dict[str, PodSpec] = {}
        self._siblings: dict[str, Siblings] = {}

    def get(self, key: str) -> PodSpec | None:
        return self._pods.get(key)

    def on(self, node: str) -> tuple[PodSpec, ...]:
        """What is bound to *node*: the same object until that changes."""
        if node not in self._on_node:
            return ()
        if node not in self._told:
            self._told[node] = tuple(self._on_node[node].values())
        return self._told[node]

    def mounted(self) -> Collection[str]:
        """Keys of the claims that some pod mounts."""
        return self._mounting.keys()

    def mounting(self, claim: str) -> Collection[PodSpec]:
        """The pods that mount *claim* and are not over."""
        return self._mounting.get(claim, {}).values()

    def pending(self) -> Collection[PodSpec]:
        """The pods that are ours to plan."""
        return self._pending.values()

    def siblings(self, owner_uid: str) -> Siblings:
        return self._siblings.get(owner_uid, Siblings())

    def __len__(self) -> int:
        return len(self._pods)

    def __iter__(self) -> Iterator[PodSpec]:
        return iter(self._pods.values())

    def apply(self, old: PodSpec | None, new: PodSpec | None) -> None:
        """Replace *old*, which is what is held, by *new*."""
        if old is not None:
            self._remove(old)
        if new is not None:
            self._add(new)

    def _add(self, pod: PodSpec) -> None:
        self._pods[pod.key] = pod
        if pod.node_name:
            self._on_node.setdefault(pod.node_name, {})[pod.key] = pod
            self._told.pop(pod.node_name, None)
        if pod.volumes and not pod.is_over:
            for claim in pod.volumes:
                self._mounting.setdefault(claim, {})[pod.key] = pod
        if is_ours_to_plan(pod):
            self._pending[pod.key] = pod
        self._count(pod, 1)

    def _remove(self, pod: PodSpec) -> None:
        self._pods.pop(pod.key, None)
        self._pending.pop(pod.key, None)
        _take_out(self._on_node, pod.node_name, pod.key)
        self._told.pop(pod.node_name, None)
        for claim in pod.volumes:
            _take_out(self._mounting, claim, pod.key)
        self._count(pod, -1)

    def _count(self, pod: PodSpec, step: int) -> None:
        if pod.owner is None or not is_living(pod):
            return
        siblings = self._siblings.setdefault(pod.owner.uid, Siblings())
        siblings.living += step
        siblings.settled += step * is_settled(pod)
        if siblings.living == 0:
            del self._siblings[pod.owner.uid]


def _take_out(index: dict[str, dict[str, PodSpec]], key: str, pod: str) -> None:
    there = index.get(key)
    if there is not None:
        there.pop(pod, None)
        if not there:
            del index[key]


def nothing_more_comes(
    batch: Collection[PodSpec], index: PodIndex, wanted: Mapping[str, int | None]
) -> bool:
    """Whether the owner of every pod of *batch* has all its pods, and the scheduler saw them all.

    Args:
        batch: the pods that are new since the last plan.
        index: all pods, among them the siblings.
        wanted: for each ReplicaSet's UID, its `spec.replicas`. A pod of any other owner, or of
            none, may have siblings that nobody announces: then the answer is no.
    """
    owners = {pod.owner.uid if pod.owner is not None else "" for pod in batch}
    return all(_is_complete(index.siblings(uid), wanted.get(uid)) for uid in owners)


def _is_complete(siblings: Siblings, wanted: int | None) -> bool:
    return wanted is not None and siblings.living == siblings.settled == wanted
