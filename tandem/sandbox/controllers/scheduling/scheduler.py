"""The scheduler's shell: tries what waits, binds it, and says why not.

Work is driven by changes alone. A pod that found no node is tried again only when something
changed that could help it. Within one round, pods that are alike share one refusal, so that a
thousand equal pods without a node cost one look.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from kube.client import Json, Patch
from kube.errors import KubeError
from kube.events import Recorder, Reference
from kube.resources import PERSISTENT_VOLUME_CLAIMS, PODS
from kube.values.backoff import Backoff
from kube.values.times import seconds
from tandem.sandbox.controllers.acting import act
from tandem.sandbox.controllers.plans import Action, Change, Create
from tandem.sandbox.controllers.pods import finished
from tandem.sandbox.controllers.scheduling.choose import Placed, choose, queue_order
from tandem.sandbox.controllers.scheduling.decode import pod_of
from tandem.sandbox.controllers.scheduling.model import Key, Pod
from tandem.sandbox.controllers.scheduling.snapshot import FOLLOWED, Snapshot, follow
from tandem.sandbox.controllers.scheduling.storage import storage
from tandem.sandbox.controllers.settings import Scoring
from tandem.sandbox.controllers.things import SELECTED_NODE, Thing, condition
from tandem.sandbox.controllers.world import World

NAME = "default-scheduler"
RETRY = Backoff(first_s=0.25, ceiling_s=10.0, spread=0.0)
BREATH = 64  # decisions between two chances for everyone else on the loop
GATED = "Scheduling is blocked due to non-empty scheduling gates"

log = structlog.get_logger()


class Scheduler:
    """One round after the other, each as soon as something changed.

    Args:
        world: the caches to follow and the client to bind with.
        scoring: how to choose among nodes that fit.
        spacing_s: shortest time between two rounds.
    """

    def __init__(self, world: World, *, scoring: Scoring, spacing_s: float) -> None:
        self._world = world
        self._scoring = scoring
        self._spacing_s = spacing_s
        self._recorder = Recorder(
            world.client, component=NAME, instance="tandem-sandbox", now=world.now
        )
        self._snapshot = Snapshot(world, helps=self._helps)
        self._waiting: dict[Key, Pod] = {}
        self._refused: set[Key] = set()  # and nothing has changed since that could help
        self._alike: dict[tuple[str, int], str] = {}  # refusals of this state of the cluster
        self._reserved: dict[Key, tuple[Pod, str]] = {}  # waiting for their volumes only
        self._failures: dict[str, int] = {}  # by UID: refusals of the API in a row
        self._wake = asyncio.Event()

    async def run(self) -> None:
        self._snapshot.follow()
        follow(self._world, PODS, self._on_pod)
        await self._world.wait_synced(FOLLOWED)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._recorder.run())
            group.create_task(self._rounds())

    async def _rounds(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._round()
            await asyncio.sleep(self._spacing_s)

    def _helps(self) -> None:
        self._refused.clear()
        self._alike.clear()
        if self._waiting or self._reserved:
            self._wake.set()

    def _on_pod(self, old: Thing | None, new: Thing | None) -> None:
        if new is None or new.node or new.leaving or finished(new):
            gone = new or old
            if gone is not None:
                self._forget(gone, bound=bool(gone.node))
        elif _mine(new) and (old is None or _differs(old, new)):
            self._refused.discard(new.key)
            self._await(pod_of(new))
            self._wake.set()
        elif old and new.key in self._waiting and _nominated(old) != _nominated(new):
            self._await(pod_of(new))  # for its next turn: as upstream, this alone is no reason

    def _await(self, pod: Pod) -> None:
        """Let *pod* wait, and keep its room where it is nominated."""
        self._leave(pod.key, pod.nominated)
        self._waiting[pod.key] = pod
        self._snapshot.cluster.nominate(pod)

    def _leave(self, key: Key, node: str) -> None:
        """Wait no more; room that was kept for the pod on another node than *node* is free."""
        pod = self._waiting.pop(key, None)
        if pod is not None and pod.nominated:
            self._snapshot.cluster.withdraw(pod)
            if pod.nominated != node:
                self._helps()

    def _forget(self, gone: Thing, *, bound: bool) -> None:
        self._leave(gone.key, gone.node)
        self._failures.pop(gone.uid, None)
        self._refused.discard(gone.key)
        self._reserved.pop(gone.key, None)
        if not bound:
            self._snapshot.withdraw(gone.key)

    async def _round(self) -> None:
        """Try everything that waits, best first; who gets a node counts for those after."""
        async with asyncio.TaskGroup() as group:
            for pod, node in self._volumes_ready():
                group.create_task(self._send(pod, _binding(pod, node)))
            for number, pod in enumerate(self._pending(), start=1):
                if self._waiting.get(pod.key) is pod:
                    for action in self._try(pod):
                        group.create_task(self._send(pod, action))
                if number % BREATH == 0:
                    await asyncio.sleep(0)

    def _pending(self) -> list[Pod]:
        untried = [pod for key, pod in self._waiting.items() if key not in self._refused]
        return sorted(untried, key=queue_order)

    def _volumes_ready(self) -> list[tuple[Pod, str]]:
        """Pods with a node whose last volume is bound now; those whose node is gone start anew."""
        ready: list[tuple[Pod, str]] = []
        for key, (pod, node) in list(self._reserved.items()):
            if node not in self._snapshot.cluster.rooms:
                del self._reserved[key]
                self._snapshot.withdraw(key)
                self._await(pod)
            elif not storage(pod, self._snapshot.cluster).unbound:
                del self._reserved[key]
                ready.append((pod, node))
        return ready

    def _try(self, pod: Pod) -> list[Action]:
        """Decide about one pod, and count the decision at once."""
        if pod.gates:
            return self._say(pod, "SchedulingGated", GATED)
        alike = (pod.alike, pod.priority)
        message = self._alike.get(alike)
        if message is not None and not pod.social and not pod.nominated:
            return self._say(pod, "Unschedulable", message)
        cluster = self._snapshot.cluster
        chosen = choose(pod, cluster, self._scoring)
        if not isinstance(chosen, Placed):
            self._alike[alike] = chosen.message
            return self._refuse(pod, chosen.message)
        self._leave(pod.key, chosen.node)
        unbound = storage(pod, cluster).unbound
        self._snapshot.promise(pod, chosen.node)
        if not unbound:
            return [_binding(pod, chosen.node)]
        self._reserved[pod.key] = (pod, chosen.node)
        return [_selection(pod, claim, chosen.node) for claim in unbound]

    def _refuse(self, pod: Pod, message: str) -> list[Action]:
        """A pod that no node takes loses its nomination, as upstream when no victims help."""
        if pod.nominated:
            self._await(replace(pod, nominated=""))
        return self._say(pod, "Unschedulable", message)

    def _say(self, pod: Pod, reason: str, message: str) -> list[Action]:
        """The condition that tells why the pod has no node; nothing when it says so already."""
        self._refused.add(pod.key)
        found = self._world.get(PODS, pod.key)
        if found is None:
            return []
        was = condition(found, "PodScheduled")
        lost: Json = {"nominatedNodeName": None} if pod.nominated and not pod.gates else {}
        told = (was.get("status"), was.get("reason"), was.get("message"))
        if told == ("False", reason, message) and not lost:
            return []
        stamp = seconds(self._world.now())
        since = was.get("lastTransitionTime", stamp) if was.get("status") == "False" else stamp
        said: Json = {
            "type": "PodScheduled",
            "status": "False",
            "reason": reason,
            "message": message,
            "lastTransitionTime": since,
        }
        body: Json = {"metadata": {"uid": pod.uid}, "status": {"conditions": [said], **lost}}
        return [Change(PODS, pod.namespace, pod.name, body, "status", Patch.STRATEGIC)]

    async def _send(self, pod: Pod, action: Action) -> None:
        """Do it; a refusal voids the decision, and the pod is tried again a little later."""
        try:
            await act(self._world, [action])
            self._tell(pod, action)
        except KubeError as error:
            log.debug("retrying", actor="scheduler", object="/".join(pod.key), why=str(error))
            self._reserved.pop(pod.key, None)
            self._snapshot.withdraw(pod.key)
            failures = self._failures[pod.uid] = self._failures.get(pod.uid, 0) + 1
            asyncio.get_running_loop().call_later(RETRY.after(failures), self._again, pod.key)

    def _tell(self, pod: Pod, action: Action) -> None:
        """Publish the Event that `kubectl describe pod` shows."""
        about = Reference("v1", "Pod", pod.name, pod.namespace, pod.uid)
        if isinstance(action, Create):
            node = action.body["target"]["name"]
            said = f"Successfully assigned {pod.namespace}/{pod.name} to {node}"
            self._recorder.emit(about, type="Normal", reason="Scheduled", message=said)
        elif isinstance(action, Change) and action.resource == PODS:
            said = action.body["status"]["conditions"][0]["message"]
            self._recorder.emit(about, type="Warning", reason="FailedScheduling", message=said)

    def _again(self, key: Key) -> None:
        found = self._world.get(PODS, key)
        if found is not None:
            self._on_pod(None, found)


def _mine(pod: Thing) -> bool:
    return (pod.spec.get("schedulerName") or NAME) == NAME


READ = ("schedulingGates", "nodeSelector", "affinity", "tolerations", "containers", "resources")


def _differs(old: Thing, new: Thing) -> bool:
    """Did anything change that decides where the pod may go?"""
    if (old.uid, old.labels) != (new.uid, new.labels):
        return True
    return any(old.spec.get(name) != new.spec.get(name) for name in READ)


def _nominated(pod: Thing) -> str:
    node: str = pod.status.get("nominatedNodeName") or ""
    return node


def _binding(pod: Pod, node: str) -> Action:
    metadata = {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid}
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    body: Json = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
    return Create(PODS, body, pod.namespace, pod.name, "binding")


def _selection(pod: Pod, claim: str, node: str) -> Action:
    body: Json = {"metadata": {"annotations": {SELECTED_NODE: node}}}
    return Change(PERSISTENT_VOLUME_CLAIMS, pod.namespace, claim, body)


async def run_scheduler(world: World, *, scoring: Scoring, spacing_s: float) -> None:
    """Schedule until cancelled."""
    await Scheduler(world, scoring=scoring, spacing_s=spacing_s).run()
