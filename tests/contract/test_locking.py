"""Optimistic locking: who may overwrite what, and what the loser is told."""

from __future__ import annotations

import asyncio

from tests.contract.http import Api
from tests.contract.places import Space, config_map, pod


async def test_a_put_over_a_changed_object_is_a_conflict(api: Api, space: Space) -> None:
    maps = space("configmaps")
    stale = (await api.post(maps, config_map("a"))).ok()
    (await api.patch(f"{maps}/a", {"data": {"k": "theirs"}})).ok()

    body = (await api.put(f"{maps}/a", stale | {"data": {"k": "ours"}})).refused(409, "Conflict")

    assert body["details"] == {"name": "a", "kind": "configmaps"}
    assert body["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_a_put_with_the_current_version_wins(api: Api, space: Space) -> None:
    maps = space("configmaps")
    created = (await api.post(maps, config_map("a"))).ok()

    changed = (await api.put(f"{maps}/a", created | {"data": {"k": "ours"}})).ok()

    assert changed["data"] == {"k": "ours"}
    assert changed["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]


async def test_a_put_without_a_version_overwrites(api: Api, space: Space) -> None:
    maps = space("configmaps")
    created = (await api.post(maps, config_map("a", k="old"))).ok()

    changed = (await api.put(f"{maps}/a", config_map("a", k="new"))).ok()

    assert changed["data"] == {"k": "new"}
    assert changed["metadata"]["uid"] == created["metadata"]["uid"]
    assert changed["metadata"]["creationTimestamp"] == created["metadata"]["creationTimestamp"]


async def test_a_patch_that_names_an_old_version_is_a_conflict(api: Api, space: Space) -> None:
    maps = space("configmaps")
    created = (await api.post(maps, config_map("a"))).ok()
    (await api.patch(f"{maps}/a", {"data": {"k": "theirs"}})).ok()
    version = created["metadata"]["resourceVersion"]

    locked = {"metadata": {"resourceVersion": version}, "data": {"k": "ours"}}

    (await api.patch(f"{maps}/a", locked)).refused(409, "Conflict")


async def test_a_patch_without_a_version_never_conflicts(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    async with asyncio.TaskGroup() as group:
        for n in range(10):
            group.create_task(api.patch(f"{maps}/a", {"data": {f"k{n}": "1"}}))

    assert len((await api.get(f"{maps}/a")).ok()["data"]) == 10


async def test_readers_who_retry_on_conflict_lose_no_increment(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a", n="0"))).ok()

    async def increment() -> None:
        status = 409
        while status == 409:
            body = (await api.get(f"{maps}/a")).ok()
            body["data"]["n"] = str(int(body["data"]["n"]) + 1)
            status = (await api.put(f"{maps}/a", body)).status
        assert status == 200

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(increment())

    assert (await api.get(f"{maps}/a")).ok()["data"] == {"n": "6"}


async def test_creating_what_exists_is_already_exists(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    body = (await api.post(maps, config_map("a"))).refused(409, "AlreadyExists")

    assert body["message"] == 'configmaps "a" already exists'
    assert body["details"] == {"name": "a", "kind": "configmaps"}


async def test_creating_with_a_version_is_refused(api: Api, space: Space) -> None:
    body = {"metadata": {"name": "a", "resourceVersion": "5"}}

    answer = await api.post(space("configmaps"), body)

    assert answer.body["message"] == "resourceVersion should not be set on objects to be created"


async def test_a_put_with_another_uid_is_a_conflict(api: Api, space: Space) -> None:
    maps = space("configmaps")
    created = (await api.post(maps, config_map("a"))).ok()
    created["metadata"] |= {"uid": "00000000-0000-0000-0000-000000000000"}
    del created["metadata"]["resourceVersion"]

    body = (await api.put(f"{maps}/a", created)).refused(409, "Conflict")

    assert "Precondition failed: UID in precondition: 00000000" in body["message"]


async def test_a_put_under_another_name_is_refused(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    body = (await api.put(f"{maps}/a", config_map("b"))).refused(400, "BadRequest")

    assert body["message"] == ("the name of the object (b) does not match the name on the URL (a)")


async def test_a_put_to_nothing_is_not_found(api: Api, space: Space) -> None:
    (await api.put(space("configmaps", "a"), config_map("a"))).refused(404, "NotFound")


async def test_a_put_that_changes_nothing_keeps_the_version(api: Api, space: Space) -> None:
    maps = space("configmaps")
    created = (await api.post(maps, config_map("a", k="1"))).ok()

    same = (await api.put(f"{maps}/a", created)).ok()

    assert same["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


async def test_a_stale_status_put_is_a_conflict(api: Api, space: Space) -> None:
    pods = space("pods")
    stale = (await api.post(pods, pod("a"))).ok()
    (await api.patch(f"{pods}/a", {"metadata": {"labels": {"x": "y"}}})).ok()

    (await api.put(f"{pods}/a/status", stale)).refused(409, "Conflict")


async def test_system_fields_are_the_servers(api: Api, space: Space) -> None:
    meta = {
        "name": "a",
        "uid": "00000000-0000-0000-0000-000000000000",
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "generation": 7,
        "selfLink": "/x",
    }

    created = (await api.post(space("configmaps"), {"metadata": meta})).ok()["metadata"]

    assert created["uid"] != meta["uid"]
    assert created["creationTimestamp"] > "2020"
    assert created["namespace"] == space.name
