"""What credentials are made of is followed: a change is in use at once, and nothing goes blind."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from itertools import pairwise

import pytest

from kube.client import Json
from kube.resources import CONFIG_MAPS, SCALED_OBJECTS, SECRETS, SERVICE_ACCOUNTS
from kube.transport import Request
from tests.eventscaler.manifests import (
    config_map,
    deployment,
    pods_trigger,
    scaled_object,
    secret,
    trigger_authentication,
)
from tests.eventscaler.world import World, running

pytestmark = pytest.mark.looptime

SLOW = 3600  # no poll of these objects comes by chance


def creds(name: str, source: str = "rabbit") -> Json:
    ref = {"parameter": "apiKey", "name": source, "key": "uri"}
    return trigger_authentication(name, secretTargetRef=[ref])


def using(name: str, auth: str) -> tuple[Json, Json]:
    trigger = pods_trigger(authenticationRef={"name": auth})
    return deployment(name), scaled_object(name, trigger, pollingInterval=SLOW)


class Gets:
    """The Secrets and ConfigMaps that were read, in order."""

    def __init__(self, world: World, fail: Callable[[str], bool] = lambda _: False) -> None:
        self.names: list[str] = []
        self.fail = fail
        world.wire.fail = self.note

    def note(self, request: Request) -> bool:
        parts = request.path.split("/")
        if request.method != "GET" or len(parts) != 7 or parts[5] not in ("secrets", "configmaps"):
            return False
        self.names.append(parts[6])
        return self.fail(parts[6])


async def rotate(world: World, name: str = "rabbit", value: str = "new") -> None:
    data = {"uri": base64.b64encode(value.encode()).decode()}
    await world.client.patch(SECRETS, name, {"data": data}, namespace="default")


async def test_a_change_binds_anew_only_those_who_use_the_object() -> None:
    async with running() as world:
        await world.apply(secret("rabbit", uri="old"), secret("other", uri="old"))
        await world.apply(creds("one"), creds("two", "other"))
        await world.apply(*using("a", "one"), *using("b", "one"), *using("c", "two"))
        await asyncio.sleep(10)
        gets = Gets(world)
        samples = world.engine.statistics().samples
        await rotate(world)
        await asyncio.sleep(1)

        assert gets.names == ["rabbit"]  # one read for both who use it
        assert world.engine.statistics().samples == samples  # an unused parameter changes nothing
        await asyncio.sleep(60)
        assert gets.names == ["rabbit"]


async def test_a_config_map_is_followed_too() -> None:
    ref = {"parameter": "apiKey", "name": "settings", "key": "vhost"}
    async with running() as world:
        await world.apply(config_map("settings", vhost="/"))
        await world.apply(trigger_authentication("one", configMapTargetRef=[ref]))
        await world.apply(*using("a", "one"))
        await asyncio.sleep(10)
        gets = Gets(world)
        patch = {"data": {"vhost": "/new"}}
        await world.client.patch(CONFIG_MAPS, "settings", patch, namespace="default")
        await asyncio.sleep(1)

        assert gets.names == ["settings"]


async def test_what_was_missing_is_used_as_soon_as_it_is_there() -> None:
    async with running() as world:
        await world.work(2)
        await world.apply(creds("one"), *using("orders", "one"))
        await asyncio.sleep(10)
        assert (await world.condition("Ready"))[2].endswith("secret default/rabbit does not exist")

        await world.apply(secret("rabbit", url="x"))
        await asyncio.sleep(1)
        assert (await world.condition("Ready"))[2].endswith("has no key 'uri'")

        await rotate(world)
        await asyncio.sleep(1)
        assert (await world.condition("Ready"))[0] == "True"
        assert await world.replicas() == 2


async def test_a_secret_that_is_deleted_is_told_at_once() -> None:
    async with running() as world:
        await world.apply(secret("rabbit", uri="old"), creds("one"), *using("orders", "one"))
        await asyncio.sleep(10)
        assert (await world.condition("Ready"))[0] == "True"

        await world.client.delete(SECRETS, "rabbit", namespace="default")
        await asyncio.sleep(1)
        assert (await world.condition("Ready"))[2].endswith("secret default/rabbit does not exist")


async def test_an_api_that_does_not_answer_blinds_nobody() -> None:
    """The Secret was rotated and cannot be read now: what was read before serves on."""
    async with running() as world:
        await world.work(2)
        await world.apply(secret("rabbit", uri="old"), creds("one"))
        trigger = pods_trigger(authenticationRef={"name": "one"})
        await world.apply(deployment(), scaled_object("orders", trigger, pollingInterval=30))
        await asyncio.sleep(10)
        gets = Gets(world, fail=lambda _: True)
        await rotate(world)
        await asyncio.sleep(100)

        assert len(gets.names) >= 3
        assert (await world.condition("Ready"))[0] == "True"
        await world.work(4)
        gets.fail = lambda _: False
        await asyncio.sleep(31)
        assert await world.replicas() == 4

        tried = len(gets.names)
        await asyncio.sleep(100)
        assert len(gets.names) == tried


async def test_what_nobody_uses_any_more_is_not_followed() -> None:
    async with running() as world:
        await world.apply(secret("rabbit", uri="old"), creds("one"), *using("a", "one"))
        await asyncio.sleep(10)
        _, order = using("a", "one")
        world.engine.gone(order)
        gets = Gets(world)
        await rotate(world)
        await asyncio.sleep(1)

        assert gets.names == []


async def test_an_object_made_again_while_it_is_renewed_is_followed() -> None:
    """The first one's Secret is still on its way when the second one is there."""
    async with running() as world:
        await world.apply(secret("rabbit", uri="old"), creds("one"), *using("a", "one"))
        await asyncio.sleep(10)
        world.wire.delay_s = lambda request: 5.0 if request.path.endswith("/rabbit") else 0.0
        await rotate(world, value="new")
        await asyncio.sleep(1)
        body = await world.client.get(SCALED_OBJECTS, "a", namespace="default")
        body |= {"kind": "ScaledObject"}
        world.engine.gone(body)
        second = body | {"metadata": body["metadata"] | {"uid": "second"}}
        world.engine.changed(second)
        await asyncio.sleep(20)
        gets = Gets(world)
        await rotate(world, value="newer")
        await asyncio.sleep(7)

        assert gets.names == ["rabbit"]


TOKENS = [{"parameter": "apiKey", "serviceAccountName": "reader"}]


async def with_tokens(world: World, polling_s: int) -> None:
    await world.client.create(
        SERVICE_ACCOUNTS, {"metadata": {"name": "reader"}}, namespace="default"
    )
    await world.apply(trigger_authentication("one", boundServiceAccountToken=TOKENS))
    for name in ("orders", "other"):
        _, order = using(name, "one")
        order["spec"]["pollingInterval"] = polling_s
        await world.apply(deployment(name), order)


def requests(world: World) -> list[float]:
    """When tokens were asked for."""
    return [at for at, what in world.wire.writes if what.endswith("/reader/token")]


async def test_a_token_is_renewed_before_it_ends_once_for_all() -> None:
    async with running() as world:
        await with_tokens(world, 30)
        await asyncio.sleep(12 * 3600)

        waits = [later - at for at, later in pairwise(requests(world))]
        assert len(waits) == 14  # an hour each, renewed at four fifths
        assert all(0.8 * 3600 <= wait < 3600 for wait in waits)
        assert (await world.condition("Ready"))[0] == "True"


async def test_between_polls_that_are_longer_than_its_life_a_token_is_left_to_end() -> None:
    """It is asked for anew right before the poll that needs it."""
    async with running() as world:
        await with_tokens(world, 2 * 3600)
        await asyncio.sleep(12 * 3600)

        assert [round(at / 3600) for at in requests(world)] == [0, 2, 4, 6, 8, 10]
