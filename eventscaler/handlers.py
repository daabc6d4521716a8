"""kopf's events, passed on to the engine.

`on.event` only: it costs a millisecond and writes nothing, while timers, daemons and the other
handlers put finalizers and annotations on every object.
"""

from __future__ import annotations

from typing import Any

import kopf

from kube.feed import Sink
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
    Resource,
)

WATCHED = (TRIGGER_AUTHENTICATIONS, CLUSTER_TRIGGER_AUTHENTICATIONS, SCALED_OBJECTS)


def register(registry: kopf.OperatorRegistry, engine: Sink) -> None:
    """Let *engine* hear of every change of our resources."""
    for resource in WATCHED:
        _register(registry, engine, resource)


def _register(registry: kopf.OperatorRegistry, engine: Sink, resource: Resource) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)
    async def told(event: kopf.RawEvent, **_: Any) -> None:
        body = {**event["object"], "kind": resource.kind}
        if event["type"] == "DELETED":
            engine.gone(body)
        else:
            engine.changed(body)
