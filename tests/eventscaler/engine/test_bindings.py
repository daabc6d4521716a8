"""Bindings by themselves: how they are renewed when many use what changed."""

from __future__ import annotations

import asyncio
import base64
from itertools import pairwise

import pytest

from eventscaler.auth import AuthSettings, Resolver
from eventscaler.auth.resolver import key_of
from eventscaler.decode import AuthRef, Scalable, authentication, known_status, scaled_object
from eventscaler.engine.bindings import AT_A_TIME, Bindings
from eventscaler.engine.registry import object_key
from eventscaler.engine.schedule import Key
from eventscaler.engine.tracked import Tracked
from eventscaler.scaling.binding import Binder, Binding
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.resources import SECRETS
from scalers.io import IO
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.eventscaler import manifests
from tests.eventscaler.world import now

pytestmark = pytest.mark.looptime
REF = {"parameter": "apiKey", "name": "rabbit", "key": "uri"}


class Counting(Binder):
    """Counts what it binds."""

    count = 0

    async def bind(self, order: Scalable, *, doubted: bool = False) -> Binding:
        made = await super().bind(order, doubted=doubted)
        self.count += 1
        return made


class Scene:
    """Bindings over the embedded cluster, without an engine around them."""

    def __init__(self) -> None:
        self.client = Client(Sandbox(SandboxSettings(), now).transport())
        resolver = Resolver(AuthSettings())
        auth, _ = authentication(manifests.trigger_authentication(secretTargetRef=[REF]))
        assert auth is not None
        resolver.put(key_of(AuthRef("creds"), "default"), auth)
        self.objects: dict[Key, Tracked] = {}
        io = IO(now, self.client)
        self.binder = Counting(self.client, Discovery(self.client), resolver, io)
        self.due: list[Tracked] = []
        self.bindings = Bindings(
            self.client,
            self.binder,
            find=self.objects.get,
            due=lambda tracked, _wait: self.due.append(tracked),
            now=now,
            refresh_s=300,
        )

    async def bound(self, body: Json) -> Tracked:
        order, faults = scaled_object(body)
        assert order is not None
        key, status = object_key(body), known_status(body)
        tracked = Tracked(key=key, uid="", order=order, faults=faults, status=status)
        self.objects[key] = tracked
        await self.bindings.of(tracked, order)
        return tracked

    async def rotate(self) -> None:
        data = {"uri": base64.b64encode(b"new").decode()}
        await self.client.patch(SECRETS, "rabbit", {"data": data}, namespace="default")


async def test_others_have_their_turns_while_many_are_renewed() -> None:
    """Between two turns of the loop no more are bound than are begun at a time."""
    many = 10 * AT_A_TIME
    scene = Scene()
    await scene.client.create(SECRETS, manifests.secret("rabbit", uri="old"))
    trigger = manifests.pods_trigger(authenticationRef={"name": "creds"})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scene.bindings.run())
        await asyncio.sleep(0)
        for index in range(many):
            await scene.bound(manifests.scaled_object(f"o{index}", trigger))
        await asyncio.sleep(1)
        scene.binder.count = 0
        await scene.rotate()
        counts = [0]
        async with asyncio.timeout(10):
            while scene.binder.count < many:
                await asyncio.sleep(0)
                counts.append(scene.binder.count)
        task.cancel()

    assert max(later - earlier for earlier, later in pairwise(counts)) <= 2 * AT_A_TIME
    assert scene.due == []  # what was read of it serves nobody: nothing is to be read anew
