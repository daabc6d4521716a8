"""Watches: what they start with, in which order they tell it, how they resume and how they end."""

from __future__ import annotations

from tests.contract.http import Api, Json
from tests.contract.places import Space, config_map, pod

PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def told(event: Json) -> tuple[str, str]:
    return event["type"], event["object"]["metadata"]["name"]


def version(obj: Json) -> str:
    return str(obj["metadata"]["resourceVersion"])


async def test_a_watch_from_a_version_misses_nothing_and_repeats_nothing(
    api: Api, space: Space
) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()
    start = version((await api.get(maps)).ok())
    (await api.patch(f"{maps}/a", {"data": {"k": "1"}})).ok()
    (await api.post(maps, config_map("b"))).ok()
    (await api.delete(f"{maps}/a")).ok()

    async with api.watch(maps, resourceVersion=start) as watch:
        events = [await watch.next() for _ in range(3)]
        (await api.post(maps, config_map("c"))).ok()
        events.append(await watch.next())

    assert [told(e) for e in events] == [
        ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("ADDED", "c"),
    ]  # fmt: skip


async def test_versions_rise_along_a_watch(api: Api, space: Space) -> None:
    maps = space("configmaps")
    start = version((await api.get(maps)).ok())
    for n in range(5):
        (await api.post(maps, config_map(f"m{n}"))).ok()
        (await api.patch(f"{maps}/m{n}", {"data": {"n": str(n)}})).ok()

    async with api.watch(maps, resourceVersion=start) as watch:
        seen = [int(version((await watch.next())["object"])) for _ in range(10)]

    assert seen == sorted(set(seen))
    assert seen[0] > int(start)


async def test_a_watch_resumes_after_the_version_of_any_event(api: Api, space: Space) -> None:
    maps = space("configmaps")
    start = version((await api.get(maps)).ok())
    for name in "abc":
        (await api.post(maps, config_map(name))).ok()
    async with api.watch(maps, resourceVersion=start) as watch:
        first = await watch.next()

    async with api.watch(maps, resourceVersion=version(first["object"])) as watch:
        assert [told(await watch.next()) for _ in "bc"] == [("ADDED", "b"), ("ADDED", "c")]


async def test_a_watch_without_a_version_starts_with_what_exists(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a", k="1"))).ok()

    async with api.watch(maps) as watch:
        first = await watch.next()
        (await api.delete(f"{maps}/a")).ok()
        second = await watch.next()

    assert told(first) == ("ADDED", "a")
    assert first["object"]["data"] == {"k": "1"}
    assert told(second) == ("DELETED", "a")


async def test_a_watch_from_version_zero_starts_with_what_exists(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    async with api.watch(maps, resourceVersion=0) as watch:
        assert told(await watch.next()) == ("ADDED", "a")


async def test_a_deletion_carries_the_last_state_and_a_newer_version(
    api: Api, space: Space
) -> None:
    maps = space("configmaps")
    created = (await api.post(maps, config_map("a", k="last"))).ok()

    async with api.watch(maps, resourceVersion=version(created)) as watch:
        (await api.delete(f"{maps}/a")).ok()
        event = await watch.next()

    assert told(event) == ("DELETED", "a")
    assert event["object"]["data"] == {"k": "last"}
    assert int(version(event["object"])) > int(version(created))


async def test_events_carry_kind_and_version_of_the_object(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    async with api.watch(maps) as watch:
        obj = (await watch.next())["object"]

    assert (obj["apiVersion"], obj["kind"]) == ("v1", "ConfigMap")


async def test_an_object_that_leaves_the_selector_is_deleted_and_one_that_enters_is_added(
    api: Api, space: Space
) -> None:
    maps = space("configmaps")
    start = version((await api.get(maps)).ok())

    async with api.watch(maps, resourceVersion=start, labelSelector="on=yes") as watch:
        (await api.post(maps, config_map("a"))).ok()
        for value in ("yes", "yes, still", None):
            labels = {"on": "yes" if value else "no"}
            change = {"metadata": {"labels": labels}, "data": {"v": str(value)}}
            (await api.patch(f"{maps}/a", change)).ok()
        (await api.delete(f"{maps}/a")).ok()
        (await api.post(maps, {"metadata": {"name": "end", "labels": {"on": "yes"}}})).ok()
        events = [await watch.next() for _ in range(4)]

    assert [told(e) for e in events] == [
        ("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "end"),
    ]  # fmt: skip
    assert events[2]["object"]["metadata"]["labels"] == {"on": "yes"}, "the last state that matched"


async def test_a_watch_by_name_tells_of_one_object(api: Api, space: Space) -> None:
    maps = space("configmaps")
    start = version((await api.get(maps)).ok())
    for name in "abc":
        (await api.post(maps, config_map(name))).ok()
    (await api.delete(f"{maps}/b")).ok()

    async with api.watch(maps, resourceVersion=start, fieldSelector="metadata.name=b") as watch:
        assert [told(await watch.next()) for _ in "12"] == [("ADDED", "b"), ("DELETED", "b")]


async def test_a_pod_enters_a_node_selector_when_it_is_bound(api: Api, space: Space) -> None:
    pods = space("pods")
    created = (await api.post(pods, pod("a"))).ok()
    query = {"resourceVersion": version(created), "fieldSelector": "spec.nodeName=n1"}

    async with api.watch(pods, **query) as watch:
        target = {"target": {"kind": "Node", "name": "n1"}}
        (await api.post(f"{pods}/a/binding", {"metadata": {"name": "a"}} | target)).ok()
        event = await watch.next()

    assert told(event) == ("ADDED", "a")
    assert event["object"]["spec"]["nodeName"] == "n1"


async def test_a_watch_over_all_namespaces_sees_every_namespace(api: Api, space: Space) -> None:
    start = version((await api.get("/api/v1/configmaps", limit=1)).ok())
    (await api.post(space("configmaps"), config_map("a"))).ok()

    selector = f"metadata.namespace={space.name}"
    async with api.watch(
        "/api/v1/configmaps", resourceVersion=start, fieldSelector=selector
    ) as watch:
        event = await watch.next()

    assert told(event) == ("ADDED", "a")
    assert event["object"]["metadata"]["namespace"] == space.name


async def test_a_watch_ends_by_itself_after_timeout_seconds(api: Api, space: Space) -> None:
    async with api.watch(space("configmaps"), timeoutSeconds=1) as watch:
        assert watch.status == 200
        assert await watch.next_or_end() is None


async def test_initial_events_end_with_a_bookmark_that_says_so(api: Api, space: Space) -> None:
    maps = space("configmaps")
    for name in "ba":
        (await api.post(maps, config_map(name))).ok()
    query = {
        "sendInitialEvents": True,
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": True,
    }

    async with api.watch(maps, **query) as watch:
        *initial, bookmark = await watch.until("BOOKMARK")
        (await api.post(maps, config_map("c"))).ok()
        later = await watch.next()

    assert sorted(told(e) for e in initial) == [("ADDED", "a"), ("ADDED", "b")]
    meta = bookmark["object"]["metadata"]
    assert meta["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(meta["resourceVersion"]) >= max(int(version(e["object"])) for e in initial)
    assert bookmark["object"]["kind"] == "ConfigMap"
    assert told(later) == ("ADDED", "c")


async def test_a_bookmark_is_a_place_to_resume_from(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()
    query = {
        "sendInitialEvents": True,
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": True,
    }
    async with api.watch(maps, **query) as watch:
        bookmark = (await watch.until("BOOKMARK"))[-1]
    (await api.post(maps, config_map("b"))).ok()

    async with api.watch(maps, resourceVersion=version(bookmark["object"])) as watch:
        assert told(await watch.next()) == ("ADDED", "b")


async def test_initial_events_need_a_version_match(api: Api, space: Space) -> None:
    answer = await api.get(space("configmaps"), watch=True, sendInitialEvents=True)

    body = answer.refused(422, "Invalid")
    assert "resourceVersionMatch" in body["message"]


async def test_a_version_older_than_the_history_is_an_error_event(api: Api, space: Space) -> None:
    async with api.watch(space("configmaps"), resourceVersion=1) as watch:
        event = await watch.next()

    assert watch.status == 200
    assert event["type"] == "ERROR"
    gone = event["object"]
    assert (gone["kind"], gone["code"], gone["reason"]) == ("Status", 410, "Expired")
    assert gone["message"].startswith("too old resource version: 1 (")


async def test_a_version_that_is_no_number_is_refused(api: Api, space: Space) -> None:
    answer = await api.get(space("configmaps"), watch=True, resourceVersion="soon")

    assert answer.status >= 400
    assert 'Invalid value: "soon"' in answer.body["message"]


async def test_a_status_write_is_a_modification(api: Api, space: Space) -> None:
    pods = space("pods")
    created = (await api.post(pods, pod("a"))).ok()

    async with api.watch(pods, resourceVersion=version(created)) as watch:
        (await api.patch(f"{pods}/a/status", {"status": {"phase": "Running"}})).ok()
        event = await watch.next()

    assert told(event) == ("MODIFIED", "a")
    assert event["object"]["status"]["phase"] == "Running"


async def test_a_write_that_changes_nothing_is_not_told(api: Api, space: Space) -> None:
    maps = space("configmaps")
    created = (await api.post(maps, config_map("a", k="1"))).ok()

    async with api.watch(maps, resourceVersion=version(created)) as watch:
        same = (await api.patch(f"{maps}/a", {"data": {"k": "1"}})).ok()
        (await api.patch(f"{maps}/a", {"data": {"k": "2"}})).ok()
        event = await watch.next()

    assert version(same) == version(created)
    assert event["object"]["data"] == {"k": "2"}


async def test_a_deletion_with_finalizers_is_first_a_modification(api: Api, space: Space) -> None:
    maps = space("configmaps")
    body = {"metadata": {"name": "a", "finalizers": ["contract.tandem/hold"]}}
    created = (await api.post(maps, body)).ok()

    async with api.watch(maps, resourceVersion=version(created)) as watch:
        (await api.delete(f"{maps}/a")).ok()
        (await api.patch(f"{maps}/a", {"metadata": {"finalizers": None}})).ok()
        events = [await watch.next() for _ in "12"]

    assert [told(e) for e in events] == [("MODIFIED", "a"), ("DELETED", "a")]
    assert "deletionTimestamp" in events[0]["object"]["metadata"]


async def test_a_watch_can_carry_metadata_only(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a", k="1"))).ok()

    answer = await api.get(maps, accept=PARTIAL, watch=True, timeoutSeconds=1)

    assert answer.status == 200
    assert answer.body["type"] == "ADDED"
    assert answer.body["object"]["kind"] == "PartialObjectMetadata"
    assert "data" not in answer.body["object"]


async def test_watching_a_resource_that_does_not_exist_is_404(api: Api) -> None:
    answer = await api.get("/apis/nowhere.tandem/v1/things", watch=True)

    assert answer.status == 404
