"""Versions that are followed: what is told, what it means; no value of a Secret travels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kube.client import Client, ClientSettings
from kube.http import HttpTransport
from kube.resources import PODS, SECRETS
from kube.versions import Key, Versions
from tests.eventscaler.manifests import secret
from tests.kube.scripted import Script, serving
from tests.kube.test_cache import until

VALUE = "s3cr3t-canary-7f"


class Followed:
    """What was told, and the versions themselves."""

    def __init__(self, client: Client, namespace: str | None) -> None:
        self.told: list[Key | None] = []
        self.versions = Versions(client, SECRETS, self.told.append, namespace=namespace)

    async def hears(self, key: Key | None) -> None:
        await until(lambda: key in self.told)
        self.told.clear()


@asynccontextmanager
async def following(client: Client, namespace: str | None) -> AsyncIterator[Followed]:
    async with asyncio.TaskGroup() as group:
        followed = Followed(client, namespace)
        task = group.create_task(followed.versions.run())
        await followed.hears(None)
        yield followed
        task.cancel()


async def test_what_moves_a_version(client: Client, space: str) -> None:
    """A write, a deletion and a second life do; what was read at the newest version has not."""
    made = await client.create(SECRETS, secret("rabbit", space, uri=VALUE))
    first, key = made["metadata"]["resourceVersion"], (space, "rabbit")
    async with following(client, space) as followed:
        moved = followed.versions.moved
        assert (moved(key, first), moved(key, "")) == (False, True)
        assert not moved((space, "other"), "")

        edited = await client.patch(SECRETS, "rabbit", {"data": {"uri": ""}}, namespace=space)
        second = edited["metadata"]["resourceVersion"]
        await followed.hears(key)
        assert (moved(key, first), moved(key, second)) == (True, False)

        await client.delete(SECRETS, "rabbit", namespace=space)
        await followed.hears(key)
        assert (moved(key, second), moved(key, "")) == (True, False)

        again = await client.create(SECRETS, secret("rabbit", space, uri=VALUE))
        await followed.hears(key)
        assert moved(key, "")
        assert not moved(key, again["metadata"]["resourceVersion"])


async def test_what_was_read_before_the_watch_knows_of_it_has_not_moved(
    client: Client, space: str
) -> None:
    async with following(client, space) as followed:
        assert not followed.versions.moved((space, "rabbit"), "9" * 18)


async def test_all_namespaces(client: Client, space: str) -> None:
    async with following(client, None) as followed:
        made = await client.create(SECRETS, secret("rabbit", space, uri=VALUE))
        await followed.hears((space, "rabbit"))
        version = made["metadata"]["resourceVersion"]
        assert not followed.versions.moved((space, "rabbit"), version)


async def test_no_value_of_a_secret_travels(client: Client, space: str) -> None:
    """In the answer to a list and in the lines of a watch there is metadata and no data."""
    await client.create(SECRETS, secret("rabbit", space, uri=VALUE))
    encoded = secret("rabbit", uri=VALUE)["data"]["uri"].encode()
    whole = await client.list_bytes(SECRETS, namespace=space)
    listed = await client.list_bytes(SECRETS, namespace=space, metadata_only=True)
    seen = b""
    async with client.watch(SECRETS, namespace=space, metadata_only=True, timeout_s=1) as lines:
        async for line in lines:
            seen += line
            if b'"rabbit"' in line:
                break

    assert encoded in whole
    assert b'"rabbit"' in listed
    assert encoded not in listed + seen


async def test_after_a_break_the_place_is_listed_anew() -> None:
    """What happened while nobody watched is told as its outcome."""
    script = Script()
    before = script.write("a")["metadata"]["resourceVersion"]
    async with serving(script) as url, asyncio.TaskGroup() as group:
        client = Client(HttpTransport(url), settings=ClientSettings(page=2))
        told: list[Key | None] = []
        versions = Versions(client, PODS, told.append)
        task = group.create_task(versions.run())
        await until(lambda: bool(script.streams))
        script.remove("a")
        script.write("b")
        script.compact()
        script.break_streams()
        await until(lambda: told.count(None) >= 2)

        assert versions.moved(("shop", "a"), before)
        assert versions.moved(("shop", "b"), "")
        task.cancel()
        await client.close()
