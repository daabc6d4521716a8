"""Where is watched: in the namespaces that are used, and beyond a number of them everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventscaler.auth import Ref
from eventscaler.auth.files import FILE, signatures
from eventscaler.auth.watching import EVERYWHERE, WIDE, Watcher
from kube.client import Client
from kube.resources import NAMESPACES, SECRETS
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.eventscaler.manifests import secret
from tests.eventscaler.world import Wire, now
from tests.kube.test_cache import until

Owner = tuple[str, str]
OWNER: Owner = ("shop", "orders")


class Followed:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.changed: list[tuple[Ref, frozenset[Owner]]] = []
        self.watcher: Watcher[Owner] = Watcher(
            client, lambda ref, owners: self.changed.append((ref, owners))
        )


@asynccontextmanager
async def following() -> AsyncIterator[Followed]:
    client = Client(Sandbox(SandboxSettings(), now).transport())
    async with asyncio.TaskGroup() as group:
        followed = Followed(client)
        task = group.create_task(followed.watcher.run())
        await asyncio.sleep(0)
        yield followed
        task.cancel()


@pytest.mark.looptime
async def test_a_watch_for_each_namespace_in_use_and_none_without_use() -> None:
    async with following() as followed:
        watcher = followed.watcher
        assert watcher.places() == frozenset()
        watcher.follow(OWNER, {Ref("Secret", "shop", "a"): "", Ref("ConfigMap", "shop", "a"): ""})
        watcher.follow(("shop", "other"), {Ref("Secret", "shop", "b"): ""})
        assert watcher.places() == {("Secret", "shop"), ("ConfigMap", "shop")}

        watcher.follow(OWNER, {})
        assert watcher.places() == {("Secret", "shop")}
        watcher.forget(("shop", "other"))
        assert watcher.places() == frozenset()


@pytest.mark.looptime
async def test_many_namespaces_are_watched_as_one() -> None:
    async with following() as followed:
        for index in range(WIDE + 1):
            space = f"team-{index}"
            await followed.client.create(NAMESPACES, {"metadata": {"name": space}})
            followed.watcher.follow((space, "orders"), {Ref("Secret", space, "rabbit"): ""})
        assert followed.watcher.places() == {("Secret", EVERYWHERE)}

        await asyncio.sleep(1)
        await followed.client.create(SECRETS, secret("rabbit", "team-7", uri="x"))
        await asyncio.sleep(1)
        expected = (Ref("Secret", "team-7", "rabbit"), frozenset({("team-7", "orders")}))
        assert followed.changed == [expected]

        followed.watcher.forget(("team-7", "orders"))
        assert len(followed.watcher.places()) == WIDE


@pytest.mark.looptime
async def test_a_change_before_the_watch_began_is_found_by_its_first_list() -> None:
    async with following() as followed:
        made = await followed.client.create(SECRETS, secret("rabbit", uri="x"))
        ref = Ref("Secret", "default", "rabbit")
        await followed.client.patch(SECRETS, "rabbit", {"data": {"a": ""}}, namespace="default")
        assert not followed.watcher.follow(OWNER, {ref: made["metadata"]["resourceVersion"]})
        await asyncio.sleep(1)

        assert followed.changed == [(ref, frozenset({OWNER}))]


@pytest.mark.looptime
async def test_a_change_between_reading_and_following_is_told_to_the_follower() -> None:
    async with following() as followed:
        made = await followed.client.create(SECRETS, secret("rabbit", uri="x"))
        followed.watcher.follow(OWNER, {Ref("Secret", "default", "other"): ""})
        await asyncio.sleep(1)
        await followed.client.patch(SECRETS, "rabbit", {"data": {"a": ""}}, namespace="default")
        await asyncio.sleep(1)
        assert followed.changed == []

        ref = Ref("Secret", "default", "rabbit")
        assert followed.watcher.follow(OWNER, {ref: made["metadata"]["resourceVersion"]})


async def test_a_file_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    await asyncio.to_thread(path.write_text, "{}")
    ref = Ref(FILE, "", str(path))
    async with following() as followed:
        versions = await asyncio.to_thread(signatures, [str(path)])
        followed.watcher.follow(OWNER, {ref: versions[str(path)]})
        await asyncio.to_thread(path.write_text, '{"a": "b"}')

        await until(lambda: bool(followed.changed))
        assert followed.changed[0] == (ref, frozenset({OWNER}))


@pytest.mark.looptime
async def test_where_all_namespaces_may_not_be_watched_each_is() -> None:
    """As with Roles in chosen namespaces and no ClusterRole."""
    sandbox = Sandbox(SandboxSettings(), now)
    wire = Wire(sandbox.transport())
    followed = Followed(Client(wire))
    admin = Client(sandbox.transport())
    wire.forbidden = lambda request: request.path == "/api/v1/secrets"
    spaces = [f"team-{index}" for index in range(WIDE + 1)]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(followed.watcher.run())
        await asyncio.sleep(0)
        for space in spaces:
            await admin.create(NAMESPACES, {"metadata": {"name": space}})
            followed.watcher.follow((space, "orders"), {Ref("Secret", space, "rabbit"): ""})
        await asyncio.sleep(1)
        assert followed.watcher.places() == {("Secret", space) for space in spaces}

        await admin.create(SECRETS, secret("rabbit", "team-7", uri="x"))
        await asyncio.sleep(1)
        expected = (Ref("Secret", "team-7", "rabbit"), frozenset({("team-7", "orders")}))
        assert followed.changed == [expected]
        task.cancel()
