"""Where a claim lets its pods go: bound, waiting, and everything that stands against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from nodescaler.core.demands import Volume
from nodescaler.core.labels import HOSTNAME, REGION, ZONE, Allowed, Requirements
from nodescaler.decode import (
    CsiNodeObject,
    Stock,
    StorageClaimObject,
    StorageClassObject,
    VolumeObject,
    attach_limits,
    resolve,
)

Json = dict[str, Any]
GONE = "2026-01-01T00:00:00Z"
ANYWHERE = (Requirements(),)
OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"


def claim(
    spec: Json | None = None, phase: str = "Pending", name: str = "data", **metadata: Any
) -> StorageClaimObject:
    meta = {"name": name, "namespace": "shop", **metadata}
    doc = {"metadata": meta, "spec": spec or {}, "status": {"phase": phase}}
    return msgspec.convert(doc, StorageClaimObject)


def volume(name: str = "pv-1", labels: Json | None = None, **spec: Any) -> VolumeObject:
    doc = {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}
    return msgspec.convert(doc, VolumeObject)


def storage_class(name: str = "fast", **fields: Any) -> StorageClassObject:
    annotations = fields.pop("annotations", {})
    made = fields.pop("made", None)
    meta = {"name": name, "annotations": annotations, "creationTimestamp": made}
    return msgspec.convert({"metadata": meta, **fields}, StorageClassObject)


def lines(**demands: Sequence[str]) -> list[Json]:
    keys = {
        "zone": ZONE,
        "region": REGION,
        "host": HOSTNAME,
        "ebs": "topology.ebs.csi.aws.com/zone",
    }
    return [{"key": keys[k], "operator": "In", "values": list(v)} for k, v in demands.items()]


def reached(*terms: list[Json]) -> Json:
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}}


# ---------------------------------------------------------------- bound

BOUND = claim({"volumeName": "pv-1"}, "Bound")


@pytest.mark.parametrize(
    ("there", "alternatives"),
    [
        pytest.param(volume(), ANYWHERE, id="a volume that is reached from everywhere"),
        pytest.param(
            volume(nodeAffinity=reached(lines(ebs=["a"]))),
            (Requirements.labels({ZONE: "a"}),),
            id="of one zone, by the driver's own name of it",
        ),
        pytest.param(
            volume(nodeAffinity=reached(lines(zone=["a"]), lines(zone=["b"]))),
            (Requirements.labels({ZONE: "a"}), Requirements.labels({ZONE: "b"})),
            id="either term will do",
        ),
        pytest.param(
            volume(nodeAffinity=reached(lines(host=["n1"]))),
            (Requirements.labels({HOSTNAME: "n1"}),),
            id="a disk of one node stays on it",
        ),
        pytest.param(
            volume(labels={OLD_ZONE: "a__b", REGION: "r", "team": "x"}),
            (Requirements({ZONE: Allowed.one_of("a", "b"), REGION: Allowed.one_of("r")}),),
            id="labels say the place of an old volume, in two zones",
        ),
        pytest.param(
            volume(labels={ZONE: "a"}, nodeAffinity=reached(lines(region=["r"]))),
            (Requirements.labels({ZONE: "a", REGION: "r"}),),
            id="labels and terms both hold",
        ),
    ],
)
def test_a_bound_claim_goes_where_its_volume_is(
    there: VolumeObject, alternatives: tuple[Requirements, ...]
) -> None:
    assert resolve(BOUND, Stock([there])) == Volume(alternatives, handle="pv-1")


@pytest.mark.parametrize(
    ("source", "driver"),
    [
        ({"csi": {"driver": "ebs.csi.aws.com"}}, "ebs.csi.aws.com"),
        ({"awsElasticBlockStore": {"volumeID": "v"}}, "ebs.csi.aws.com"),
        ({"gcePersistentDisk": {"pdName": "v"}}, "pd.csi.storage.gke.io"),
        ({"azureDisk": {"diskName": "v"}}, "disk.csi.azure.com"),
        ({"hostPath": {"path": "/"}}, ""),
    ],
)
def test_which_driver_attaches_it(source: Json, driver: str) -> None:
    assert resolve(BOUND, Stock([volume(**source)])).driver == driver


def test_a_volume_whose_terms_cannot_be_read_keeps_its_pods_out() -> None:
    odd = [{"key": ZONE, "operator": "Has"}]
    said = "volume pv-1 of claim shop/data: spec.nodeAffinity.required[0][0].operator: found 'Has'"

    assert resolve(BOUND, Stock([volume(nodeAffinity=reached(odd))])).fault.startswith(said)


BINDING = {"pv.kubernetes.io/bind-completed": "yes"}


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        pytest.param(BOUND, True, id="it says so"),
        pytest.param(claim({"volumeName": "pv-1"}), False, id="it has begun"),
        pytest.param(claim({"volumeName": "pv-1"}, annotations=BINDING), True, id="it is done"),
        pytest.param(claim({"volumeName": "pv-1"}, ""), True, id="a manifest that would be bound"),
    ],
)
def test_when_a_claim_counts_as_bound(given: StorageClaimObject, bound: bool) -> None:
    found = resolve(given, Stock([volume()]))

    assert found.fault == ("" if bound else "claim shop/data is not bound yet to volume pv-1")


# ---------------------------------------------------------------- waiting

WAITS = "WaitForFirstConsumer"
OF_FAST = claim({"storageClassName": "fast"})


def allowed(*terms: list[Json]) -> list[Json]:
    return [
        {"matchLabelExpressions": [{"key": e["key"], "values": e["values"]} for e in term]}
        for term in terms
    ]


@pytest.mark.parametrize(
    ("topologies", "alternatives"),
    [
        pytest.param(None, ANYWHERE, id="anywhere"),
        pytest.param([], ANYWHERE, id="anywhere, in so many words"),
        pytest.param(
            allowed(lines(ebs=["a", "b"])),
            (Requirements({ZONE: Allowed.one_of("a", "b")}),),
            id="two zones",
        ),
        pytest.param(
            allowed(lines(zone=["a"], region=["r"]), lines(zone=["b"])),
            (Requirements.labels({ZONE: "a", REGION: "r"}), Requirements.labels({ZONE: "b"})),
            id="either term will do",
        ),
    ],
)
def test_a_claim_that_waits_goes_where_its_class_may_make_a_volume(
    topologies: list[Json] | None, alternatives: tuple[Requirements, ...]
) -> None:
    fast = storage_class(
        provisioner="ebs.csi.aws.com", volumeBindingMode=WAITS, allowedTopologies=topologies
    )
    found = resolve(OF_FAST, Stock(classes=[fast]))

    assert found == Volume(alternatives, "ebs.csi.aws.com", "shop/data")


def test_a_topology_that_says_nothing_allows_nothing() -> None:
    fast = storage_class(volumeBindingMode=WAITS, allowedTopologies=[{}])
    (only,) = resolve(OF_FAST, Stock(classes=[fast])).alternatives

    assert not only[HOSTNAME]


@pytest.mark.parametrize(
    ("provisioner", "driver"),
    [
        ("ebs.csi.aws.com", "ebs.csi.aws.com"),
        ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
        ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
        ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
        ("rancher.io/local-path", ""),
    ],
)
def test_which_driver_will_attach_it(provisioner: str, driver: str) -> None:
    fast = storage_class(provisioner=provisioner, volumeBindingMode=WAITS)

    assert resolve(OF_FAST, Stock(classes=[fast])).driver == driver


def test_a_claim_without_a_class_is_of_the_newest_default() -> None:
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    classes = [
        storage_class("other", provisioner="o", made="2026-01-03T00:00:00Z"),
        storage_class("old", provisioner="x", annotations=mark, made="2026-01-01T00:00:00Z"),
        storage_class(
            "new", provisioner="y", annotations=mark, made="2026-01-02T00:00:00Z",
            volumeBindingMode=WAITS,
        ),
    ]  # fmt: skip

    assert resolve(claim(), Stock(classes=classes)).driver == "y"


# ---------------------------------------------------------------- what is there and free

LOCAL = storage_class("local", provisioner="kubernetes.io/no-provisioner", volumeBindingMode=WAITS)
OF_LOCAL = {
    "storageClassName": "local",
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "5Gi"}},
}


def disk(name: str, host: str, **spec: Any) -> VolumeObject:
    given = {
        "storageClassName": "local",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "10Gi"},
        "nodeAffinity": reached(lines(host=[host])),
    }
    return volume(name, **given | spec)


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        pytest.param({}, True, id="free and large enough"),
        pytest.param({"capacity": {"storage": "1Gi"}}, False, id="too small"),
        pytest.param({"accessModes": ["ReadOnlyMany"]}, False, id="not to be written to"),
        pytest.param({"volumeMode": "Block"}, False, id="a bare device"),
        pytest.param({"storageClassName": "other"}, False, id="of another class"),
        pytest.param({"claimRef": {"namespace": "shop", "name": "x"}}, False, id="another's"),
        pytest.param({"claimRef": {"namespace": "shop", "name": "data"}}, True, id="kept for it"),
    ],
)
def test_which_free_volume_a_claim_may_take(change: Json, fits: bool) -> None:
    found = resolve(claim(OF_LOCAL), Stock([disk("pv-1", "n1", **change)], [LOCAL]))

    told = "claim shop/data fits no free volume of class local, which makes none"
    assert found.fault == ("" if fits else told)


def test_it_goes_where_one_of_them_is() -> None:
    disks = [disk("pv-3", "n2"), disk("pv-2", "n1"), disk("pv-1", "n2")]
    found = resolve(claim(OF_LOCAL), Stock(disks, [LOCAL]))

    assert found.alternatives == tuple(Requirements.labels({HOSTNAME: n}) for n in ("n2", "n1"))


def test_a_selector_chooses_among_them() -> None:
    stock = Stock([disk("pv-1", "n1")], [LOCAL])
    wants = {"selector": {"matchLabels": {"tier": "ssd"}}}

    assert "fits no free volume" in resolve(claim(OF_LOCAL | wants), stock).fault


# ---------------------------------------------------------------- what stands against it


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            claim({"volumeName": "pv-1"}, "Lost"),
            "claim shop/data has lost its volume pv-1",
            id="lost",
        ),
        pytest.param(
            claim({"volumeName": "pv-1"}, "Bound", deletionTimestamp=GONE),
            "claim shop/data is being deleted",
            id="deleting",
        ),
        pytest.param(
            claim({"volumeName": "pv-9"}, "Bound"),
            "claim shop/data is bound to volume pv-9, which does not exist",
            id="no such volume",
        ),
        pytest.param(
            claim({"storageClassName": "fats"}),
            "claim shop/data names storage class fats, which does not exist; did you mean 'fast'?",
            id="no such class",
        ),
        pytest.param(
            claim({"storageClassName": ""}),
            "claim shop/data is bound to no volume and has no storage class",
            id="no class is wanted",
        ),
        pytest.param(
            claim(), "claim shop/data is bound to no volume and has no storage class",
            id="there is no default class",
        ),
        pytest.param(
            claim({"storageClassName": "fast"}),
            "claim shop/data is not bound yet, and its class fast does not wait for a pod to be "
            "placed",
            id="its class binds at once",
        ),
        pytest.param(
            claim({"storageClassName": "local", "resources": {"requests": {"storage": "-1"}}}),
            "claim shop/data: spec.resources.requests.storage: found '-1'; would do: a quantity of "
            "zero or more, such as 500m, 2 or 1.5Gi",
            id="it asks for less than nothing",
        ),
    ],
)  # fmt: skip
def test_why_no_pod_can_mount_it(given: StorageClaimObject, said: str) -> None:
    assert resolve(given, Stock([volume()], [storage_class(), LOCAL])).fault == said


# ---------------------------------------------------------------- what is held


def test_the_stock_forgets_what_it_was_told_to() -> None:
    one, moved = disk("pv-1", "n1"), disk("pv-1", "n1", storageClassName="other")
    stock = Stock([one], [LOCAL])
    stock.apply_volume(one, moved)
    assert (list(stock.of_class("local")), list(stock.of_class("other"))) == ([], [moved])
    stock.apply_volume(moved, None)
    stock.apply_class(LOCAL, None)

    assert (stock.volume("pv-1"), stock.storage_class("local")) == (None, None)
    assert list(stock.of_class("other")) == []


def test_attach_limits_are_those_that_drivers_name() -> None:
    drivers = [
        {"name": "ebs.csi.aws.com", "nodeID": "i", "allocatable": {"count": 25}},
        {"name": "efs.csi.aws.com", "nodeID": "i"},
        {"name": "none", "nodeID": "i", "allocatable": {}},
    ]
    node = msgspec.convert({"metadata": {"name": "n"}, "spec": {"drivers": drivers}}, CsiNodeObject)

    assert attach_limits(node) == {"ebs.csi.aws.com": 25}
    assert attach_limits(CsiNodeObject(node.metadata)) == {}
