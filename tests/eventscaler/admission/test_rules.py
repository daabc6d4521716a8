"""Each refusal and warning of KEDA's webhook, offline: the object, the label, the text."""

from __future__ import annotations

from typing import Any

import pytest

from eventscaler.admission.around import Container, Hpa, Wanted, containers_of, defaulted_by
from eventscaler.admission.held import hpa_of
from eventscaler.admission.objects import judged
from eventscaler.admission.offline import validate
from eventscaler.decode import scaled_object as decoded
from eventscaler.decode.hpa import ADOPT
from kube.client import Json
from tests.eventscaler.manifests import deployment, pods_trigger, scaled_object

CPU: Json = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
MEMORY: Json = CPU | {"type": "memory"}
LONG = "a" * 63


def told(*bodies: Json, strict: bool = False) -> list[str]:
    """Every finding that is no note; types that we lack are another test's matter."""
    found = [
        f"{fault.severity.value} {fault}"
        for fault in validate(bodies, strict=strict)
        if fault.severity.value != "note" and not fault.path.endswith(".type")
    ]
    return [text.replace("ScaledObject/orders ", "") for text in found]


def labels(body: Json) -> list[str]:
    return [finding.reason for finding in judged(body)[1] if finding.refuses]


def composed(**modifiers: str) -> Json:
    return scaled_object("orders", pods_trigger(name="a"), advanced={"scalingModifiers": modifiers})


def annotated(body: Json, **annotations: str) -> Json:
    return body | {"metadata": body["metadata"] | {"annotations": annotations}}


def hpa(
    name: str = "web", *, owner: str = "", kind: str = "Deployment", **annotations: str
) -> Json:
    """An HPA of the Deployment orders."""
    owners = [{"kind": "ScaledObject", "name": owner}] if owner else []
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": annotations,
            "ownerReferences": owners,
        },
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": "orders"}},
    }


def limit_range(namespace: str = "default", **limit: Any) -> Json:
    limits = [{"type": "Container"} | limit]
    return {
        "kind": "LimitRange",
        "metadata": {"name": "l", "namespace": namespace},
        "spec": {"limits": limits},
    }


def sized(**resources: Any) -> Json:
    """The Deployment orders, its container with these resources."""
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    return body


@pytest.mark.parametrize(
    ("body", "label", "text"),
    [
        pytest.param(
            scaled_object(minReplicaCount=5, maxReplicaCount=3),
            "incorrect-replicas",
            "spec.minReplicaCount: found 5, want at most maxReplicaCount, which is 3",
            id="min above max",
        ),
        pytest.param(
            scaled_object(minReplicaCount=101),
            "incorrect-replicas",
            "spec.minReplicaCount: found 101, want at most maxReplicaCount, which is 100",
            id="min above the default",
        ),
        pytest.param(
            scaled_object(minReplicaCount=2, idleReplicaCount=2),
            "incorrect-replicas",
            "spec.idleReplicaCount: found 2, want less than minReplicaCount, which is 2",
            id="idle not below min",
        ),
        pytest.param(
            scaled_object(LONG + "b", scaleTargetRef={"name": "orders"}),
            "name-too-long",
            "metadata.name: found '64 characters', want at most 63",
            id="name",
        ),
        pytest.param(
            scaled_object(fallback={"failureThreshold": -1, "replicas": 1}),
            "incorrect-fallback",
            "spec.fallback.failureThreshold: found -1, want at least 0",
            id="negative threshold",
        ),
        pytest.param(
            scaled_object(fallback={"failureThreshold": 1, "replicas": -1}),
            "incorrect-fallback",
            "spec.fallback.replicas: found -1, want at least 0",
            id="negative replicas",
        ),
        pytest.param(
            scaled_object(
                "orders", CPU, minReplicaCount=1, fallback={"failureThreshold": 1, "replicas": 1}
            ),
            "incorrect-fallback",
            (
                "spec.fallback: found only cpu and memory triggers, want a trigger that is not cpu "
                "or memory, or a formula: those two have no fallback"
            ),
            id="fallback of cpu",
        ),
        pytest.param(
            composed(formula="a + b", target="1"),
            "scaling-modifiers",
            "formula: found 'a + b', want character 5: 'b' is not a trigger; named triggers: a",
            id="formula of an unknown trigger",
        ),
        pytest.param(
            composed(formula="a"),
            "scaling-modifiers",
            "scalingModifiers.target: found nothing, want a number above 0, as there is a formula",
            id="formula without target",
        ),
        pytest.param(
            composed(formula="a", target="0"),
            "scaling-modifiers",
            "scalingModifiers.target: found '0', want above 0",
            id="formula with a target of 0",
        ),
        pytest.param(
            composed(target="1"),
            "scaling-modifiers",
            "scalingModifiers.formula: found nothing, want a formula, as there is a target",
            id="target without formula",
        ),
        pytest.param(
            scaled_object(
                fallback={"failureThreshold": 1, "replicas": 1, "behavior": "scalingModifiers"}
            ),
            "scaling-modifiers-fallback",
            "spec.fallback.behavior: found 'scalingModifiers', want another behavior",
            id="fallback of no formula",
        ),
        pytest.param(
            scaled_object("orders", pods_trigger(name="a"), pods_trigger("x", name="a")),
            "incorrect-triggers",
            "spec.triggers[1].name: found 'a', want a name that no other trigger has",
            id="same names",
        ),
        pytest.param(
            scaled_object("orders", CPU | {"useCachedMetrics": True}, minReplicaCount=1),
            "incorrect-triggers",
            (
                "spec.triggers[0].useCachedMetrics: found true, want false: a cpu trigger cannot "
                "be cached"
            ),
            id="cached cpu",
        ),
        pytest.param(
            scaled_object("orders", CPU, MEMORY),
            "scale-to-zero-requirements-not-met",
            (
                "spec.minReplicaCount: found 0, want at least 1, or a trigger of another type: cpu "
                "and memory cannot wake it from zero"
            ),
            id="cpu and memory from zero",
        ),
        pytest.param(
            scaled_object(LONG),
            "hpa-name-too-long",
            (
                f"spec.advanced.horizontalPodAutoscalerConfig.name: found 'keda-hpa-{LONG}', "
                "72 characters, want at most 63: a shorter name here or of the ScaledObject"
            ),
            id="name of the HPA",
        ),
    ],
)
def test_an_object_alone_is_refused(body: Json, label: str, text: str) -> None:
    assert label in labels(body)
    assert text in " ".join(told(body))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(scaled_object("orders", CPU, minReplicaCount=1), id="cpu from one"),
        pytest.param(scaled_object("orders", CPU, pods_trigger()), id="cpu and pods from zero"),
        pytest.param(
            scaled_object(
                LONG,
                scaleTargetRef={"name": "orders"},
                advanced={"horizontalPodAutoscalerConfig": {"name": "short"}},
            ),
            id="a short name of the HPA",
        ),
        pytest.param(
            scaled_object(
                "orders", CPU, pods_trigger(), fallback={"failureThreshold": 1, "replicas": 1}
            ),
            id="fallback beside cpu",
        ),
        pytest.param(scaled_object(minReplicaCount=2, idleReplicaCount=1), id="idle below min"),
        pytest.param(scaled_object(minReplicaCount=0, idleReplicaCount=0), id="idle 0 at min 0"),
    ],
)
def test_what_the_rules_allow(body: Json) -> None:
    assert labels(body) == []


@pytest.mark.parametrize(
    "body", [scaled_object(LONG), scaled_object("orders", CPU)], ids=["name of the HPA", "cpu"]
)
def test_what_slipped_past_can_be_scaled(body: Json) -> None:
    """As in KEDA, whose webhook may be away too."""
    assert decoded(body)[0] is not None


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        pytest.param({"cooldownPeriod": 9}, {"cooldownPeriod"}, id="cooldown"),
        pytest.param({"pollingInterval": 30}, {"pollingInterval"}, id="polling"),
        pytest.param({"pollingInterval": 5}, set(), id="polling that matters"),
        pytest.param({"cooldownPeriod": 9, "minReplicaCount": 0}, set(), id="to zero"),
        pytest.param({"cooldownPeriod": 9, "idleReplicaCount": 0}, set(), id="to idle"),
        pytest.param(
            {"pollingInterval": 30, "triggers": [pods_trigger(useCachedMetrics=True)]},
            set(),
            id="cached",
        ),
        pytest.param({}, set(), id="nothing set"),
    ],
)
def test_what_has_no_effect_is_a_warning(spec: Json, fields: set[str]) -> None:
    merged: Json = {"minReplicaCount": 1} | spec
    found = told(scaled_object(**merged))

    assert {text.split(":")[0].split(".")[1] for text in found} == fields
    assert all(text.startswith("warning ") for text in found)


def test_another_scaled_object_has_the_workload_or_the_hpa() -> None:
    config = {"horizontalPodAutoscalerConfig": {"name": "keda-hpa-first"}}
    first = scaled_object("first", scaleTargetRef={"name": "web"})
    second = scaled_object(scaleTargetRef={"name": "web", "apiVersion": "apps/v1beta2"})
    third = scaled_object(advanced=config)

    assert told(first, second) == [
        (
            "error spec.scaleTargetRef: found default/Deployment/web, want a target of its own: "
            "ScaledObject/first scales this one"
        )
    ]
    assert told(first, third) == [
        (
            "error spec.advanced.horizontalPodAutoscalerConfig.name: found 'keda-hpa-first', want "
            "a name of its own: ScaledObject/first has this HPA"
        )
    ]


def test_other_namespaces_and_kinds_are_no_rivals() -> None:
    first = scaled_object("first", scaleTargetRef={"name": "web"})
    elsewhere = scaled_object("orders", scaleTargetRef={"name": "web"})
    elsewhere["metadata"]["namespace"] = "other"
    other_kind = scaled_object(scaleTargetRef={"name": "web", "kind": "StatefulSet"})

    assert told(first, elsewhere, other_kind) == []


def test_a_foreign_hpa_has_the_workload() -> None:
    assert told(hpa(), scaled_object()) == [
        (
            "error spec.scaleTargetRef: found default/Deployment/orders, want a target that no HPA "
            "scales: HorizontalPodAutoscaler/web scales this one; delete it, or annotate it with "
            'validations.keda.sh/hpa-ownership: "false"'
        )
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(hpa(owner="orders"), id="its own"),
        pytest.param(hpa(**{"validations.keda.sh/hpa-ownership": "false"}), id="said not to count"),
        pytest.param(hpa(kind="StatefulSet"), id="of another workload"),
        pytest.param(hpa() | {"spec": {"scaleTargetRef": 5}}, id="that no API server would take"),
    ],
)
def test_an_hpa_that_is_in_nobodys_way(other: Json) -> None:
    assert told(other, scaled_object()) == []


def test_an_hpa_is_taken_over_by_its_name() -> None:
    wish = {ADOPT: "true"}
    named = {"horizontalPodAutoscalerConfig": {"name": "web"}}

    assert told(hpa(), annotated(scaled_object(advanced=named), **wish)) == []
    assert told(hpa(), annotated(scaled_object(), **wish)) == [
        (
            "error spec.advanced.horizontalPodAutoscalerConfig.name: found nothing, want 'web': "
            "the HPA of this workload is to be taken over, so name it"
        )
    ]


def test_a_container_without_requests() -> None:
    order = scaled_object("orders", CPU, MEMORY, minReplicaCount=1)

    assert told(order, deployment()) == [
        f"error spec.triggers[{index}]: found a {name} trigger, want container 'main' of "
        f"default/Deployment/orders to have a {name} request or limit, or a LimitRange that gives "
        "it one"
        for index, name in enumerate(["cpu", "memory"])
    ]


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([sized(requests={"cpu": "1"})], id="request"),
        pytest.param([sized(limits={"cpu": "1"})], id="limit"),
        pytest.param([deployment(), limit_range(default={"cpu": "1"})], id="default limit"),
        pytest.param(
            [deployment(), limit_range(defaultRequest={"cpu": "1"})], id="default request"
        ),
        pytest.param([], id="no workload at hand"),
        pytest.param([deployment("other")], id="another workload"),
    ],
)
def test_a_container_with_requests(bodies: list[Json]) -> None:
    assert told(*bodies, scaled_object("orders", CPU, minReplicaCount=1)) == []


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(limit_range(default={"memory": "1Gi"}), id="another resource"),
        pytest.param(limit_range(type="Pod", default={"cpu": "1"}), id="of pods"),
        pytest.param(limit_range("elsewhere", default={"cpu": "1"}), id="another namespace"),
    ],
)
def test_a_limit_range_that_gives_nothing(limits: Json) -> None:
    order = scaled_object("orders", CPU, minReplicaCount=1)

    assert len(told(deployment(), limits, order)) == 1


def test_only_the_container_that_is_measured_needs_a_request() -> None:
    body = sized(requests={"cpu": "1"})
    body["spec"]["template"]["spec"]["containers"].append({"name": "sidecar"})
    metadata = {"value": "50", "containerName": "main"}
    narrow = scaled_object("orders", CPU | {"metadata": metadata}, minReplicaCount=1)

    assert told(body, narrow) == []
    assert len(told(body, scaled_object("orders", CPU, minReplicaCount=1))) == 1


def test_a_formula_needs_no_targets_of_its_triggers() -> None:
    trigger = pods_trigger(name="a", metadata={"podSelector": "a=b"})
    modifiers = {"advanced": {"scalingModifiers": {"formula": "a", "target": "1"}}}

    assert told(scaled_object("orders", trigger, **modifiers)) == []
    assert "'value' is missing" in told(scaled_object("orders", trigger))[0]


def test_unknown_keys_are_refused_when_strict() -> None:
    order = scaled_object("orders", pods_trigger(metadata={"podSelector": "a=b", "vaule": "1"}))
    order["spec"]["triggers"][0]["metadata"]["value"] = "1"
    text = "spec.triggers[0].metadata.vaule: 'vaule' is not a key of this trigger; did you mean"

    assert told(order)[0].startswith(f"warning {text} 'value'?")
    assert told(order, strict=True)[0].startswith(f"error {text} 'value'?")


def test_odd_surroundings_are_read_as_far_as_they_go() -> None:
    assert containers_of({"spec": {"template": 5}}) == ()
    assert containers_of({"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}) == (
        Container("a", frozenset()),
    )
    assert defaulted_by([{"spec": {"limits": "x"}}, {}]) == frozenset()
    assert hpa_of({"metadata": {"name": "a"}}) == Hpa("a", Wanted("default", "", "", ""))
