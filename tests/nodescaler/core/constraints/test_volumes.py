"""Volumes: where they are, where they may be made, how many a node can attach."""

from __future__ import annotations

from typing import Any

import pytest

from nodescaler.core.demands import Volume
from nodescaler.core.labels import HOSTNAME, ZONE
from nodescaler.core.model import PodSpec
from tests.nodescaler.core.constraints.made import (
    cluster,
    crowd,
    demand,
    node,
    only,
    planned,
    pod,
    term,
    zone,
)

EBS = "ebs.csi.aws.com"


def mounting(name: str, *claims: str, **fields: Any) -> PodSpec:
    return pod(name, volumes=tuple(f"shop/{claim}" for claim in claims), **fields)


def volume(*alternatives: Any, **fields: Any) -> Volume:
    return Volume(alternatives=alternatives, **fields) if alternatives else Volume(**fields)


# ---------------------------------------------------------------- where


@pytest.mark.parametrize(
    ("claims", "zones"),
    [
        pytest.param({"d": volume(zone("b"))}, {"b"}, id="a bound volume's zone"),
        pytest.param({"d": volume(zone("b", "c"))}, {"b", "c"}, id="the zones its class allows"),
        pytest.param({"d": volume(zone("b"), zone("c"))}, {"b", "c"}, id="either of two terms"),
        pytest.param({"d": volume()}, {"a", "b", "c"}, id="a volume that may be anywhere"),
        pytest.param(
            {"d": volume(zone("a", "b")), "e": volume(zone("b", "c"))},
            {"b"},
            id="two volumes: the zone that both allow",
        ),
        pytest.param(
            {"d": volume(zone("a"), zone("b")), "e": volume(zone("c"), zone("b"))},
            {"b"},
            id="two volumes with terms: the pair that agrees",
        ),
        pytest.param(
            {"d": volume(zone("a")), "e": volume(zone("c"))}, set(), id="two that never meet"
        ),
        pytest.param({"d": volume(zone("z"))}, set(), id="a zone that no pool offers"),
    ],
)
def test_a_pod_follows_its_volumes(claims: dict[str, Volume], zones: set[str]) -> None:
    by_key = {f"shop/{name}": each for name, each in claims.items()}
    found = planned(cluster(mounting("web-0", *claims), volumes=by_key))

    assert found.left == ([] if zones else ["web-0"])
    assert found.may(ZONE) <= zones


def test_the_terms_of_pod_and_volume_hold_together() -> None:
    waiting = mounting("web-0", "d", **only(zone("a"), zone("b")))
    found = planned(cluster(waiting, volumes={"shop/d": volume(zone("c"), zone("b"))}))

    assert found.zone("web-0") == "b"


def test_a_pod_follows_its_volume_to_a_node_that_is_there() -> None:
    nodes = (node("in-a", "a", 8000), node("in-b", "b", 8000))
    found = planned(
        cluster(mounting("web-0", "d"), volumes={"shop/d": volume(zone("b"))}, nodes=nodes)
    )

    assert found.old == {"in-b": ["web-0"]}


def test_each_pod_of_a_set_follows_its_own_volume() -> None:
    waiting = [mounting(f"web-{z}", z) for z in "abc"]
    found = planned(cluster(*waiting, volumes={f"shop/{z}": volume(zone(z)) for z in "abc"}))

    assert [found.zone(f"web-{z}") for z in "abc"] == ["a", "b", "c"]


def test_pods_whose_volumes_are_alike_share_a_node() -> None:
    waiting = [mounting(f"web-{n}", f"d{n}") for n in range(4)]
    found = planned(cluster(*waiting, volumes={f"shop/d{n}": volume(zone("b")) for n in range(4)}))

    assert found.sizes == [4]


def test_company_is_found_in_the_volumes_zone() -> None:
    leader = mounting("db-0", "d", app="db")
    found = planned(
        cluster(
            pod("web-0", 1500, beside=(term(ZONE, "db"),)),
            leader,
            volumes={"shop/d": volume(zone("c"))},
        )
    )

    assert (found.zone("web-0"), found.zone("db-0")) == ("c", "c")


LOCAL = {"shop/d": volume(demand(HOSTNAME, "In", "n1"))}


def test_a_volume_of_one_host_sends_its_pod_there() -> None:
    nodes = (node("n1", cpu=600), node("n2", cpu=8000))

    assert planned(cluster(mounting("p", "d"), volumes=LOCAL, nodes=nodes)).old == {"n1": ["p"]}


def test_a_volume_of_one_full_host_leaves_its_pod_out() -> None:
    nodes = (node("n1", cpu=100), node("n2", cpu=8000))

    assert planned(cluster(mounting("p", "d"), volumes=LOCAL, nodes=nodes)).left == ["p"]


def test_a_volume_of_a_host_that_is_gone_leaves_its_pod_out() -> None:
    assert planned(cluster(mounting("p", "d"), volumes=LOCAL)).left == ["p"]


# ---------------------------------------------------------------- how many


def disks(*handles: str) -> dict[str, Volume]:
    return {f"shop/{name}": Volume(driver=EBS, handle=name) for name in handles}


def test_a_node_takes_no_more_volumes_than_it_can_attach() -> None:
    runs = mounting("old", "x")
    there = node("n1", cpu=8000, pods=(runs,), attach_limits={EBS: 2})
    waiting = [mounting(f"web-{n}", f"d{n}") for n in range(3)]
    found = planned(cluster(*waiting, nodes=(there,), volumes=disks("x", "d0", "d1", "d2")))

    assert [len(names) for names in found.old.values()] == [1]
    assert found.left == []


def test_a_pod_with_more_volumes_than_are_left_goes_elsewhere() -> None:
    there = node("n1", cpu=8000, attach_limits={EBS: 1})
    found = planned(cluster(mounting("web-0", "a", "b"), nodes=(there,), volumes=disks("a", "b")))

    assert found.old == {}
    assert found.left == []


def test_a_claim_that_pods_share_is_attached_once() -> None:
    there = node("n1", cpu=8000, attach_limits={EBS: 1})
    waiting = [mounting(f"web-{n}", "d") for n in range(3)]
    found = planned(cluster(*waiting, nodes=(there,), volumes=disks("d")))

    assert found.old == {"n1": ["web-0", "web-1", "web-2"]}


def test_a_claim_that_is_attached_already_is_free() -> None:
    there = node("n1", cpu=8000, pods=(mounting("old", "d"),), attach_limits={EBS: 1})
    found = planned(cluster(mounting("web-0", "d"), nodes=(there,), volumes=disks("d")))

    assert found.old == {"n1": ["web-0"]}


def test_two_claims_of_one_volume_are_attached_once() -> None:
    same = {f"shop/{name}": Volume(driver=EBS, handle="vol-1") for name in ("a", "b")}
    there = node("n1", cpu=8000, attach_limits={EBS: 1})
    waiting = (mounting("web-0", "a"), mounting("web-1", "b"))

    assert planned(cluster(*waiting, nodes=(there,), volumes=same)).old == {
        "n1": ["web-0", "web-1"]
    }


@pytest.mark.parametrize(
    ("limits", "driver"),
    [
        pytest.param({}, EBS, id="a driver that states no limit"),
        pytest.param({"efs": 0}, EBS, id="another driver's limit"),
        pytest.param({EBS: 0}, "", id="a volume that counts against none"),
    ],
)
def test_what_limits_nothing(limits: dict[str, int], driver: str) -> None:
    there = node("n1", cpu=8000, attach_limits=limits)
    found = planned(
        cluster(
            mounting("web-0", "d"),
            nodes=(there,),
            volumes={"shop/d": Volume(driver=driver, handle="v")},
        )
    )

    assert found.old == {"n1": ["web-0"]}


def test_each_driver_counts_for_itself() -> None:
    there = node("n1", cpu=8000, attach_limits={EBS: 1, "fsx": 1})
    both = {**disks("d"), "shop/e": Volume(driver="fsx", handle="e")}
    waiting = (mounting("web-0", "d"), mounting("web-1", "e"))

    assert planned(cluster(*waiting, nodes=(there,), volumes=both)).old == {
        "n1": ["web-0", "web-1"]
    }


# ---------------------------------------------------------------- faults


def test_a_claim_that_does_not_exist_leaves_its_pod_out() -> None:
    found = planned(cluster(mounting("web-0", "lost"), *crowd(1, "db")))

    assert found.left == ["web-0"]
    assert "shop/lost" in found.reason("web-0")


def test_a_claim_with_a_fault_leaves_its_pod_out_with_the_fault_as_reason() -> None:
    lost = Volume(fault="its PersistentVolume is gone")
    found = planned(cluster(mounting("web-0", "d"), volumes={"shop/d": lost}))

    assert found.left == ["web-0"]
    assert "its PersistentVolume is gone" in found.reason("web-0")


def test_a_fault_counts_though_there_is_space() -> None:
    lost = Volume(fault="not bound yet")
    there = node("n1", cpu=8000)

    assert planned(cluster(mounting("p", "d"), volumes={"shop/d": lost}, nodes=(there,))).old == {}


def test_what_no_plan_can_say_leaves_the_pod_out_with_its_reason() -> None:
    found = planned(cluster(pod("web-0", unplannable="asks for devices by ResourceClaim")))

    assert found.left == ["web-0"]
    assert "asks for devices by ResourceClaim" in found.reason("web-0")
