"""The DaemonSet controller: one pod on each node that would take it. Pure.

The pod is tied to its node by a node affinity on `metadata.name`, so that the scheduler binds it
and the pod counts as pending while the node is full, exactly as upstream.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from kube.client import Json
from kube.resources import DAEMON_SETS, PODS
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers.plans import Action, Create, Plan, delete, deletions, status_change
from tandem.sandbox.controllers.scheduling.decode import node_of, pod_of_template
from tandem.sandbox.controllers.scheduling.filters import chosen, named_node, tolerated
from tandem.sandbox.controllers.scheduling.model import Pod, Room
from tandem.sandbox.controllers.shares import share
from tandem.sandbox.controllers.things import Thing

REVISION = "controller-revision-hash"
GENERATION = "pod-template-generation"
EVERYWHERE = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
ON_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def reconcile(ds: Thing, owned: Sequence[Thing], nodes: Sequence[Thing], now: datetime) -> Plan:
    """Create and delete pods so that each node has what it should, and report.

    Args:
        ds: the DaemonSet.
        owned: all pods that it controls.
        nodes: all nodes.
        now: for minReadySeconds.
    """
    revision = facts.template_hash(ds.spec.get("template") or {})
    by_node = _by_node(owned)
    demand = pod_of_template(ds, _template(ds))
    wanted = {node.name: _verdict(demand, node) for node in nodes}
    report = status_change(DAEMON_SETS, ds, _status(ds, wanted, by_node, revision, now))
    if ds.leaving:
        return Plan(report)
    actions = [*_place(ds, wanted, by_node, revision)]
    if not actions:
        actions = [*_update(ds, wanted, by_node, revision, now)]
    min_ready_s = int(ds.spec.get("minReadySeconds") or 0)
    again_s = facts.next_available_s(list(owned), min_ready_s, now) if min_ready_s else None
    return Plan((*actions, *report), again_s)


Verdict = tuple[bool, bool]  # should a pod run here; may one that is here go on


def _verdict(demand: Pod, node: Thing) -> Verdict:
    """Taints of NoSchedule keep a pod out, but only NoExecute drives one away."""
    room = Room(node_of(node))
    if named_node(demand, room) or not chosen(demand, room.node):
        return False, False
    resented = {t.effect for t in room.node.taints if not tolerated(demand, t)}
    stays = "NoExecute" not in resented
    return stays and "NoSchedule" not in resented, stays


def target(pod: Thing) -> str:
    """The node that a daemon pod is for, bound or not."""
    if pod.node:
        return pod.node
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or []:
        for field in term.get("matchFields") or []:
            if field.get("key") == "metadata.name":
                return str(field["values"][0])
    return ""


def _by_node(owned: Sequence[Thing]) -> dict[str, list[Thing]]:
    found: dict[str, list[Thing]] = defaultdict(list)
    for pod in sorted(owned, key=_age):
        found[target(pod)].append(pod)
    return found


def _age(pod: Thing) -> tuple[bool, float, str]:
    created = pod.metadata.creation_timestamp
    return (not pod.node, created.timestamp() if created else 0.0, pod.name)


def _place(
    ds: Thing, wanted: Mapping[str, Verdict], by_node: Mapping[str, list[Thing]], revision: str
) -> Iterator[Action]:
    for name, (runs, stays) in sorted(wanted.items()):
        pods = by_node.get(name, [])
        failed = [pod for pod in pods if facts.finished(pod) and not pod.leaving]
        living = [pod for pod in pods if facts.active(pod)]
        if not stays:
            yield from deletions(PODS, living)
            continue
        yield from deletions(PODS, [*failed, *living[1:]])
        if runs and not pods:
            yield Create(PODS, _pod(ds, name, revision), ds.namespace)


def _update(
    ds: Thing,
    wanted: Mapping[str, Verdict],
    by_node: Mapping[str, list[Thing]],
    revision: str,
    now: datetime,
) -> Iterator[Action]:
    """Delete pods of an old template, as many at a time as may be missing."""
    strategy = ds.spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return
    rolling = strategy.get("rollingUpdate") or {}
    running = [name for name, (runs, _) in sorted(wanted.items()) if runs]
    allowed = max(1, share(rolling.get("maxUnavailable", 1), len(running), up=True))
    missing = sum(not _available(ds, by_node.get(name, []), now) for name in running)
    for name in running:
        old = [pod for pod in by_node.get(name, []) if pod.labels.get(REVISION) != revision]
        if not old or any(pod.leaving for pod in old):
            continue
        up = _available(ds, old, now)
        if up and missing >= allowed:
            continue
        missing += up
        yield from (delete(PODS, pod) for pod in old)


def _available(ds: Thing, pods: Sequence[Thing], now: datetime) -> bool:
    min_ready_s = int(ds.spec.get("minReadySeconds") or 0)
    return any(facts.active(pod) and facts.available(pod, min_ready_s, now) for pod in pods)


def _template(ds: Thing) -> Json:
    """The template with the tolerations that every daemon pod gets."""
    template = ds.spec.get("template") or {}
    spec = dict(template.get("spec") or {})
    extra = (*EVERYWHERE, ON_HOST_NETWORK) if spec.get("hostNetwork") else EVERYWHERE
    given = list(spec.get("tolerations") or [])
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in extra]
    spec["tolerations"] = [*given, *(each for each in added if each not in given)]
    return {**template, "spec": spec}


def _pod(ds: Thing, node: str, revision: str) -> Json:
    labels = {REVISION: revision, GENERATION: str(ds.metadata.generation)}
    body = facts.from_template(_template(ds), ds, DAEMON_SETS, labels=labels)
    affinity = dict(body["spec"].get("affinity") or {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity["nodeAffinity"] = {
        **(affinity.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": required,
    }
    body["spec"]["affinity"] = affinity
    return body


def _status(
    ds: Thing,
    wanted: Mapping[str, Verdict],
    by_node: Mapping[str, list[Thing]],
    revision: str,
    now: datetime,
) -> Json:
    running = [name for name, (runs, _) in wanted.items() if runs]
    pods = {name: [p for p in by_node.get(name, []) if facts.active(p)][:1] for name in running}
    kept = [pod for found in pods.values() for pod in found]
    available = sum(_available(ds, found, now) for found in pods.values())
    strays = sum(
        any(map(facts.active, found)) for name, found in by_node.items() if name not in pods
    )
    return {
        "desiredNumberScheduled": len(running),
        "currentNumberScheduled": len(kept),
        "numberMisscheduled": strays,
        "numberReady": sum(map(facts.ready, kept)),
        "updatedNumberScheduled": facts.counted(
            sum(pod.labels.get(REVISION) == revision for pod in kept)
        ),
        "numberAvailable": facts.counted(available),
        "numberUnavailable": facts.counted(len(running) - available),
        "observedGeneration": ds.metadata.generation,
    }
