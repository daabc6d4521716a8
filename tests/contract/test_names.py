"""Names and places: generateName, dry runs, namespaces, and names that are none."""

from __future__ import annotations

import re

import pytest

from tests.contract.http import Api
from tests.contract.places import NAMESPACES, Space, config_map, pod


async def test_a_generated_name_is_the_prefix_and_five_letters(api: Api, space: Space) -> None:
    body = {"metadata": {"generateName": "job-"}}

    made = [(await api.post(space("configmaps"), body)).ok()["metadata"] for _ in range(5)]

    assert len({m["name"] for m in made}) == 5
    assert all(re.fullmatch("job-[bcdfghjklmnpqrstvwxz2456789]{5}", m["name"]) for m in made)
    assert made[0]["generateName"] == "job-"


async def test_without_any_name_nothing_is_created(api: Api, space: Space) -> None:
    body = (await api.post(space("configmaps"), {"metadata": {}})).refused(422, "Invalid")

    assert "name or generateName is required" in body["message"]


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "a/b", "x" * 254])
async def test_a_name_must_be_a_dns_name(api: Api, space: Space, name: str) -> None:
    body = (await api.post(space("configmaps"), config_map(name))).refused(422, "Invalid")

    assert body["details"]["causes"][0]["field"] == "metadata.name"


async def test_a_label_must_be_a_label(api: Api, space: Space) -> None:
    body = {"metadata": {"name": "a", "labels": {"app": "not valid!"}}}

    found = (await api.post(space("configmaps"), body)).refused(422, "Invalid")

    assert found["details"]["causes"][0]["field"] == "metadata.labels"


async def test_a_dry_creation_creates_nothing(api: Api, space: Space) -> None:
    answer = await api.post(space("pods"), pod("a"), dryRun="All")

    assert answer.status == 201
    assert answer.body["metadata"]["uid"]
    assert answer.body["status"]["phase"] == "Pending"
    (await api.get(space("pods", "a"))).refused(404, "NotFound")


async def test_a_dry_patch_changes_nothing(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a", k="1"))).ok()

    tried = (await api.patch(space("configmaps", "a"), {"data": {"k": "2"}}, dryRun="All")).ok()

    assert tried["data"] == {"k": "2"}
    assert (await api.get(space("configmaps", "a"))).ok()["data"] == {"k": "1"}


async def test_a_dry_run_of_something_else_is_refused(api: Api, space: Space) -> None:
    answer = await api.post(space("configmaps"), config_map("a"), dryRun="Some")

    assert "dryRun" in answer.refused(422, "Invalid")["message"]


async def test_a_missing_namespace_is_not_found(api: Api, space: Space) -> None:
    path = "/api/v1/namespaces/nowhere/configmaps"

    body = (await api.post(path, config_map("a"))).refused(404, "NotFound")

    assert body["message"] == 'namespaces "nowhere" not found'
    assert (await api.get(path)).ok()["items"] == []


async def test_the_namespace_of_the_body_must_be_that_of_the_url(api: Api, space: Space) -> None:
    body = config_map("a")
    body["metadata"]["namespace"] = "other"

    found = (await api.post(space("configmaps"), body)).refused(400, "BadRequest")

    assert found["message"] == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )


async def test_a_terminating_namespace_takes_nothing_new(api: Api, space: Space) -> None:
    (await api.delete(f"{NAMESPACES}/{space.name}")).ok()

    body = (await api.post(space("configmaps"), config_map("a"))).refused(403, "Forbidden")

    assert "because it is being terminated" in body["message"]
    cause = body["details"]["causes"][0]
    assert cause["reason"] == "NamespaceTerminating"


async def test_a_namespace_is_active_labelled_and_finalized(api: Api, space: Space) -> None:
    found = (await api.get(f"{NAMESPACES}/{space.name}")).ok()

    assert found["status"] == {"phase": "Active"}
    assert found["spec"]["finalizers"] == ["kubernetes"]
    assert found["metadata"]["labels"]["kubernetes.io/metadata.name"] == space.name


@pytest.mark.parametrize("name", ["default", "kube-system"])
async def test_the_first_namespaces_exist(api: Api, name: str) -> None:
    (await api.get(f"{NAMESPACES}/{name}")).ok()
