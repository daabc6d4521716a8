"""What kopf hears of, and what it passes on."""

from __future__ import annotations

import kopf
import pytest
from prometheus_client import CollectorRegistry

from kube.client import Json
from kube.events import Recorder
from nodescaler.engine import NodeEngine, NodeSettings
from nodescaler.handlers import register
from tests.nodescaler.controllers.world import provisioner, world


@pytest.mark.looptime
async def test_pools_and_classes_reach_the_engine_and_leave_it() -> None:
    async with world() as it:
        recorder = Recorder(it.client, component="tandem", instance="test", now=it.now)
        engine = NodeEngine(
            it.client,
            {},
            recorder,
            now=it.now,
            settings=NodeSettings(),
            registry=CollectorRegistry(),
        )
        registry = kopf.OperatorRegistry()
        register(registry, engine)
        handlers = registry._watching.get_all_handlers()
        told = {str(each.selector.any_name): each.fn for each in handlers if each.selector}
        body: Json = provisioner() | {"kind": "Provisioner"}
        await told["provisioners"](event={"type": "ADDED", "object": body})  # type: ignore[call-arg, misc, typeddict-item]  # kopf passes more; only the event is read
        known = engine.statistics().pools
        await told["provisioners"](event={"type": "DELETED", "object": body})  # type: ignore[call-arg, misc, typeddict-item]  # as above

    assert set(told) == {"nodepools", "provisioners", "kwoknodeclasses"}
    assert (known, engine.statistics().pools) == (1, 0)
