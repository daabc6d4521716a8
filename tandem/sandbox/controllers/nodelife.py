"""The life of nodes, as the cluster sees it: taints by condition, no pod without its node.

A node that says it is not ready is tainted, a cordoned one too; pods that a NoExecute taint drives
away are deleted; a pod bound to a node that is gone is removed at once.

Sources: https://kubernetes.io/docs/concepts/architecture/nodes/
https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from kube.client import Json
from kube.errors import NotFound
from kube.resources import NODES, PODS
from kube.values.times import parse as parse_time
from kube.values.times import seconds
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers.acting import act
from tandem.sandbox.controllers.actors import Actor, itself, run_watcher
from tandem.sandbox.controllers.plans import NOTHING, Change, Delete, Plan, delete
from tandem.sandbox.controllers.things import Key, Thing, condition
from tandem.sandbox.controllers.world import World

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
CORDONED = "node.kubernetes.io/unschedulable"
KEPT_HERE = frozenset(
    {
        (NOT_READY, "NoSchedule"),
        (NOT_READY, "NoExecute"),
        (UNREACHABLE, "NoSchedule"),
        (UNREACHABLE, "NoExecute"),
        (CORDONED, "NoSchedule"),
    }
)
BY_STATUS = {"False": NOT_READY, "Unknown": UNREACHABLE}


def reconcile_node(node: Thing, now: datetime) -> Plan:
    """Keep the taints that follow from the node's own condition and cordon."""
    if node.leaving:
        return NOTHING
    taints: list[Json] = node.spec.get("taints") or []
    wanted = _wanted(node)
    kept = [t for t in taints if not _ours(node, t) or (t["key"], t["effect"]) in wanted]
    present = {(taint["key"], taint["effect"]) for taint in kept}
    added = [_taint(key, effect, now) for key, effect in sorted(wanted - present)]
    if kept == taints and not added:
        return NOTHING
    body: Json = {
        "metadata": {"resourceVersion": node.metadata.resource_version},
        "spec": {"taints": [*kept, *added] or None},
    }
    return Plan((Change(NODES, None, node.name, body),))


def _ours(node: Thing, taint: Json) -> bool:
    """A node that has said nothing about being ready keeps the taints it was registered with."""
    if taint["key"] in (NOT_READY, UNREACHABLE) and not condition(node, "Ready"):
        return False
    return (taint["key"], taint["effect"]) in KEPT_HERE


def _wanted(node: Thing) -> set[tuple[str, str]]:
    key = BY_STATUS.get(str(condition(node, "Ready").get("status")))
    found = {(key, "NoSchedule"), (key, "NoExecute")} if key else set()
    return found | ({(CORDONED, "NoSchedule")} if node.spec.get("unschedulable") else set())


def _taint(key: str, effect: str, now: datetime) -> Json:
    stamped = {"timeAdded": seconds(now)} if effect == "NoExecute" else {}
    return {"key": key, "effect": effect, **stamped}


def reconcile_pod(pod: Thing, node: Thing | None, now: datetime) -> Plan:
    """Remove a pod whose node is gone; delete one that its node's NoExecute taints drive away.

    Args:
        pod: a pod that is bound to a node.
        node: that node, None when it does not exist.
        now: for tolerationSeconds.
    """
    if node is None:
        return Plan((Delete(PODS, pod.namespace, pod.name, pod.uid, 0),))
    if pod.leaving or facts.finished(pod):
        return NOTHING
    left_s = stays_s(pod, node, now)
    if left_s is None:
        return NOTHING
    return Plan((), left_s) if left_s > 0 else Plan((delete(PODS, pod),))


def stays_s(pod: Thing, node: Thing, now: datetime) -> float | None:
    """Seconds that *pod* may still stay; None is for ever."""
    waits: list[float] = []
    for taint in node.spec.get("taints") or []:
        if taint["effect"] != "NoExecute":
            continue
        limits = [t.get("tolerationSeconds") for t in _covering(pod, taint)]
        if not limits:
            return 0.0
        bounded = [int(limit) for limit in limits if limit is not None]
        if bounded:
            since = parse_time(taint["timeAdded"]) if taint.get("timeAdded") else now
            until = since + timedelta(seconds=min(bounded))
            waits.append(max(0.0, (until - now).total_seconds()))
    return min(waits, default=None)


def _covering(pod: Thing, taint: Json) -> list[Json]:
    return [t for t in pod.spec.get("tolerations") or [] if _covers(t, taint)]


def _covers(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return (toleration.get("value") or "") == (taint.get("value") or "") and bool(
        toleration.get("key")
    )


def _decide_node(world: World, key: Key) -> Plan:
    node = world.get(NODES, key)
    return reconcile_node(node, world.now()) if node is not None else NOTHING


def _pods_on(world: World, node: Thing) -> Iterable[Key]:
    return [pod.key for pod in world.on_node(node.name)]


TAINTS = Actor("nodes", _decide_node, {NODES: itself})


async def run_places(world: World, *, spacing_s: float) -> None:
    """Keep pods only where there is a node that bears them, until cancelled."""
    await run_watcher("places", world, {PODS: itself, NODES: _pods_on}, _look, spacing_s=spacing_s)


async def _look(world: World, key: Key) -> float | None:
    pod = world.get(PODS, key)
    if pod is None or not pod.node:
        return None
    node = world.get(NODES, ("", pod.node))
    if node is None and await _exists(world, pod.node):
        return None  # the cache is behind; the node's own arrival brings the next look
    plan = reconcile_pod(pod, node, world.now())
    await act(world, plan.actions)
    return plan.again_s


async def _exists(world: World, node: str) -> bool:
    try:
        await world.client.get(NODES, node)
    except NotFound:
        return False
    return True
