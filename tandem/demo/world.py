"""What the demo sees of its cluster, read from the API like any stranger would."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from kube.cache import Cache
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.objects import ObjectMeta, Partial
from kube.resources import NAMESPACES, NODE_CLAIMS, NODES, PODS
from kube.scale import Scales, Target
from tandem.demo.brokers import Broker
from tandem.demo.scenario import NAMESPACE, WORKER
from tandem.demo.timeline import NodeLine, Sample
from tandem.demo.workers import WorkerPod, Workers


class NodeCondition(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    status: str = ""


class NodeStatus(msgspec.Struct, frozen=True, gc=False):
    conditions: tuple[NodeCondition, ...] = ()


class DemoNode(msgspec.Struct, frozen=True, gc=False):
    """What the demo reads of a node."""

    metadata: ObjectMeta
    status: NodeStatus = NodeStatus()

    @property
    def ready(self) -> bool:
        return any(c.type == "Ready" and c.status == "True" for c in self.status.conditions)


class World:
    """The demo's cluster and its queue: caches for what is shown, consumers for what runs."""

    def __init__(self, client: Client, broker: Broker, *, namespace: str = NAMESPACE) -> None:
        self.namespace = namespace
        self._client = client
        self._broker = broker
        self._discovery = Discovery(client)
        self._pods = Cache(client, PODS, WorkerPod, namespace=namespace)
        self._nodes = Cache(client, NODES, DemoNode)
        self._claims = Cache(client, NODE_CLAIMS, Partial)
        self._target = Target(namespace, "apps/v1", "Deployment", WORKER)
        self._scales = Scales(client, self._discovery)

    async def run(self, *, work_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for cache in (self._pods, self._nodes, self._claims):
                group.create_task(cache.run())
            group.create_task(Workers(self._pods, self._broker, work_s=work_s).run())

    async def create(self, manifests: Sequence[Json]) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self._client.create(NAMESPACES, namespace)
        for body in manifests:
            resource = await self._discovery.resource(body["apiVersion"], body["kind"])
            await self._client.create(resource, body, namespace=body["metadata"].get("namespace"))

    async def sample(self, seconds: float) -> Sample:
        scale = await self._scales.get(self._target)
        states = Counter(pod.state for pod in self._pods.values())
        per_node = Counter(pod.spec.node_name for pod in self._pods.values())
        return Sample(
            seconds=seconds,
            backlog=self._broker.depth,
            done=self._broker.done,
            replicas=scale.replicas,
            pods=states,
            nodes=tuple(
                _line(node, per_node[node.metadata.name])
                for node in sorted(self._nodes.values(), key=lambda n: n.metadata.name)
            ),
            claims=len(self._claims.values()),
        )


def _line(node: DemoNode, pods: int) -> NodeLine:
    labels = node.metadata.labels
    return NodeLine(
        name=node.metadata.name,
        instance_type=labels.get("node.kubernetes.io/instance-type", "?"),
        capacity_type=labels.get("karpenter.sh/capacity-type", "?"),
        zone=labels.get("topology.kubernetes.io/zone", "?"),
        usd_per_hour=float(labels.get("eks-node-viewer/instance-price", 0)),
        ready=node.ready,
        pods=pods,
    )
