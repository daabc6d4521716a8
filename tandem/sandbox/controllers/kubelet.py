"""Kubelets without machines: pods bound to a simulated node start, run, finish and stop on a clock.

A pure core says what a pod's status should be at a moment; the shell keeps the moments, because the
API's times are whole seconds. Works against the sandbox and against a real kube-apiserver. A node
is simulated when its label or annotation `kwok.x-k8s.io/node` is `fake`, or all are by setting.

Annotations of a pod that its simulation obeys: `tandem.sh/runs-for: 5s` (then it succeeds),
`tandem.sh/fails-after: 5s`, `tandem.sh/ready-after: 5s`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from kube.client import Client, Json, Patch
from kube.errors import KubeError
from kube.resources import LEASES, NODES, PODS
from kube.values import duration
from kube.values.times import Now, micros, seconds
from tandem.sandbox.controllers import kubelet_status as statuses
from tandem.sandbox.controllers.acting import act
from tandem.sandbox.controllers.actors import Actor, itself, run_actor
from tandem.sandbox.controllers.plans import NOTHING, Action, Change, Create, Delete, Plan
from tandem.sandbox.controllers.pods import finished, ready
from tandem.sandbox.controllers.settings import ControllerSettings
from tandem.sandbox.controllers.things import Key, Thing, condition, controller_of
from tandem.sandbox.controllers.world import World

log = structlog.get_logger()

FAKE = "kwok.x-k8s.io/node"
RUNS_FOR = "tandem.sh/runs-for"
FAILS_AFTER = "tandem.sh/fails-after"
READY_AFTER = "tandem.sh/ready-after"
DEFAULT_GRACE_S = 30
LEASE_NAMESPACE = "kube-node-lease"
LEASE_S = 40


@dataclass(frozen=True, slots=True)
class Moments:
    """When this process first saw a pod in each of its states."""

    bound: datetime
    running: datetime | None = None
    leaving: datetime | None = None


def simulated(node: Thing, settings: ControllerSettings) -> bool:
    return settings.every_node or "fake" in (node.labels.get(FAKE), node.annotations.get(FAKE))


def seen(pod: Thing, before: Moments | None, now: datetime) -> Moments:
    """Note the states that *pod* has newly reached."""
    moments = before or Moments(now)
    if pod.phase == "Running" and moments.running is None:
        moments = replace(moments, running=now)
    if pod.leaving and moments.leaving is None:
        moments = replace(moments, leaving=now)
    return moments


def reconcile(
    pod: Thing, node: Thing, moments: Moments, now: datetime, settings: ControllerSettings
) -> Plan:
    """What the kubelet of *node* does about *pod* now, and when next."""
    if pod.leaving:
        return _stop(pod, moments, now, settings)
    if finished(pod):
        return NOTHING
    if pod.phase == "Running":
        return _keep(pod, moments, now, settings)
    return _start(pod, node, moments, now, settings)


def _stop(pod: Thing, moments: Moments, now: datetime, settings: ControllerSettings) -> Plan:
    """End the deletion; what finalizers still hold after that is not the kubelet's."""
    grace_s = pod.metadata.deletion_grace_period_seconds
    if grace_s == 0:
        return NOTHING
    lasts_s = min(DEFAULT_GRACE_S if grace_s is None else grace_s, settings.pod_stop_s)
    left_s = _left_s(moments.leaving or now, lasts_s, now)
    if left_s > 0:
        return Plan((), left_s)
    return Plan((Delete(PODS, pod.namespace, pod.name, pod.uid, 0, None),))


def _start(
    pod: Thing, node: Thing, moments: Moments, now: datetime, settings: ControllerSettings
) -> Plan:
    """One start delay for each init container, one for the rest."""
    steps = len(statuses.init_containers(pod))
    elapsed_s = (now - moments.bound).total_seconds()
    done = steps + 1 if settings.pod_start_s <= 0 else int(elapsed_s / settings.pod_start_s + 1e-9)
    if done > steps:
        up = _ready_after_s(pod) <= 0
        return Plan((_status(pod, statuses.running(pod, node, now, is_ready=up)),))
    again_s = settings.pod_start_s * (done + 1) - elapsed_s
    if pod.status.get("startTime") and statuses.inits_done(pod) == done:
        return Plan((), again_s)
    return Plan((_status(pod, statuses.starting(pod, node, now, done)),), again_s)


def _keep(pod: Thing, moments: Moments, now: datetime, settings: ControllerSettings) -> Plan:
    """End a pod that has an end; make one ready whose time has come."""
    since = moments.running or now
    end, fails = _lifetime_s(pod, settings)
    left_s = None if end is None else _left_s(since, end, now)
    if left_s is not None and left_s <= 0:
        return Plan((_status(pod, statuses.ended(pod, now, failed=fails)),))
    plan = Plan((), left_s)
    if ready(pod):
        return plan
    wait_s = _left_s(since, _ready_after_s(pod), now)
    if wait_s > 0:
        return plan + Plan((), wait_s)
    if not statuses.gates_open(pod):
        return plan
    return plan + Plan((_status(pod, statuses.made_ready(pod, now)),))


def _left_s(since: datetime, lasts_s: float, now: datetime) -> float:
    return (since + timedelta(seconds=lasts_s) - now).total_seconds()


def _lifetime_s(pod: Thing, settings: ControllerSettings) -> tuple[float | None, bool]:
    """How long the pod runs, None for ever, and whether it fails then."""
    for name, fails in ((FAILS_AFTER, True), (RUNS_FOR, False)):
        if name in pod.annotations:
            return duration.parse(pod.annotations[name]).total_seconds(), fails
    owner = controller_of(pod)
    of_job = owner is not None and owner.kind == "Job"
    return (settings.job_run_s if of_job else None), False


def _ready_after_s(pod: Thing) -> float:
    text = pod.annotations.get(READY_AFTER)
    return duration.parse(text).total_seconds() if text else 0.0


def _status(pod: Thing, status: Json) -> Action:
    body: Json = {"metadata": {"uid": pod.uid}, "status": status}
    return Change(PODS, pod.namespace, pod.name, body, "status", Patch.STRATEGIC)


def reconcile_node(node: Thing, now: datetime) -> Plan:
    """Say that a node which has said nothing yet is ready."""
    if node.leaving or condition(node, "Ready"):
        return NOTHING
    stamp = seconds(now)
    said = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": stamp,
        "lastTransitionTime": stamp,
    }
    status: Json = {"conditions": [said]}
    if not node.status.get("allocatable") and node.status.get("capacity"):
        status["allocatable"] = node.status["capacity"]
    body: Json = {"status": status}
    return Plan((Change(NODES, None, node.name, body, "status", Patch.STRATEGIC),))


class Kubelets:
    """The shell: the moments of all pods, and the two actors that look at pods and at nodes."""

    def __init__(self, settings: ControllerSettings) -> None:
        self._settings = settings
        self._moments: dict[str, Moments] = {}
        self._uids: dict[Key, str] = {}

    def actors(self) -> tuple[Actor, Actor]:
        pods = Actor("kubelet", self._decide, {PODS: itself, NODES: _pods_on})
        return pods, Actor("kubelet-nodes", self._decide_node, {NODES: itself})

    def _decide(self, world: World, key: Key) -> Plan:
        pod = world.cache(PODS).get(key[1], key[0])  # as it is, not as others wish it to be
        self._remember(key, pod)
        if pod is None or not pod.node:
            return NOTHING
        node = world.get(NODES, ("", pod.node))
        if node is None or not simulated(node, self._settings):
            return NOTHING
        now = world.now()
        moments = self._moments[pod.uid] = seen(pod, self._moments.get(pod.uid), now)
        return reconcile(pod, node, moments, now, self._settings)

    def _remember(self, key: Key, pod: Thing | None) -> None:
        """Keep moments only of the pod that has this name now."""
        known = self._uids.get(key)
        if known is not None and (pod is None or pod.uid != known):
            self._moments.pop(known, None)
            del self._uids[key]
        if pod is not None:
            self._uids[key] = pod.uid

    def _decide_node(self, world: World, key: Key) -> Plan:
        node = world.get(NODES, key)
        if node is None or not simulated(node, self._settings):
            return NOTHING
        return reconcile_node(node, world.now())


def _pods_on(world: World, node: Thing) -> Iterable[Key]:
    return [pod.key for pod in world.on_node(node.name)]


def heartbeat(node: Thing, lease: Thing | None, now: datetime) -> Plan:
    """Renew the Lease of *node*, or make it."""
    renewed: Json = {"renewTime": micros(now)}
    if lease is not None:
        return Plan((Change(LEASES, LEASE_NAMESPACE, node.name, {"spec": renewed}),))
    owner = {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": node.uid}
    metadata = {"name": node.name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]}
    body: Json = {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": metadata}
    body["spec"] = {**renewed, "holderIdentity": node.name, "leaseDurationSeconds": LEASE_S}
    return Plan((Create(LEASES, body, LEASE_NAMESPACE),))


async def _beat(world: World, settings: ControllerSettings, every_s: float) -> None:
    await world.wait_synced([NODES, LEASES])
    while True:
        for node in world.all(NODES):
            if simulated(node, settings):
                lease = world.get(LEASES, (LEASE_NAMESPACE, node.name))
                await _try(world, heartbeat(node, lease, world.now()))
        await asyncio.sleep(every_s)


async def _try(world: World, plan: Plan) -> None:
    try:
        await act(world, plan.actions)
    except KubeError as error:
        log.debug("heartbeat missed", why=str(error))


async def kubelets(world: World, settings: ControllerSettings) -> None:
    """Simulate on a world that has been started, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for actor in Kubelets(settings).actors():
            group.create_task(run_actor(actor, world, spacing_s=settings.spacing_s))
        if settings.heartbeat_s is not None:
            group.create_task(_beat(world, settings, settings.heartbeat_s))


async def run_kubelets(client: Client, *, now: Now, settings: ControllerSettings) -> None:
    """Simulate the kubelets of a cluster until cancelled.

    Args:
        client: of any Kubernetes API, real or embedded.
        now: the clock; the delays follow the event loop's, so both must run alike.
        settings: the delays, and which nodes.
    """
    world = World(client, now)
    async with asyncio.TaskGroup() as group:
        world.start(group)
        group.create_task(kubelets(world, settings))
