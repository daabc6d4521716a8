"""What clients ask before anything else: versions, groups, resources and schemas."""

from __future__ import annotations

import pytest

from tests.contract.http import Api, Json

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


async def resources(api: Api, root: str) -> dict[str, Json]:
    listed = (await api.get(root)).ok()
    assert listed["kind"] == "APIResourceList"
    return {r["name"]: r for r in listed["resources"]}


async def test_the_version_is_that_of_a_kubernetes(api: Api) -> None:
    version = (await api.get("/version")).ok()

    assert int(version["major"]) == 1
    assert int(version["minor"].rstrip("+")) >= 30
    assert version["gitVersion"].startswith(f"v1.{version['minor']}.")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
async def test_health_answers_ok(api: Api, path: str) -> None:
    answer = await api.get(path)

    assert (answer.status, answer.body) == (200, {"raw": "ok"})


async def test_the_core_group_has_v1(api: Api) -> None:
    listed = (await api.get("/api")).ok()

    assert (listed["kind"], listed["versions"]) == ("APIVersions", ["v1"])


async def test_groups_name_their_versions(api: Api) -> None:
    listed = (await api.get("/apis")).ok()

    assert listed["kind"] == "APIGroupList"
    groups = {g["name"]: g for g in listed["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    wanted = {"apps", "batch", "policy", "coordination.k8s.io", "apiextensions.k8s.io",
              "events.k8s.io", "storage.k8s.io", "scheduling.k8s.io"}  # fmt: skip
    assert wanted <= set(groups)


async def test_one_group_can_be_asked_for(api: Api) -> None:
    group = (await api.get("/apis/apps")).ok()

    assert (group["kind"], group["name"]) == ("APIGroup", "apps")


async def test_a_resource_says_what_it_is(api: Api) -> None:
    pods = (await resources(api, "/api/v1"))["pods"]

    assert (pods["kind"], pods["singularName"], pods["namespaced"]) == ("Pod", "pod", True)
    assert pods["shortNames"] == ["po"]
    assert "all" in pods["categories"]
    assert set(pods["verbs"]) == {
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("root", "name", "kind", "group"),
    [
        pytest.param("/api/v1", "pods/eviction", "Eviction", "policy", id="eviction"),
        pytest.param("/api/v1", "pods/binding", "Binding", None, id="binding"),
        pytest.param("/apis/apps/v1", "deployments/scale", "Scale", "autoscaling", id="scale"),
        pytest.param("/apis/apps/v1", "deployments/status", "Deployment", None, id="status"),
    ],
)
async def test_subresources_are_listed(
    api: Api, root: str, name: str, kind: str, group: str | None
) -> None:
    found = (await resources(api, root))[name]

    assert found["kind"] == kind
    assert found.get("group") == group


async def test_a_node_has_no_namespace(api: Api) -> None:
    assert (await resources(api, "/api/v1"))["nodes"]["namespaced"] is False


async def test_aggregated_discovery_is_given_or_plainly_not(api: Api) -> None:
    """kubectl asks for the aggregated form first and takes either."""
    body = (await api.get("/apis", accept=AGGREGATED)).ok()

    assert body["kind"] in {"APIGroupDiscoveryList", "APIGroupList"}


async def test_openapi_v3_has_an_index_with_each_group(api: Api) -> None:
    index = (await api.get("/openapi/v3")).ok()

    assert {"api/v1", "apis/apps/v1"} <= set(index["paths"])
    url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
    document = (await api.get(url)).ok()
    kinds = document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    assert kinds["x-kubernetes-group-version-kind"] == [
        {"group": "apps", "kind": "Deployment", "version": "v1"}
    ]
