"""kopf's part of the node half: pass on what happens to pools and node classes, nothing else."""

from __future__ import annotations

from typing import Any

import kopf

from kube.feed import Sink
from kube.resources import KWOK_NODE_CLASSES, NODE_POOLS, PROVISIONERS, Resource

WATCHED = (NODE_POOLS, PROVISIONERS, KWOK_NODE_CLASSES)


def register(registry: kopf.OperatorRegistry, engine: Sink) -> None:
    """Let *engine* know of every pool and node class that kopf sees."""
    for resource in WATCHED:
        _register(registry, engine, resource)


def _register(registry: kopf.OperatorRegistry, engine: Sink, resource: Resource) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)
    async def told(event: kopf.RawEvent, **_: Any) -> None:
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        tell = engine.gone if event["type"] == "DELETED" else engine.changed
        tell({**event["object"], **kind})
