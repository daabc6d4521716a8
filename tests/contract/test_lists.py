"""Lists: pages over one snapshot, versions, and which objects a selector takes."""

from __future__ import annotations

import base64
import json

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import NODES, Space, config_map, node, pod


def names(listed: Json) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


async def labelled(api: Api, space: Space) -> None:
    for name, labels in (
        ("both", {"app": "x", "tier": "front"}),
        ("only-app", {"app": "x"}),
        ("other", {"app": "y", "tier": "back"}),
        ("none", {}),
    ):
        (await api.post(space("pods"), pod(name, labels=labels))).ok()


async def test_a_list_is_sorted_by_name_and_has_a_version(api: Api, space: Space) -> None:
    for name in ("b", "a", "c"):
        (await api.post(space("pods"), pod(name))).ok()

    listed = (await api.get(space("pods"))).ok()

    assert names(listed) == ["a", "b", "c"]
    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    newest = max(int(i["metadata"]["resourceVersion"]) for i in listed["items"])
    assert int(listed["metadata"]["resourceVersion"]) >= newest


async def test_items_of_a_list_carry_no_kind(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    item = (await api.get(space("pods"))).ok()["items"][0]

    assert "kind" not in item
    assert "apiVersion" not in item


async def test_an_empty_list_has_an_empty_array(api: Api, space: Space) -> None:
    assert (await api.get(space("pods"))).ok()["items"] == []


async def test_pages_make_up_the_whole(api: Api, space: Space) -> None:
    for name in "abcde":
        (await api.post(space("pods"), pod(name))).ok()
    page = (await api.get(space("pods"), limit=2)).ok()
    found, left = names(page), [page["metadata"].get("remainingItemCount")]

    while token := page["metadata"].get("continue"):
        query: Json = {"limit": 2, "continue": token}
        page = (await api.get(space("pods"), **query)).ok()
        found += names(page)
        left.append(page["metadata"].get("remainingItemCount"))

    assert found == list("abcde")
    assert left == [3, 1, None]


async def test_later_pages_show_the_time_of_the_first(api: Api, space: Space) -> None:
    for name in "abc":
        (await api.post(space("pods"), pod(name))).ok()
    first = (await api.get(space("pods"), limit=1)).ok()
    (await api.post(space("pods"), pod("bb"))).ok()
    (await api.delete(space("pods", "c"))).ok()

    query: Json = {"continue": first["metadata"]["continue"]}
    rest = (await api.get(space("pods"), **query)).ok()

    assert names(rest) == ["b", "c"]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_limit_that_suffices_gives_no_token(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    meta = (await api.get(space("pods"), limit=5)).ok()["metadata"]

    assert "continue" not in meta
    assert "remainingItemCount" not in meta


async def test_a_selected_page_does_not_count_what_remains(api: Api, space: Space) -> None:
    await labelled(api, space)

    page = (await api.get(space("pods"), limit=1, labelSelector="app")).ok()

    assert page["metadata"]["continue"]
    assert "remainingItemCount" not in page["metadata"]


async def test_a_nonsense_token_is_refused(api: Api, space: Space) -> None:
    query: Json = {"limit": 1, "continue": "nonsense"}

    answer = await api.get(space("pods"), **query)

    assert "continue key is not valid" in answer.refused(400, "BadRequest")["message"]


def aged(token: str) -> str:
    """The token of a page as it would be if its list had been made at the dawn of the cluster."""
    cursor = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    old = json.dumps(cursor | {"rv": 1}, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(old).rstrip(b"=").decode()


async def test_an_expired_token_is_gone_and_comes_with_one_to_go_on(api: Api, space: Space) -> None:
    for name in "abc":
        (await api.post(space("pods"), pod(name))).ok()
    first = (await api.get(space("pods"), limit=1)).ok()

    query: Json = {"limit": 5, "continue": aged(first["metadata"]["continue"])}
    body = (await api.get(space("pods"), **query)).refused(410, "Expired")
    renewed: Json = {"limit": 5, "continue": body["metadata"]["continue"]}
    rest = (await api.get(space("pods"), **renewed)).ok()

    assert "continue parameter is too old" in body["message"]
    assert names(rest) == ["b", "c"]


async def test_an_exact_list_of_a_forgotten_version_is_gone(api: Api, space: Space) -> None:
    query: Json = {"resourceVersion": 1, "resourceVersionMatch": "Exact"}

    (await api.get(space("pods"), **query)).refused(410, "Expired")


async def test_an_exact_list_shows_its_moment(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()
    version = (await api.get(space("pods"))).ok()["metadata"]["resourceVersion"]
    (await api.post(space("pods"), pod("b"))).ok()

    exact = {"resourceVersion": version, "resourceVersionMatch": "Exact"}

    assert names((await api.get(space("pods"), **exact)).ok()) == ["a"]


async def test_a_version_of_the_future_is_not_waited_for_long(api: Api, space: Space) -> None:
    answer = await api.get(space("pods"), resourceVersion=10**9)

    body = answer.refused(504, "Timeout")
    assert "Too large resource version: 1000000000, current: " in body["message"]
    assert body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_list_at_version_zero_may_be_old_but_answers(api: Api, space: Space) -> None:
    listed = (await api.get(space("pods"), resourceVersion=0)).ok()

    assert listed["kind"] == "PodList"


async def test_a_list_not_older_than_a_write_shows_the_write(api: Api, space: Space) -> None:
    made = (await api.post(space("pods"), pod("a"))).ok()
    query = {
        "resourceVersion": made["metadata"]["resourceVersion"],
        "resourceVersionMatch": "NotOlderThan",
    }

    assert names((await api.get(space("pods"), **query)).ok()) == ["a"]


async def test_a_version_match_needs_a_version(api: Api, space: Space) -> None:
    answer = await api.get(space("pods"), resourceVersionMatch="Exact")

    assert "resourceVersionMatch" in answer.refused(422, "Invalid")["message"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("app=x", ["both", "only-app"], id="equals"),
        pytest.param("app==x", ["both", "only-app"], id="double equals"),
        pytest.param("app!=x", ["none", "other"], id="not equals takes what has no label"),
        pytest.param("app=x,tier=front", ["both"], id="comma is and"),
        pytest.param("tier", ["both", "other"], id="exists"),
        pytest.param("!tier", ["none", "only-app"], id="does not exist"),
        pytest.param("app in (x, y)", ["both", "only-app", "other"], id="in"),
        pytest.param("app notin (x)", ["none", "other"], id="not in takes what has no label"),
        pytest.param("app in (x),tier notin (back)", ["both", "only-app"], id="mixed"),
    ],
)
async def test_label_selectors(api: Api, space: Space, selector: str, expected: list[str]) -> None:
    await labelled(api, space)

    assert names((await api.get(space("pods"), labelSelector=selector)).ok()) == expected


@pytest.mark.parametrize("selector", ["app in x", "=x", "app=x,,", "a b"])
async def test_a_selector_that_cannot_be_read_is_refused(
    api: Api, space: Space, selector: str
) -> None:
    (await api.get(space("pods"), labelSelector=selector)).refused(400, "BadRequest")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("metadata.name=a", ["a"], id="name"),
        pytest.param("metadata.name!=a", ["b", "c"], id="not this name"),
        pytest.param("spec.nodeName=n1", ["b"], id="node"),
        pytest.param("spec.nodeName=", ["a", "c"], id="no node"),
        pytest.param("status.phase=Running", ["b"], id="phase"),
        pytest.param("status.phase!=Running,metadata.name!=c", ["a"], id="comma is and"),
        pytest.param("spec.schedulerName=default-scheduler", ["a", "b", "c"], id="scheduler"),
        pytest.param("spec.restartPolicy=Always", ["a", "b", "c"], id="restart policy"),
    ],
)
async def test_field_selectors_of_pods(
    api: Api, space: Space, selector: str, expected: list[str]
) -> None:
    (await api.post(space("pods"), pod("a"))).ok()
    (await api.post(space("pods"), pod("b", nodeName="n1"))).ok()
    (await api.post(space("pods"), pod("c"))).ok()
    (await api.patch(space("pods", "b", "status"), {"status": {"phase": "Running"}})).ok()

    assert names((await api.get(space("pods"), fieldSelector=selector)).ok()) == expected


async def test_field_selectors_of_nodes(api: Api, space: Space) -> None:
    open_, closed = space.node_name("open"), space.node_name("closed")
    (await api.post(NODES, node(open_, space))).ok()
    (await api.post(NODES, node(closed, space, unschedulable=True))).ok()

    cordoned = (await api.get(NODES, fieldSelector="spec.unschedulable=true")).ok()
    named = (await api.get(NODES, fieldSelector=f"metadata.name={open_}")).ok()
    for name in (open_, closed):
        (await api.delete(f"{NODES}/{name}")).ok()

    assert closed in names(cordoned)
    assert open_ not in names(cordoned)
    assert names(named) == [open_]


async def test_a_field_that_cannot_be_selected_is_refused(api: Api, space: Space) -> None:
    answer = await api.get(space("pods"), fieldSelector="spec.hostname=x")

    message = answer.refused(400, "BadRequest")["message"]
    assert message == "field label not supported: spec.hostname"


async def test_config_maps_are_selected_by_name_only(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a"))).ok()

    named = (await api.get(space("configmaps"), fieldSelector="metadata.name=a")).ok()
    refused = await api.get(space("configmaps"), fieldSelector="data.k=1")

    assert names(named) == ["a"]
    message = refused.refused(400, "BadRequest")["message"]
    assert '"data.k" is not a known field selector: only "metadata.name"' in message
