"""kopf's part of the node half: pass on what happens to pools and node classes, nothing else."""

from __future__ import annotations

from typing import Any

import kopf

from kube.feed import Sink
from kube.resources import KWOK_NODE_CLASSES, NODE_POOLS, PROVISIONERS


def register(registry: kopf.OperatorRegistry, engine: Sink) -> None:
    """Let *engine* know of every pool and node class that kopf sees."""

    async def on_event(event: kopf.RawEvent, **_: Any) -> None:
        tell = engine.gone if event["type"] == "DELETED" else engine.changed
        tell(dict(event["object"]))

    for each in (NODE_POOLS, PROVISIONERS, KWOK_NODE_CLASSES):
        kopf.on.event(each.group, each.version, each.plural, registry=registry)(on_event)
