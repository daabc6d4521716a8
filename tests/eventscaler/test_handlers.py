"""What kopf hears of our kinds reaches the engine; nothing that writes is asked of kopf."""

from __future__ import annotations

from typing import Any

import kopf
import pytest

from eventscaler.admission.review import Request, Verdict
from eventscaler.engine import EventEngine
from eventscaler.handlers import register, register_admission
from kube.client import Json
from tests.eventscaler.manifests import scaled_object, trigger_authentication
from tests.eventscaler.world import DEFAULTS, made

pytestmark = pytest.mark.looptime


def registered(engine: EventEngine) -> dict[str, Any]:
    """The functions that kopf would call, by the plural of their kind."""
    registry = kopf.OperatorRegistry()
    register(registry, engine)
    assert not list(registry._changing.get_all_handlers()), "these put annotations on objects"
    assert not list(registry._spawning.get_all_handlers()), "these put finalizers on objects"
    found = {}
    for handler in registry._watching.get_all_handlers():
        assert handler.selector is not None
        found[str(handler.selector.any_name)] = handler.fn
    return found


async def test_every_kind_is_heard() -> None:
    world, _ = made(DEFAULTS, None)

    assert set(registered(world.engine)) == {
        "scaledobjects",
        "scaledjobs",
        "triggerauthentications",
        "clustertriggerauthentications",
        "cloudeventsources",
        "clustercloudeventsources",
    }


async def test_every_kind_is_judged_and_nothing_else_is_asked_of_kopf() -> None:
    async def judge(_: Request) -> Verdict:
        return Verdict()

    registry = kopf.OperatorRegistry()
    register_admission(registry, judge)

    assert sorted(handler.id for handler in registry._webhooks.get_all_handlers()) == [
        "clustertriggerauthentications",
        "scaledjobs",
        "scaledobjects",
        "triggerauthentications",
    ]
    assert not list(registry._watching.get_all_handlers())


@pytest.mark.parametrize("type_", [None, "ADDED", "MODIFIED"])
async def test_an_object_comes_and_goes(type_: str | None) -> None:
    world, _ = made(DEFAULTS, None)
    told = registered(world.engine)["scaledobjects"]
    body: Json = scaled_object()
    await told(event={"type": type_, "object": body})
    assert world.engine.statistics().objects == 1

    await told(event={"type": "DELETED", "object": body})
    assert world.engine.statistics().objects == 0


async def test_an_authentication_comes_and_goes() -> None:
    world, _ = made(DEFAULTS, None)
    told = registered(world.engine)
    for plural, cluster in (
        ("triggerauthentications", False),
        ("clustertriggerauthentications", True),
    ):
        body = trigger_authentication(cluster=cluster)
        await told[plural](event={"type": "ADDED", "object": body})
        await told[plural](event={"type": "DELETED", "object": body})


async def test_an_object_on_its_way_out_is_left_alone() -> None:
    """Somebody's finalizer may hold it for long."""
    world, _ = made(DEFAULTS, None)
    body: Json = scaled_object()
    world.engine.changed(body)
    body["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    world.engine.changed(body)

    assert world.engine.statistics().objects == 0
