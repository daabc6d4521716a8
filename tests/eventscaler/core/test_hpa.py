"""The HPA of a ScaledObject as a body, and when one that is there is another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eventscaler.core.hpa import (
    External,
    Owner,
    PodResource,
    Range,
    Wish,
    controller_of,
    differs,
    equal_names,
    hpa_body,
    updated,
)

OWNER = Owner(
    namespace="shop",
    name="orders",
    uid="7",
    api_version="keda.sh/v1alpha1",
    target_api_version="apps/v1",
    target_kind="Deployment",
    target_name="worker",
)
QUEUE = External("s0-queue", "AverageValue", 5)
LIMITS = Range(min=0, max=20)
PLAIN = Wish()


def body(wish: Wish = PLAIN, limits: Range = LIMITS, *metrics: Any) -> dict[str, Any]:
    return hpa_body(OWNER, wish, limits, metrics or (QUEUE,))


def test_the_whole_of_a_simple_one() -> None:
    assert body() == {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": "keda-hpa-orders",
            "namespace": "shop",
            "labels": {
                "app.kubernetes.io/name": "keda-hpa-orders",
                "app.kubernetes.io/part-of": "orders",
                "app.kubernetes.io/managed-by": "tandem",
            },
            "ownerReferences": [
                {
                    "apiVersion": "keda.sh/v1alpha1",
                    "kind": "ScaledObject",
                    "name": "orders",
                    "uid": "7",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1,
            "maxReplicas": 20,
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {
                            "name": "s0-queue",
                            "selector": {"matchLabels": {"scaledobject.keda.sh/name": "orders"}},
                        },
                        "target": {"type": "AverageValue", "averageValue": "5"},
                    },
                }
            ],
        },
    }


@pytest.mark.parametrize(("low", "shown"), [(0, 1), (1, 1), (3, 3)])
def test_an_hpa_has_at_least_one_replica(low: int, shown: int) -> None:
    assert body(limits=Range(min=low, max=5))["spec"]["minReplicas"] == shown


def test_metrics_are_sorted_by_type_and_keep_their_order_within() -> None:
    metrics = (
        PodResource("memory", "AverageValue", "0.5Gi", container="main"),
        PodResource("cpu", "Utilization", "60"),
        External("s2-b", "Value", 0.25),
        External("s1-a", "AverageValue", 10),
    )

    found = body(Wish(), LIMITS, *metrics)["spec"]["metrics"]

    assert [each["type"] for each in found] == [
        "ContainerResource",
        "External",
        "External",
        "Resource",
    ]
    assert found[0]["containerResource"] == {
        "name": "memory",
        "container": "main",
        "target": {"type": "AverageValue", "averageValue": "512Mi"},
    }
    assert found[1]["external"]["metric"]["name"] == "s2-b"
    assert found[1]["external"]["target"] == {"type": "Value", "value": "250m"}
    assert found[3]["resource"] == {
        "name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 60},
    }


def test_labels_and_annotations_are_copied_but_for_what_is_excluded() -> None:
    wish = Wish(
        name="mine",
        labels={"team": "a", "argocd.argoproj.io/instance": "x", "app.kubernetes.io/name": "no"},
        annotations={"note": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
        excluded=frozenset({"argocd.argoproj.io/instance"}),
    )

    metadata = body(wish)["metadata"]

    assert metadata["name"] == "mine"
    assert metadata["annotations"] == {"note": "1"}
    assert metadata["labels"] == {
        "team": "a",
        "app.kubernetes.io/name": "mine",
        "app.kubernetes.io/part-of": "orders",
        "app.kubernetes.io/managed-by": "tandem",
    }


SLOW = {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}


@pytest.mark.parametrize(
    ("written", "limits", "expected"),
    [
        pytest.param(None, LIMITS, None, id="none"),
        pytest.param(SLOW, LIMITS, SLOW, id="as written"),
        pytest.param(
            SLOW,
            replace(LIMITS, may_fall=False),
            {"scaleDown": {**SLOW["scaleDown"], "selectPolicy": "Disabled"}},
            id="paused-scale-in",
        ),
        pytest.param(
            None,
            replace(LIMITS, may_rise=False),
            {"scaleUp": {"selectPolicy": "Disabled"}},
            id="paused-scale-out",
        ),
    ],
)
def test_behavior_is_passed_on(written: Any, limits: Range, expected: Any) -> None:
    assert body(Wish(behavior=written), limits)["spec"].get("behavior") == expected


def test_two_metrics_of_one_name_are_found() -> None:
    twice = (QUEUE, QUEUE, PodResource("cpu", "Utilization", "1"))
    thrice = (*twice, PodResource("cpu", "Utilization", "2", "main"))

    assert equal_names(thrice) == ("s0-queue",)
    assert equal_names((*thrice[1:], PodResource("cpu", "AverageValue", "2"))) == (
        "cpu of the pod",
    )


def test_what_the_server_fills_in_is_no_difference() -> None:
    wanted = body(Wish(behavior={"scaleDown": {"selectPolicy": "Min", "tolerance": "0.10"}}))
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    held = updated({"metadata": {"name": "keda-hpa-orders", "resourceVersion": "3"}}, wanted)
    held["spec"] = {
        **wanted["spec"],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent],
            },
            "scaleDown": {"selectPolicy": "Min", "policies": [percent], "tolerance": "100m"},
        },
    }

    assert not differs(held, wanted)
    assert not differs({**wanted, "status": {"currentReplicas": 3}}, wanted)


def noted(found: dict[str, Any], **annotations: str) -> dict[str, Any]:
    return {**found, "metadata": {**found["metadata"], "annotations": annotations}}


def test_every_edit_is_a_difference() -> None:
    wanted = body(Wish(annotations={"note": "1"}, labels={"team": "a"}))
    fewer = {**wanted, "spec": {**wanted["spec"], "maxReplicas": 5}}
    behaving = {**wanted, "spec": {**wanted["spec"], "behavior": SLOW}}
    labelled = {**wanted, "metadata": {**wanted["metadata"], "labels": {"team": "b"}}}
    orphan = {**wanted, "metadata": {**wanted["metadata"], "ownerReferences": []}}

    assert [differs(each, wanted) for each in (fewer, behaving, labelled, orphan)] == [True] * 4
    assert differs(noted(wanted, note="2"), wanted)
    assert not differs(noted(wanted, note="1", other="kept"), wanted)


def test_an_update_keeps_the_version_and_what_others_noted() -> None:
    held = {
        "metadata": {
            "name": "keda-hpa-orders",
            "resourceVersion": "3",
            "annotations": {"theirs": "x"},
            "labels": {"old": "y"},
            "ownerReferences": [{"uid": "1", "controller": True}, {"uid": "2"}],
        },
        "spec": {},
    }
    wanted = body(Wish(annotations={"note": "1"}))

    found = updated(held, wanted)

    metadata: Any = found["metadata"]
    assert metadata["resourceVersion"] == "3"
    assert metadata["annotations"] == {"theirs": "x", "note": "1"}
    assert "old" not in metadata["labels"]
    assert [ref["uid"] for ref in metadata["ownerReferences"]] == ["2", "7"]
    assert controller_of(found) == "7"
    assert not differs(found, wanted)
