"""Workloads that care where they run, and what must be true of the nodes that they got.

Each part has nodes of its own: its pods select them by the label PART, for which the pool leaves
every value open. So the scheduler, which knows nothing of the plan, cannot give away the room that
was planned for another part, and a round too many is a fault of the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kube.client import Json

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
CAPACITY_TYPE = "karpenter.sh/capacity-type"
POOL = "karpenter.sh/nodepool"
PART = "example.com/part"
GUARD = {"key": "example.com/guarded", "value": "yes", "effect": "NoSchedule"}
DISK_ZONE = "us-east-1b"  # where the volume is that exists already
CLASS_ZONES = ("us-east-1a", "us-east-1c")  # where volumes of the class can be made
PORT = 8443

Labels = Mapping[str, str]  # of one node
Places = Mapping[str, Sequence[Labels]]  # app -> the nodes of its pods, one a pod


@dataclass(frozen=True, slots=True)
class App:
    """Pods of one template.

    Args:
        spec: merged over the pod's spec.
        container: merged over its container.
        claims: storage classes of volumes that each pod gets for itself; makes it a StatefulSet.
    """

    name: str
    replicas: int
    cpu: str
    spec: Json = field(default_factory=dict)
    container: Json = field(default_factory=dict)
    claims: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return "StatefulSet" if self.claims else "Deployment"

    def manifest(self, part: str) -> Json:
        labels = {"app": self.name}
        container = {
            "name": "main",
            "image": "registry.invalid/none:1",
            "resources": {"requests": {"cpu": self.cpu, "memory": "256Mi"}},
            **self.container,
        }
        pod = {
            "terminationGracePeriodSeconds": 1,
            "nodeSelector": {PART: part},
            "containers": [container],
            **self.spec,
        }
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec: Json = {
            "replicas": self.replicas,
            "selector": {"matchLabels": labels},
            "template": template,
        }
        if self.claims:
            made = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            spec |= {
                "serviceName": self.name,
                "podManagementPolicy": "Parallel",
                "volumeClaimTemplates": [
                    {"metadata": {"name": f"disk-{i}"}, "spec": {"storageClassName": name, **made}}
                    for i, name in enumerate(self.claims)
                ],
            }
        return {
            "apiVersion": "apps/v1",
            "kind": self.kind,
            "metadata": {"name": self.name},
            "spec": spec,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """Apps with nodes of their own, and whether these nodes are right."""

    name: str
    apps: tuple[App, ...]
    holds: Callable[[Places], bool]


def near(app: str, key: str) -> Json:
    """Where a pod of *app* is."""
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_term(app, key)]}}


def apart(app: str, key: str) -> Json:
    """Where no pod of *app* is."""
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": [_term(app, key)]}
    return {"podAntiAffinity": rule}


def _term(app: str, key: str) -> Json:
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}


def evenly(app: str, key: str, domains: int) -> Json:
    """As many of *app* in each of so many domains, of which none exists before there are nodes."""
    rule = {
        "topologyKey": key,
        "maxSkew": 1,
        "minDomains": domains,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": app}},
    }
    return {"topologySpreadConstraints": [rule]}


def rather(key: str, value: str) -> Json:
    """On nodes with this label if there may be some."""
    line = {"key": key, "operator": "In", "values": [value]}
    wish = {"weight": 1, "preference": {"matchExpressions": [line]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}


def parts(storage_class: str, claim: str, guarded: str) -> tuple[Part, ...]:
    """Everything that is submitted at once.

    Args:
        storage_class: volumes of it are made in CLASS_ZONES, where their pods go.
        claim: a PersistentVolumeClaim with a volume in DISK_ZONE.
        guarded: the pool whose nodes are tainted.
    """
    return (
        Part(
            "evenly over three zones",
            (App("shop", 6, "900m", evenly("shop", ZONE, 3)),),
            lambda at: sorted(Counter(_each(at["shop"], ZONE)).values()) == [2, 2, 2],
        ),
        Part(
            "each on a node of its own",
            (App("quorum", 3, "100m", {"affinity": apart("quorum", HOST)}),),
            lambda at: _differ(at["quorum"], HOST),
        ),
        Part(
            "in the zone of another app",
            (
                App("base", 1, "300m"),
                App("cache", 3, "300m", {"affinity": near("base", ZONE)}),
            ),
            lambda at: set(_each(at["cache"], ZONE)) == set(_each(at["base"], ZONE)),
        ),
        Part(
            "beside another app on its node",
            (
                App("engine", 2, "1", {"affinity": apart("engine", HOST)}),
                App("car", 2, "500m", {"affinity": near("engine", HOST) | apart("car", HOST)}),
            ),
            lambda at: (
                _differ(at["car"], HOST)
                and set(_each(at["car"], HOST)) == set(_each(at["engine"], HOST))
            ),
        ),
        Part(
            "where its volume is",
            (App("archive", 1, "200m", {"volumes": [_mounted(claim)]}),),
            lambda at: list(_each(at["archive"], ZONE)) == [DISK_ZONE],
        ),
        Part(
            "where its volumes can be made, in two zones",
            (
                App(
                    "ledger",
                    2,
                    "200m",
                    {"affinity": apart("ledger", ZONE)},
                    claims=(storage_class,),
                ),
            ),
            lambda at: sorted(_each(at["ledger"], ZONE)) == sorted(CLASS_ZONES),
        ),
        Part(
            "on nodes that others are kept from",
            (App("vault", 2, "500m", {"tolerations": [{**GUARD, "operator": "Equal"}]}),),
            lambda at: set(_each(at["vault"], POOL)) == {guarded},
        ),
        Part(
            "though nothing is as it wishes",
            (App("dreamer", 2, "500m", {"affinity": rather(ZONE, "mars")}),),
            lambda at: len(at["dreamer"]) == 2,
        ),
        Part(
            "as it wishes",
            (App("snob", 1, "500m", {"affinity": rather(CAPACITY_TYPE, "on-demand")}),),
            lambda at: set(_each(at["snob"], CAPACITY_TYPE)) == {"on-demand"},
        ),
        Part(
            "where its port is free",
            (App("gate", 2, "50m", container={"ports": [_port()]}),),
            lambda at: _differ(at["gate"], HOST),
        ),
    )


def slug(part: Part) -> str:
    """Its name as the value of a label."""
    return part.name.replace(",", "").replace(" ", "-")


def node_class(name: str) -> Json:
    """Nodes that join a second after they were asked for."""
    return {
        "apiVersion": "karpenter.kwok.sh/v1alpha1",
        "kind": "KWOKNodeClass",
        "metadata": {"name": name},
        "spec": {"nodeRegistrationDelay": "1s"},
    }


def pool(name: str, machines: str, values: Iterable[str], **template: Any) -> Json:
    """A NodePool for the parts of these labels.

    Args:
        machines: its node class.
        template: merged over the spec of its template.
    """
    ref = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": machines}
    requirements = [
        {"key": PART, "operator": "In", "values": list(values)},
        {"key": CAPACITY_TYPE, "operator": "In", "values": ["spot", "on-demand"]},
        {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m5", "m6i"]},
    ]
    spec = {"nodeClassRef": ref, "requirements": requirements, "expireAfter": "Never", **template}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "template": {"spec": spec},
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "2s"},
        },
    }


def volume(name: str, zone: str, claim: Json) -> Json:
    """A volume of one zone for *claim*, of a kind that nobody has to attach."""
    term = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
    metadata = claim["metadata"]
    spec: Json = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "storageClassName": claim["spec"]["storageClassName"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
        },
        "nfs": {"server": "127.0.0.1", "path": "/"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": spec,
    }


def storage_class(name: str) -> Json:
    lines = [{"key": ZONE, "values": list(CLASS_ZONES)}]
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "disks.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": lines}],
    }


def _mounted(claim: str) -> Json:
    return {"name": "data", "persistentVolumeClaim": {"claimName": claim}}


def _port() -> Json:
    return {"containerPort": PORT, "hostPort": PORT}


def _each(nodes: Iterable[Labels], key: str) -> Iterable[str]:
    return (labels[key] for labels in nodes)


def _differ(nodes: Sequence[Labels], key: str) -> bool:
    return len(set(_each(nodes, key))) == len(nodes)
