"""Volumes and the scheduler: a pod goes where its volumes can be, and waits when they cannot."""

from __future__ import annotations

from tests.contract.http import Api, Json
from tests.contract.places import Space
from tests.contract.running import ready_node
from tests.contract.test_scheduling import ZONE, bound, refused, submit

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
VOLUMES = "/api/v1/persistentvolumes"


def mounting(claim: str) -> list[Json]:
    return [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]


async def make_class(api: Api, space: Space, mode: str) -> str:
    """A storage class that provisions nothing; its volumes are made by hand."""
    name = f"class-{space.suffix}"
    provisioner = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": mode}
    (await api.post(CLASSES, {"metadata": {"name": name}} | provisioner)).ok()
    return name


async def make_volume(api: Api, space: Space, storage_class: str, zone: str) -> None:
    expression = {"key": ZONE, "operator": "In", "values": [zone]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    spec = {
        "storageClassName": storage_class,
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/data"},
        "nodeAffinity": affinity,
    }
    (await api.post(VOLUMES, {"metadata": {"name": f"volume-{space.suffix}"}, "spec": spec})).ok()


async def make_claim(api: Api, space: Space, storage_class: str) -> None:
    spec = {
        "storageClassName": storage_class,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    body = {"metadata": {"name": "data"}, "spec": spec}
    (await api.post(space("persistentvolumeclaims"), body)).ok()


async def two_zones(api: Api, space: Space) -> dict[str, str]:
    return {z: await ready_node(api, space, z, labels={ZONE: z}) for z in ("z1", "z2")}


async def test_a_missing_claim_is_named(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n")

    await submit(busy_api, busy_space, volumes=mounting("data"))

    message = await refused(busy_api, busy_space)
    assert 'persistentvolumeclaim "data" not found' in message


async def test_a_pod_follows_its_bound_volume(busy_api: Api, busy_space: Space) -> None:
    nodes = await two_zones(busy_api, busy_space)
    storage = await make_class(busy_api, busy_space, "Immediate")
    await make_volume(busy_api, busy_space, storage, "z2")
    await make_claim(busy_api, busy_space, storage)
    await busy_api.eventually(
        busy_space("persistentvolumeclaims", "data"), lambda c: c["status"]["phase"] == "Bound"
    )

    await submit(busy_api, busy_space, volumes=mounting("data"))

    assert await bound(busy_api, busy_space) == nodes["z2"]


async def test_a_waiting_claim_is_bound_where_its_pod_goes(
    busy_api: Api, busy_space: Space
) -> None:
    nodes = await two_zones(busy_api, busy_space)
    storage = await make_class(busy_api, busy_space, "WaitForFirstConsumer")
    await make_volume(busy_api, busy_space, storage, "z2")
    await make_claim(busy_api, busy_space, storage)

    await submit(busy_api, busy_space, volumes=mounting("data"))

    assert await bound(busy_api, busy_space) == nodes["z2"]
    await busy_api.eventually(
        busy_space("persistentvolumeclaims", "data"), lambda c: c["status"]["phase"] == "Bound"
    )


async def test_a_volume_elsewhere_is_said(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n", labels={ZONE: "z1"})
    storage = await make_class(busy_api, busy_space, "Immediate")
    await make_volume(busy_api, busy_space, storage, "z2")
    await make_claim(busy_api, busy_space, storage)
    await busy_api.eventually(
        busy_space("persistentvolumeclaims", "data"), lambda c: c["status"]["phase"] == "Bound"
    )

    await submit(busy_api, busy_space, volumes=mounting("data"))

    message = await refused(busy_api, busy_space)
    assert "1 node(s) didn't match PersistentVolume's node affinity" in message


async def test_an_unbound_immediate_claim_is_said(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n")
    storage = await make_class(busy_api, busy_space, "Immediate")
    await make_claim(busy_api, busy_space, storage)

    await submit(busy_api, busy_space, volumes=mounting("data"))

    message = await refused(busy_api, busy_space)
    assert "pod has unbound immediate PersistentVolumeClaims" in message
