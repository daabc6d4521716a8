"""Objects as the world that planning looks at.

A document that is wrong gives faults with file, document and field, and is left out; the others
are read. Classes come first, because pods get something from them; budgets of disruption are
accepted and decide nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from kube.client import Json
from kube.objects import Partial
from nodescaler.core.model import PodSpec
from nodescaler.decode import (
    DaemonSetObject,
    Faults,
    KwokNodeClassObject,
    NodeClaimObject,
    NodeObject,
    NodePoolObject,
    PodObject,
    ProvisionerObject,
    claim_state,
    daemon_spec,
    node_pool,
    node_state,
    pod_spec,
    provisioner,
    unreadable_pod,
)
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.faults import Findings
from tandem.files import Document
from tandem.plan.inputs import Inputs
from tandem.plan.kinds import NODE_CLASSES, STORAGE, WORKLOADS
from tandem.plan.volumes import resolved
from tandem.plan.workloads import make_ephemeral_claims, read_workload, with_admitted_template
from tandem.plan.world import CLUSTER, Sample, World, class_name, name_of

_TYPES = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")  # as msgspec says it
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # of a NodeClaim that no API has seen

NULL = "got `null`"

Reader = Callable[[Document, World], None]


def read_world(inputs: Inputs, live: Iterable[PodObject] = ()) -> World:
    """Everything that was gathered, good or bad.

    Args:
        inputs: the objects of files and of a cluster, beside its pods.
        live: the pods of the cluster.
    """
    world = World(faults=list(inputs.faults), notes=list(inputs.notes))
    documents = inputs.documents.values()
    for kinds in (*_FIRST, tuple(_READERS)):
        for document in documents:
            if document.body["kind"] in kinds:
                _read(document, world)
    for obj in live:
        world.live.append(_live_pod(obj, world))
    _check_classes(world)
    _check_names(world)
    _resolve_claims(world)
    return world


def _read(document: Document, world: World) -> None:
    name, where = name_of(document.body), document.where
    reader = _ALL[str(document.body["kind"])]
    try:
        try:
            reader(document, world)
        except msgspec.ValidationError as error:
            if NULL not in str(error):
                raise
            reader(Document(where, _without_nulls(document.body)), world)
    except Faults as faults:
        for fault in faults.faults:
            world.fault(where, f"{name}: {fault}")
    except msgspec.ValidationError as error:
        world.fault(where, f"{name}: {plain(error)}")
    except RecursionError:
        world.fault(where, f"{name}: nested too deeply")
    except ValueError as error:
        world.fault(where, f"{name}: {error}")


def _without_nulls(body: Json) -> Json:
    """As the API server reads it: a field that is null is not there."""
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in body.items()
        if value is not None
    }


def plain(error: msgspec.ValidationError) -> str:
    """The message of msgspec, path first, as our own faults are.

    >>> plain(msgspec.ValidationError("Expected `int`, got `str` - at `$.spec.weight`"))
    'spec.weight: found text; would do: a whole number'
    """
    text, _, path = str(error).partition(" - at `$")
    types = _TYPES.fullmatch(text)
    message = _mistaken(*types.groups()) if types else text[:1].lower() + text[1:]
    return f"{path.strip('.`')}: {message}" if path else message


def _mistaken(wanted: str, found: str) -> str:
    """A field of the wrong type, in words.

    >>> _mistaken("array | null", "str")
    'found text; would do: a list'
    """
    types = [each for each in wanted.split(" | ") if each != "null"]
    would_do = " or ".join(_WORDS.get(each, each) for each in types)
    return f"found {_WORDS.get(found, found)}; would do: {would_do}"


# ---------------------------------------------------------------- classes and namespaces


def _read_class(document: Document, world: World) -> None:
    """A node class counts by kind and name; what kwok's says must be readable."""
    body = document.body
    if body["kind"] == "KWOKNodeClass":
        msgspec.convert(body, KwokNodeClassObject)
    world.classes.add((str(body["kind"]), msgspec.convert(body, Partial).metadata.name))


def _read_runtime(document: Document, world: World) -> None:
    world.admission.read_runtime(document.body)


def _read_priority(document: Document, world: World) -> None:
    world.admission.read_priority(document.body)


def _read_namespace(document: Document, world: World) -> None:
    meta = msgspec.convert(document.body, Partial).metadata
    world.namespaces[meta.name] = meta.labels


def _read_storage(document: Document, world: World) -> None:
    world.storage.read(document, is_live=document.where == CLUSTER)


def _accept(document: Document, world: World) -> None:
    """Nothing to plan in it."""


# ---------------------------------------------------------------- pods


def _read_pod(document: Document, world: World) -> None:
    body, spec = document.body, document.body.get("spec")
    for text in world.admission.unknown(spec):
        world.note(document.where, f"{name_of(body)}: {text}")
    if spec is not None:
        body = body | {"spec": world.admission.admitted(spec)}
    obj = msgspec.convert(body, PodObject)
    pod = pod_spec(obj)
    if pod.gated:
        world.note(document.where, f"{name_of(body)} waits for its scheduling gates; not planned")
    make_ephemeral_claims(pod, obj.spec, world)
    world.pods.append(pod)
    world.samples.append(Sample(document.where, "spec", pod))


def _live_pod(obj: PodObject, world: World) -> PodSpec:
    """A pod of the cluster; one that cannot be read still has its place."""
    try:
        return pod_spec(obj)
    except ValueError as error:
        pod = unreadable_pod(obj)
        world.fault(CLUSTER, f"Pod {pod.key}: {error}")
        return pod


def _read_daemon_set(document: Document, world: World) -> None:
    body = with_admitted_template(document, world)
    world.daemons.append(daemon_spec(msgspec.convert(body, DaemonSetObject)))


# ---------------------------------------------------------------- nodes and pools


def _read_node(document: Document, world: World) -> None:
    obj = msgspec.convert(document.body, NodeObject)
    _check_amounts(obj.status)
    node = node_state(obj)
    if not node.allocatable:
        name = name_of(document.body)
        world.note(document.where, f"{name} says nothing of status.allocatable; taken as full")
    is_live = document.where == CLUSTER
    world.nodes.append(node if is_live else replace(node, initialised=True))


def _read_claim(document: Document, world: World) -> None:
    obj = msgspec.convert(document.body, NodeClaimObject)
    _check_amounts(obj.status)
    findings = Findings()
    requests = obj.spec.resources.requests if obj.spec.resources else None
    checked_amounts(requests, "spec.resources.requests", findings)
    findings.raise_if_any()
    if obj.metadata.creation_timestamp is None:
        dated = msgspec.structs.replace(obj.metadata, creation_timestamp=LONG_AGO)
        obj = msgspec.structs.replace(obj, metadata=dated)
    world.claims.append(claim_state(obj))


def _check_amounts(status: object) -> None:
    findings = Findings()
    for field in ("capacity", "allocatable"):
        checked_amounts(getattr(status, field), f"status.{field}", findings)
    findings.raise_if_any()


def _read_node_pool(document: Document, world: World) -> None:
    pool = node_pool(msgspec.convert(document.body, NodePoolObject))
    world.pools.append((document.where, pool))


def _read_provisioner(document: Document, world: World) -> None:
    pool = provisioner(msgspec.convert(document.body, ProvisionerObject))
    world.pools.append((document.where, pool))


_FIRST = (
    (*NODE_CLASSES, "RuntimeClass", "PriorityClass", "Namespace"),
    tuple(STORAGE),
)
_READERS: Mapping[str, Reader] = {
    "Pod": _read_pod,
    "DaemonSet": _read_daemon_set,
    "Node": _read_node,
    "NodeClaim": _read_claim,
    "NodePool": _read_node_pool,
    "Provisioner": _read_provisioner,
    "PodDisruptionBudget": _accept,
    **dict.fromkeys(WORKLOADS, read_workload),
}
_ALL: Mapping[str, Reader] = {
    **_READERS,
    **dict.fromkeys(NODE_CLASSES, _read_class),
    **dict.fromkeys(STORAGE, _read_storage),
    "RuntimeClass": _read_runtime,
    "PriorityClass": _read_priority,
    "Namespace": _read_namespace,
}


# ---------------------------------------------------------------- what refers to what


def _check_classes(world: World) -> None:
    """A pool whose node class is nowhere is left out; kwok's class `default` may be missing."""
    known = {*world.classes, ("KWOKNodeClass", "default")}
    there = ", ".join(f"{kind} {name}" for kind, name in sorted(known))
    for where, pool in list(world.pools):
        ref = pool.node_class
        if ref is None or (ref.kind, ref.name) in known:
            continue
        is_pool = pool.kind == "NodePool"
        path = "spec.template.spec.nodeClassRef" if is_pool else "spec.providerRef"
        message = f"{path}: found '{class_name(ref)}'; would do: {there}"
        world.fault(where, f"{pool.kind} {pool.name}: {message}")
        world.pools.remove((where, pool))


def _resolve_claims(world: World) -> None:
    named = {key for pod in world.pods for key in pod.volumes}
    world.volumes, notes = resolved(world.storage, named)
    for note in notes:
        world.remark(note)


def _check_names(world: World) -> None:
    """Nodes are labelled with their pool's name, so a NodePool shadows a Provisioner."""
    taken = {pool.name: where for where, pool in world.pools if pool.kind == "NodePool"}
    for where, pool in list(world.pools):
        if pool.kind == "Provisioner" and pool.name in taken:
            first = taken[pool.name]
            message = f"a NodePool of this name in {first} comes first; would do: another name"
            world.fault(where, f"Provisioner {pool.name}: metadata.name: {message}")
            world.pools.remove((where, pool))
