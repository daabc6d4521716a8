"""What `kubectl get` prints: Tables; and metadata without the rest."""

from __future__ import annotations

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import NODES, Space, budget, config_map, node, pod, workload

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


async def cells(api: Api, path: str) -> Json:
    """The first row of the table at *path*, by column."""
    table = (await api.get(path, accept=TABLE)).ok()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [c["name"] for c in table["columnDefinitions"]]
    return dict(zip(columns, table["rows"][0]["cells"], strict=True))


async def test_a_pod_prints_readiness_status_restarts_and_node(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n1"))).ok()
    started = {"name": "main", "ready": True, "restartCount": 0, "image": "i", "imageID": ""}
    status = {
        "phase": "Running",
        "podIP": "10.1.1.1",
        "podIPs": [{"ip": "10.1.1.1"}],
        "containerStatuses": [started | {"state": {"running": {}}}],
    }
    (await api.patch(space("pods", "a", "status"), {"status": status})).ok()

    row = await cells(api, space("pods"))

    assert list(row) == [
        "Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node",
        "Readiness Gates",
    ]  # fmt: skip
    shown = [row[c] for c in ("Name", "Ready", "Status", "Restarts", "IP", "Node")]
    assert shown == ["a", "1/1", "Running", "0", "10.1.1.1", "n1"]


async def test_a_terminating_pod_says_so(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n1"))).ok()
    (await api.delete(space("pods", "a"))).ok()

    assert (await cells(api, space("pods")))["Status"] == "Terminating"


async def test_a_waiting_container_gives_its_reason(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n1"))).ok()
    waiting = {"name": "main", "ready": False, "restartCount": 2, "image": "i", "imageID": ""}
    status = waiting | {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    (
        await api.patch(space("pods", "a", "status"), {"status": {"containerStatuses": [status]}})
    ).ok()

    row = await cells(api, space("pods"))

    assert (row["Ready"], row["Status"], row["Restarts"]) == ("0/1", "CrashLoopBackOff", "2")


async def test_a_deployment_prints_its_counts(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 3))).ok()
    status = {"replicas": 3, "readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}
    (await api.patch(space("deployments", "a", "status"), {"status": status})).ok()

    row = await cells(api, space("deployments"))

    assert list(row) == [
        "Name", "Ready", "Up-to-date", "Available", "Age", "Containers", "Images", "Selector",
    ]  # fmt: skip
    assert [row[c] for c in ("Ready", "Up-to-date", "Available")] == ["1/3", 2, 1]
    assert row["Selector"] == "app=a"


async def test_a_node_prints_status_and_roles(api: Api, space: Space) -> None:
    name = space.node_name("n")
    labels = {"node-role.kubernetes.io/worker": ""}
    (await api.post(NODES, node(name, space, labels=labels, unschedulable=True))).ok()
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    info = {"kubeletVersion": "v9"}
    (await api.patch(f"{NODES}/{name}/status", {"status": ready | {"nodeInfo": info}})).ok()

    row = await cells(api, f"{NODES}/{name}")
    (await api.delete(f"{NODES}/{name}")).ok()

    assert list(row)[:5] == ["Name", "Status", "Roles", "Age", "Version"]
    assert (row["Status"], row["Roles"], row["Version"]) == (
        "Ready,SchedulingDisabled",
        "worker",
        "v9",
    )


@pytest.mark.parametrize(
    ("plural", "columns"),
    [
        pytest.param("configmaps", ["Name", "Data", "Age"], id="config maps"),
        pytest.param("secrets", ["Name", "Type", "Data", "Age"], id="secrets"),
        pytest.param("leases", ["Name", "Holder", "Age"], id="leases"),
        pytest.param(
            "poddisruptionbudgets",
            ["Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"],
            id="budgets",
        ),
        pytest.param(
            "replicasets",
            ["Name", "Desired", "Current", "Ready", "Age", "Containers", "Images", "Selector"],
            id="replica sets",
        ),
        pytest.param(
            "statefulsets", ["Name", "Ready", "Age", "Containers", "Images"], id="stateful sets"
        ),
        pytest.param(
            "events",
            ["Last Seen", "Type", "Reason", "Object", "Subobject", "Source", "Message",
             "First Seen", "Count", "Name"],
            id="events",
        ),
    ],
)  # fmt: skip
async def test_columns_of(api: Api, space: Space, plural: str, columns: list[str]) -> None:
    table = (await api.get(space(plural), accept=TABLE)).ok()

    assert [c["name"] for c in table["columnDefinitions"]] == columns


async def test_a_budget_prints_its_bounds(api: Api, space: Space) -> None:
    (await api.post(space("poddisruptionbudgets"), budget("a", maxUnavailable="25%"))).ok()

    row = await cells(api, space("poddisruptionbudgets"))

    shown = [row[c] for c in ("Min Available", "Max Unavailable", "Allowed Disruptions")]
    assert shown == ["N/A", "25%", 0]


async def test_rows_carry_metadata_for_selectors(api: Api, space: Space) -> None:
    body = config_map("a")
    body["metadata"]["labels"] = {"x": "y"}
    (await api.post(space("configmaps"), body)).ok()

    table = (await api.get(space("configmaps", "a"), accept=TABLE)).ok()

    obj = table["rows"][0]["object"]
    assert obj["kind"] == "PartialObjectMetadata"
    assert obj["metadata"]["labels"] == {"x": "y"}


async def test_rows_can_carry_the_whole_object_or_nothing(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a", k="1"))).ok()
    path = space("configmaps", "a")

    whole = (await api.get(path, accept=TABLE, includeObject="Object")).ok()["rows"][0]
    bare = (await api.get(path, accept=TABLE, includeObject="None")).ok()["rows"][0]

    assert whole["object"]["data"] == {"k": "1"}
    assert not bare.get("object")


async def test_metadata_alone(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a", k="1"))).ok()

    one = (await api.get(space("configmaps", "a"), accept=PARTIAL)).ok()
    many = (await api.get(space("configmaps"), accept=PARTIAL_LIST)).ok()

    assert one["kind"] == "PartialObjectMetadata"
    assert set(one) == {"kind", "apiVersion", "metadata"}
    assert many["kind"] == "PartialObjectMetadataList"
    assert all("data" not in item for item in many["items"])


async def test_a_missing_object_is_a_status_even_as_a_table(api: Api, space: Space) -> None:
    (await api.get(space("configmaps", "a"), accept=TABLE)).refused(404, "NotFound")
