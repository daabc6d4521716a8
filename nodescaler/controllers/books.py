"""Pools and node classes as they were last told: decoded, or with what is wrong with them.

kopf feeds this; the number of such objects is small. A Provisioner and a NodePool of one name would
share their nodes' labels, so the NodePool wins and the Provisioner is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from kube.cache import newer
from kube.client import Json
from kube.resources import KWOK_NODE_CLASSES, NODE_POOLS, PROVISIONERS, Resource
from nodescaler import decode
from nodescaler.clouds.base import NodeClass
from nodescaler.core.model import InstanceType, NodeClassRef, NodePool

POOL_KINDS: dict[str, Resource] = {"NodePool": NODE_POOLS, "Provisioner": PROVISIONERS}
CLASS_KINDS: dict[str, Resource] = {"KWOKNodeClass": KWOK_NODE_CLASSES}

Key = tuple[str, str]  # kind and name


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """One pool object.

    Attributes:
        pool: None when it cannot be read; then *fault* says why.
        body: metadata and status, as last seen.
    """

    body: Json
    pool: NodePool | None
    fault: str = ""

    @property
    def key(self) -> Key:
        return (str(self.body["kind"]), str(self.body["metadata"]["name"]))


@dataclass(slots=True)
class Books:
    """Everything that is told, and what each pool may buy today.

    Attributes:
        default: the class that stands for a cloud's own defaults while no such object exists.
        types: for each usable pool, by name; set by the pools' controller.
    """

    default: NodeClassRef
    types: dict[str, Sequence[InstanceType]] = field(default_factory=dict)
    _pools: dict[Key, PoolEntry] = field(default_factory=dict)
    _classes: dict[Key, NodeClass] = field(default_factory=dict)
    _class_versions: dict[Key, str] = field(default_factory=dict)

    def changed(self, body: Json) -> Key:
        """Take *body* in; the answer is its key."""
        key = (str(body["kind"]), str(body["metadata"]["name"]))
        if key[0] in POOL_KINDS:
            held = self._pools.get(key)
            if held is None or newer(_version(body), _version(held.body)):
                self._pools[key] = read_pool(body)
        elif newer(_version(body), self._class_versions.get(key, "")):
            self._class_versions[key] = _version(body)
            self._classes[key] = NodeClass(key[0], key[1], body.get("spec") or {})
        return key

    def gone(self, key: Key) -> None:
        self._pools.pop(key, None)
        self._classes.pop(key, None)
        self._class_versions.pop(key, None)

    def keys(self, kind: str) -> set[Key]:
        return {key for key in (*self._pools, *self._classes) if key[0] == kind}

    def entry(self, key: Key) -> PoolEntry | None:
        return self._pools.get(key)

    def entries(self) -> list[PoolEntry]:
        return [self._pools[key] for key in sorted(self._pools)]

    def is_shadowed(self, key: Key) -> bool:
        """Whether a NodePool of the same name takes precedence."""
        return key[0] == "Provisioner" and ("NodePool", key[1]) in self._pools

    def pool(self, name: str) -> NodePool | None:
        """The pool that nodes labelled with *name* belong to."""
        for kind in POOL_KINDS:
            entry = self._pools.get((kind, name))
            if entry is not None:
                return entry.pool
        return None

    def readable(self) -> list[NodePool]:
        """The pools that say what is to happen to their nodes, whether or not they may buy more."""
        found = (self.pool(name) for name in sorted({name for _, name in self._pools}))
        return [pool for pool in found if pool is not None]

    def usable(self) -> list[NodePool]:
        """The pools that may launch nodes: read, not leaving, and with something to buy."""
        found = (self.pool(name) for name in sorted(self.types) if self.types[name])
        return [pool for pool in found if pool is not None and not pool.deleting]

    def node_class(self, ref: NodeClassRef | None) -> NodeClass | None:
        """The class; the cloud's default when none is named; None when it does not exist."""
        named = ref or self.default
        found = self._classes.get((named.kind, named.name))
        return NodeClass() if found is None and named == self.default else found


def read_pool(body: Json) -> PoolEntry:
    """Decode a NodePool or a Provisioner, or keep what is wrong with it in words."""
    try:
        return PoolEntry(body, _decoded(body))
    except decode.Faults as faults:
        return PoolEntry(body, None, str(faults))
    except msgspec.ValidationError as error:
        return PoolEntry(body, None, str(error))


def _decoded(body: Json) -> NodePool:
    if body["kind"] == "Provisioner":
        return decode.provisioner(msgspec.convert(body, decode.ProvisionerObject))
    return decode.node_pool(msgspec.convert(body, decode.NodePoolObject))


def _version(body: Json) -> str:
    return str(body["metadata"].get("resourceVersion", ""))
