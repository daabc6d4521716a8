"""A real kube-scheduler to ask: etcd, kube-apiserver and kube-scheduler, and nothing that meddles.

Without a controller manager nothing taints nodes, protects volumes or sweeps pods, so a cluster is
exactly what a test writes. One control plane serves many small clusters, one after the other: a
`Stage` sets one up, waits until the scheduler has surely seen it, and sweeps it away.

The scheduler has seen everything when it binds the canary: the kinds arrive in a stream each, in
order, and the canary needs the last node, the last CSINode and the last claim that were written.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import aiohttp

from nodescaler.core.demands import Volume
from nodescaler.core.labels import HOSTNAME, Requirements
from nodescaler.core.model import Plan, PodSpec, Snapshot
from nodescaler.core.taints import Toleration
from tests.clusters import Cluster
from tests.contract.http import Answer, Api, Json
from tests.control_plane import ControlPlane
from tests.nodescaler.core.rules import CORDON, Place, World
from tests.nodescaler.core.staging import placed, world_after
from tests.nodescaler.manifests import bound_claim, csi_node, node_manifest, pod_manifest
from tests.processes import free_ports

CORE, STORAGE = "/api/v1", "/apis/storage.k8s.io/v1"
PODS, NODES, CSI_NODES = f"{CORE}/pods", f"{CORE}/nodes", f"{STORAGE}/csinodes"
FENCE = "fence.tandem.test"  # a driver, and the namespace of the canary with dashes
CANARY = "fence"
GATE = "gate.tandem.test/planned"
PIN = "pin.tandem.test/"  # an extended resource that only one node has
WITHIN_S = 30.0
UNWANTED = "ServiceAccount,TaintNodesByCondition,StorageObjectInUseProtection,Priority"
NOW = {"gracePeriodSeconds": 0}
FENCED = PodSpec(
    CANARY, "", requests={"pods": 1}, tolerations=(Toleration(operator="Exists"),), grace_s=0
)


class SchedulerPlane(ControlPlane):
    """Attributes: metrics_url: where the scheduler counts its queues."""

    def _start(self, *, with_controllers: bool) -> None:
        super()._start(with_controllers=False)
        (port,) = free_ports(1)
        self.metrics_url = f"https://127.0.0.1:{port}/metrics"
        config = self.folder / "scheduler.json"
        config.write_text(json.dumps(_settings(self.write_kubeconfig())))
        self._run(
            "kube-scheduler",
            f"--config={config}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.folder}",
            "--authorization-always-allow-paths=/metrics",
        )

    def _api_flags(self) -> list[str]:
        flags = [each for each in super()._api_flags() if "disable-admission" not in each]
        return [*flags, f"--disable-admission-plugins={UNWANTED}"]


def _settings(kubeconfig: Path) -> Json:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig), "qps": 1000, "burst": 2000},
        "leaderElection": {"leaderElect": False},
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 1,
    }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the scheduler made of a pod: the node it is bound to, or why it is refused."""

    node: str = ""
    message: str = ""


class Stage:
    """One small cluster at a time; use it through `staged`."""

    def __init__(self, api: Api, metrics_url: str) -> None:
        self._api, self._metrics_url = api, metrics_url
        self._pods: dict[str, Json] = {}
        self._changed = asyncio.Condition()
        self._known: set[str] = set()
        self._round = 0

    # ------------------------------------------------------------ one cluster

    async def set_up(self, world: World, mounted: Iterable[PodSpec]) -> None:
        """Make the nodes of *world* and what runs there, and the claims that *mounted* mount.

        Returns once the scheduler knows all of it.
        """
        self._round += 1
        running = [pod for _, pod in world.everyone()]
        everyone = [*running, *mounted]
        for namespace in sorted({pod.namespace for pod in everyone} | {CANARY}):
            await self._namespace(namespace, world.namespaces.get(namespace, {}))
        claims = {key for pod in everyone for key in pod.volumes} & set(world.volumes)
        canary = f"{CANARY}/claim-{self._round}"
        volumes = {key: world.volumes[key] for key in claims} | {canary: Volume(driver=FENCE)}
        await self._write_volumes(volumes, last=canary)
        places = sorted(world.places.values(), key=lambda each: each.name)
        await self._write_nodes(places)
        if places:
            await self._send_canary(places[-1], canary)
        for place in places:
            for pod in place.pods:
                name = f"{pod.name}-{place.name}"
                await self.submit(replace(pod, name=name, node_name=place.name, phase="Pending"))

    async def sweep(self) -> None:
        """Take everything away that a cluster is made of, whoever made it."""
        spaces = (await self._api.get(f"{CORE}/namespaces")).ok()["items"]
        for each in spaces:
            for kind in ("pods", "persistentvolumeclaims"):
                path = f"{CORE}/namespaces/{each['metadata']['name']}/{kind}"
                (await self._api.delete(path, NOW)).ok()
        for path in (NODES, CSI_NODES, f"{CORE}/persistentvolumes"):
            (await self._api.delete(path, NOW)).ok()

    async def _write_volumes(self, volumes: Mapping[str, Volume], last: str) -> None:
        for key in [*sorted(set(volumes) - {last}), last]:
            claim, persistent = bound_claim(key, volumes[key])
            (await self._api.post(f"{CORE}/persistentvolumes", persistent)).ok()
            space = claim["metadata"]["namespace"]
            path = f"{CORE}/namespaces/{space}/persistentvolumeclaims"
            (await self._api.post(path, claim)).ok()

    async def _write_nodes(self, places: list[Place]) -> None:
        for place in places:
            limits = dict(place.attach_limits)
            if place is places[-1]:
                limits[FENCE] = 1
            if limits:
                (await self._api.post(CSI_NODES, csi_node(place.name, limits))).ok()
        for place in places:
            room = {name: max(value, 0) for name, value in place.room.items()}
            body = node_manifest(
                place.name,
                place.labels,
                place.taints,
                {**room, PIN + place.name: 1000},
                unschedulable=CORDON in place.taints,
            )
            (await self._api.post(NODES, body)).ok()

    async def _send_canary(self, place: Place, claim: str) -> None:
        """Bound at last: nothing keeps it away but what the scheduler has not seen yet."""
        here = (Requirements.labels({HOSTNAME: place.name}),)
        name = f"canary-{self._round}"
        canary = replace(FENCED, name=name, alternatives=here, volumes=(claim,))
        uid = await self.submit(canary)
        await self._until(lambda: bool(_node_of(self._pods.get(uid))))
        await self.remove(canary)

    # ------------------------------------------------------------ pods

    async def submit(self, pod: PodSpec) -> str:
        """Create *pod*; returns its UID, by which it is asked for."""
        body = pod_manifest(replace(pod, priority_class=""))
        body["spec"]["preemptionPolicy"] = "Never"  # it drives nobody out
        if pod.gated:
            body["spec"]["schedulingGates"] = [{"name": GATE}]
        path = f"{CORE}/namespaces/{pod.namespace}/pods"
        uid: str = (await self._api.post(path, body)).ok()["metadata"]["uid"]
        return uid

    async def nominate(self, pod: PodSpec, node: str) -> None:
        """Say where *pod* was planned to go, as the operator does before a node registers."""
        told = {"status": {"nominatedNodeName": node}}
        (await self._api.patch(f"{_path(pod)}/status", told)).ok()

    async def open_gate(self, pod: PodSpec) -> None:
        (await self._api.patch(_path(pod), {"spec": {"schedulingGates": None}})).ok()

    async def verdict(self, uid: str) -> Verdict:
        """The scheduler's first word on a pod."""
        await self._until(lambda: _verdict(self._pods.get(uid)) is not None)
        found = _verdict(self._pods[uid])
        assert found is not None
        return found

    async def remove(self, pod: PodSpec) -> None:
        (await self._api.delete(_path(pod), NOW)).ok()

    async def settled(self, uids: Iterable[str]) -> list[str]:
        """Those of *uids* that stay out, once the scheduler has nothing left to try.

        Each pod that is not bound lies in the queue of those that nothing helps, and no other
        does: none waits for its turn, none is being looked at.
        """
        wanted = set(uids)
        async with asyncio.timeout(WITHIN_S):
            while True:
                await self._until(lambda: all(self._pods.get(u) for u in wanted))
                out = sorted(uid for uid in wanted if not _node_of(self._pods[uid]))
                queues = await self._queues()
                still = sorted(uid for uid in wanted if not _node_of(self._pods[uid]))
                if out == still and queues == ({"unschedulable": len(out)} if out else {}):
                    return out

    async def _queues(self) -> dict[str, int]:
        """How many pods lie in each queue of the scheduler that has some."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self._metrics_url, ssl=False) as answer,
        ):
            text = await answer.text()
        found = re.findall(r'^scheduler_pending_pods\{queue="(\w+)"\} (\S+)$', text, re.MULTILINE)
        return {queue: int(float(count)) for queue, count in found if float(count)}

    # ------------------------------------------------------------ the rest

    async def follow(self, since: str) -> None:
        """Hold what the API says of every pod, for ever."""
        async with self._api.watch(PODS, resourceVersion=since, timeoutSeconds=3600) as watch:
            while True:
                event = await watch.next(timeout_s=3600)
                pod = event["object"]
                async with self._changed:
                    self._pods[pod["metadata"]["uid"]] = pod
                    self._changed.notify_all()

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait for pods to change until *holds*."""
        async with asyncio.timeout(WITHIN_S), self._changed:
            await self._changed.wait_for(holds)

    async def _namespace(self, name: str, labels: Mapping[str, str]) -> None:
        if name not in self._known:
            self._known.add(name)
            body = {"metadata": {"name": name, "labels": dict(labels)}}
            _made(await self._api.post(f"{CORE}/namespaces", body))

    async def prepare(self) -> str:
        """What every cluster needs; returns the moment from which to follow the pods."""
        driver = {"attachRequired": True, "preventPodSchedulingIfMissing": True}
        body = {"metadata": {"name": FENCE}, "spec": driver}
        _made(await self._api.post(f"{STORAGE}/csidrivers", body))
        await self.sweep()
        version: str = (await self._api.get(PODS)).ok()["metadata"]["resourceVersion"]
        return version


def _path(pod: PodSpec) -> str:
    return f"{CORE}/namespaces/{pod.namespace}/pods/{pod.name}"


def _made(answer: Answer) -> None:
    """Fine when another stage on this control plane was first."""
    if answer.status != HTTPStatus.CONFLICT:
        answer.ok()


def _node_of(pod: Json | None) -> str:
    node: str = (pod or {}).get("spec", {}).get("nodeName", "")
    return node


def _verdict(pod: Json | None) -> Verdict | None:
    """None while the scheduler has not looked at it."""
    if _node_of(pod):
        return Verdict(node=_node_of(pod))
    for each in (pod or {}).get("status", {}).get("conditions") or []:
        if each["type"] == "PodScheduled" and each["status"] == "False":
            assert each["reason"] == "Unschedulable", each
            return Verdict(message=each["message"])
    return None


@asynccontextmanager
async def staged(plane: SchedulerPlane) -> AsyncIterator[Stage]:
    """A stage on *plane*; one at a time."""
    config = plane.folder / "kubeconfig"
    cluster = Cluster("scheduler", plane.url, config, plane.token, plane.authority)
    async with cluster.http() as session, asyncio.TaskGroup() as group:
        stage = Stage(Api(session), plane.metrics_url)
        following = group.create_task(stage.follow(await stage.prepare()))
        yield stage
        following.cancel()


async def second_round(
    stage: Stage, snapshot: Snapshot, plan: Plan, *, nominated: bool = False
) -> int:
    """How many pods of *plan* the real scheduler leaves pending once the plan's nodes are there.

    The nodes that stay and those that are planned are made, with all that runs there; then the
    planned pods come at once, in the order of their names, and may go wherever they like. What
    is pending when the scheduler has nothing left to try needs another round of planning. The
    cluster is swept afterwards, so calls may follow one another on one stage:

        plane = SchedulerPlane(control_plane.assets(), folder)
        async with staged(plane) as stage:
            ours = await second_round(stage, snapshot, pack(snapshot))
        plane.stop()

    Args:
        plan: any plan for *snapshot*; of a claim, the machine that the plan names is launched.
        nominated: the scheduler knows where each pod was planned to go before it sees any.
    """
    planned = sorted(placed(plan), key=lambda each: each[0].key)
    pods = [replace(pod, node_name="", gated=nominated) for pod, _ in planned]
    await stage.set_up(world_after(snapshot, plan), pods)
    uids = [await stage.submit(pod) for pod in pods]
    if nominated:
        for pod, node in planned:
            await stage.nominate(pod, node)
        for pod in pods:
            await stage.open_gate(pod)
    left = await stage.settled(uids)
    await stage.sweep()
    return len(left)
