"""Classes: pods that no plan could tell apart, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from nodescaler.core.classes import classes_of
from nodescaler.core.demands import (
    Gang,
    HostPort,
    PodPreference,
    PodTerm,
    Preference,
    Spread,
    Volume,
)
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.taints import Toleration
from tests.nodescaler.core.strategies import asking_pods, pod_lists

WEB = PodSpec("shop", "web", requests={"cpu": 500})
LIKE_A = Requirements.labels({"app": "a"})
TERM = PodTerm(ZONE, LIKE_A, frozenset({"shop"}))
EBS = Volume(driver="ebs", handle="vol-1")


@given(pod_lists() | asking_pods())
def test_every_pod_is_in_one_class_and_the_order_of_the_input_does_not_matter(
    pods: tuple[PodSpec, ...],
) -> None:
    classes = classes_of(pods)

    assert sorted(pod.key for each in classes for pod in each.pods) == sorted(p.key for p in pods)
    assert classes_of(pods[::-1]) == classes


@given(pod_lists())
def test_the_pods_of_a_class_ask_for_the_same(pods: tuple[PodSpec, ...]) -> None:
    for each in classes_of(pods):
        for pod in each.pods:
            assert replace(pod, name="", uid="", labels={}) == replace(
                each.sample, name="", uid="", labels={}
            )


@given(pod_lists())
def test_those_of_higher_priority_and_then_the_larger_come_first(pods: tuple[PodSpec, ...]) -> None:
    ranks = [
        (-each.sample.priority, -each.sample.requests["cpu"], -each.sample.requests["memory"])
        for each in classes_of(pods)
    ]

    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"requests": {"cpu": 600}}, id="size"),
        pytest.param({"alternatives": (Requirements.labels({ZONE: "a"}),)}, id="node labels"),
        pytest.param({"preferences": (Preference(1, LIKE_A),)}, id="preferred node labels"),
        pytest.param({"tolerations": (Toleration(operator="Exists"),)}, id="tolerations"),
        pytest.param({"host_ports": (HostPort(80),)}, id="host ports"),
        pytest.param({"beside": (TERM,)}, id="affinity"),
        pytest.param({"apart": (TERM,)}, id="anti-affinity"),
        pytest.param({"company": (PodPreference(1, TERM),)}, id="preferred affinity"),
        pytest.param({"spreads": (Spread(ZONE, 1, LIKE_A),)}, id="spread"),
        pytest.param({"gang": Gang("shop/g", 2)}, id="gang"),
        pytest.param({"volumes": ("shop/data",)}, id="volumes"),
        pytest.param({"priority": 1}, id="priority"),
        pytest.param({"unplannable": "it is odd"}, id="what no plan can say"),
    ],
)
def test_what_tells_pods_apart(fields: dict[str, Any]) -> None:
    other = replace(WEB, name="other", **fields)

    assert len(classes_of([WEB, other])) == 2


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing but the name"),
        pytest.param({"requests": {"cpu": 500, "memory": 0}}, id="a request of nothing"),
        pytest.param({"labels": {"app": "b"}}, id="labels that nobody looks at"),
        pytest.param({"namespace": "other"}, id="a namespace that nobody looks at"),
        pytest.param({"annotations": {"x": "y"}, "grace_s": 5.0}, id="what is no demand"),
    ],
)
def test_what_does_not(fields: dict[str, Any]) -> None:
    other = replace(WEB, **{"name": "other", **fields})

    assert len(classes_of([WEB, other])) == 1


def test_labels_make_a_class_only_where_somebody_looks_at_them() -> None:
    pods = [replace(WEB, name=name, labels={"app": name}) for name in ("a", "b")]
    guard = replace(WEB, apart=(replace(TERM, topology_key=HOSTNAME),))

    assert len(classes_of(pods)) == 1
    assert len(classes_of(pods, [guard])) == 2
    assert len(classes_of([replace(p, labels={"tier": p.name}) for p in pods], [guard])) == 1


def test_volumes_that_are_alike_are_one_class_unless_somebody_shares_one() -> None:
    pods = [replace(WEB, name=name, volumes=(f"shop/{name}",)) for name in ("a", "b")]
    claims = {"shop/a": EBS, "shop/b": replace(EBS, handle="vol-2")}
    sharer = replace(WEB, name="old", volumes=("shop/a",))

    assert len(classes_of(pods, (), claims)) == 1
    apart = classes_of(pods, [sharer], claims)
    assert [each.shared for each in apart] == [("vol-1",), ()]


def test_a_claim_that_does_not_exist_is_a_fault() -> None:
    (each,) = classes_of([replace(WEB, volumes=("shop/lost",))])

    assert [v.fault for v in each.volumes] == ["persistent volume claim shop/lost does not exist"]
