"""Manifests as the snapshot that planning reads.

A document that is wrong gives faults with file, document and field, and is left out; the others
are read. Kinds that planning does not use are skipped with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import msgspec

from kube.client import Json
from kube.objects import ObjectMeta, OwnerReference, Partial
from nodescaler.core.model import DaemonSpec, NodePool, NodeState, PodSpec
from nodescaler.decode import (
    DaemonSetObject,
    Faults,
    KwokNodeClassObject,
    NodeObject,
    NodePoolObject,
    PodObject,
    ProvisionerObject,
    daemon_spec,
    node_pool,
    node_state,
    pod_spec,
    provisioner,
)
from nodescaler.decode.structs import Part, PodTemplate
from tandem.files import Found, InputFault, Where

SINGLE = frozenset({"Pod", "DaemonSet", "Node", "NodePool", "Provisioner"})
CLASSES = frozenset({"KWOKNodeClass", "EC2NodeClass"})


@dataclass(slots=True)
class World:
    """What has been read so far.

    Attributes:
        samples: one pod of each document that has pods, with the path of its pod spec.
    """

    pools: list[tuple[Where, NodePool]] = field(default_factory=list)
    classes: set[tuple[str, str]] = field(default_factory=set)
    nodes: list[NodeState] = field(default_factory=list)
    pods: list[PodSpec] = field(default_factory=list)
    daemons: list[DaemonSpec] = field(default_factory=list)
    samples: list[tuple[Where, str, PodSpec]] = field(default_factory=list)
    faults: list[InputFault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class WorkloadBody(Part, frozen=True):
    replicas: int | None = None
    parallelism: int | None = None
    completions: int | None = None
    template: PodTemplate = PodTemplate()

    def count(self, kind: str) -> int:
        if kind != "Job":
            return 1 if self.replicas is None else self.replicas
        at_once = 1 if self.parallelism is None else self.parallelism
        return at_once if self.completions is None else min(at_once, self.completions)


class Workload(Part, frozen=True):
    metadata: ObjectMeta
    spec: WorkloadBody = WorkloadBody()


def read_world(given: Iterable[Found]) -> World:
    """Everything that was found in files, good or bad."""
    world = World()
    for found in given:
        if isinstance(found, InputFault):
            world.faults.append(found)
        else:
            _read_document(found.body, found.where, world)
    _check_classes(world)
    return world


def _read_document(doc: Json, where: Where, world: World) -> None:
    try:
        _read(doc, where, world)
    except Faults as faults:
        world.faults += [InputFault(where, f"{_name(doc)}: {f}") for f in faults.faults]
    except msgspec.ValidationError as error:
        world.faults.append(InputFault(where, f"{_name(doc)}: {_plain(error)}"))


def _name(doc: Json) -> str:
    metadata = doc.get("metadata")
    name = metadata.get("name", "?") if isinstance(metadata, dict) else "?"
    return f"{doc['kind']} {name}"


def _plain(error: msgspec.ValidationError) -> str:
    """The message of msgspec, path first, as our own faults are.

    >>> _plain(msgspec.ValidationError("Expected `int`, got `str` - at `$.spec.weight`"))
    'spec.weight: expected `int`, got `str`'
    """
    text, _, path = str(error).partition(" - at `$")
    message = text[:1].lower() + text[1:]
    return f"{path.strip('.`')}: {message}" if path else message


# ---------------------------------------------------------------- kinds


def _read(doc: Json, where: Where, world: World) -> None:
    kind = doc["kind"]
    if kind in CLASSES:
        _read_class(doc, world)
    elif kind in SINGLE:
        _READERS[kind](doc, where, world)
    elif kind in {"Deployment", "ReplicaSet", "StatefulSet", "Job"}:
        _read_workload(doc, where, world)
    else:
        world.notes.append(f"{where}: {_name(doc)} is not used in planning; skipped")


def _read_class(doc: Json, world: World) -> None:
    """A node class counts by kind and name; what kwok's says must be readable."""
    if doc["kind"] == "KWOKNodeClass":
        msgspec.convert(doc, KwokNodeClassObject)
    world.classes.add((doc["kind"], msgspec.convert(doc, Partial).metadata.name))


def _read_pod(doc: Json, where: Where, world: World) -> None:
    pod = pod_spec(msgspec.convert(doc, PodObject))
    world.pods.append(pod)
    world.samples.append((where, "spec", pod))


def _read_daemon_set(doc: Json, where: Where, world: World) -> None:
    del where
    world.daemons.append(daemon_spec(msgspec.convert(doc, DaemonSetObject)))


def _read_node(doc: Json, where: Where, world: World) -> None:
    node = node_state(msgspec.convert(doc, NodeObject))
    if not node.allocatable:
        world.notes.append(
            f"{where}: {_name(doc)} says nothing of status.allocatable; taken as full"
        )
    world.nodes.append(replace(node, initialised=True))


def _read_node_pool(doc: Json, where: Where, world: World) -> None:
    world.pools.append((where, node_pool(msgspec.convert(doc, NodePoolObject))))


def _read_provisioner(doc: Json, where: Where, world: World) -> None:
    world.pools.append((where, provisioner(msgspec.convert(doc, ProvisionerObject))))


_READERS: dict[str, Callable[[Json, Where, World], None]] = {
    "Pod": _read_pod,
    "DaemonSet": _read_daemon_set,
    "Node": _read_node,
    "NodePool": _read_node_pool,
    "Provisioner": _read_provisioner,
}


def _read_workload(doc: Json, where: Where, world: World) -> None:
    """Its replicas as pods."""
    kind = doc["kind"]
    workload = msgspec.convert(doc, Workload)
    meta, template = workload.metadata, workload.spec.template
    owner = OwnerReference(kind=kind, name=meta.name, uid=meta.uid, controller=True)
    first = PodObject(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            owner_references=(owner,),
        ),
        spec=template.spec,
    )
    path = "spec.template.spec"
    sample = pod_spec(first, path)
    count = workload.spec.count(kind)
    world.samples.append((where, path, sample))
    world.pods += [replace(sample, name=f"{meta.name}-{number}") for number in range(count)]


def _check_classes(world: World) -> None:
    """A pool whose node class is in no file is left out; kwok's class `default` may be missing."""
    known = {*world.classes, ("KWOKNodeClass", "default")}
    for where, pool in list(world.pools):
        ref = pool.node_class
        if ref is None or (ref.kind, ref.name) in known:
            continue
        there = ", ".join(f"{kind} {name}" for kind, name in sorted(known))
        field_path = (
            "spec.template.spec.nodeClassRef" if pool.kind == "NodePool" else "spec.providerRef"
        )
        message = f"{field_path}: found '{ref.kind} {ref.name}'; would do: {there}"
        world.faults.append(InputFault(where, f"{pool.kind} {pool.name}: {message}"))
        world.pools.remove((where, pool))
