"""`scalingModifiers` and `fallback` as written."""

from __future__ import annotations

import pytest

from eventscaler.core.model import Fallback, FallbackBehavior, MetricType
from eventscaler.decode import ScaledObject, scaled_object
from kube.client import Json
from tests.eventscaler import manifests

CPU = {"type": "cpu", "name": "load", "metricType": "Utilization", "metadata": {"value": "50"}}
NAMED = (manifests.pods_trigger(name="a"), manifests.pods_trigger(name="b"))


def made(*triggers: Json, **spec: object) -> ScaledObject:
    order, faults = scaled_object(manifests.scaled_object("orders", *triggers, **spec))

    assert faults == ()
    assert order is not None
    return order


def modifiers(**fields: str) -> Json:
    return {"advanced": {"scalingModifiers": fields}}


def test_every_field_of_the_modifiers_is_read() -> None:
    spec = modifiers(
        formula="(a + b) / 2", target="2.5", activationTarget="0.5", metricType="Value"
    )
    composite = made(*NAMED, **spec).settings.composite

    assert composite is not None
    assert (composite.formula.text, composite.formula.names) == ("(a + b) / 2", frozenset("ab"))
    assert (composite.target, composite.activation) == (2.5, 0.5)
    assert composite.metric_type is MetricType.VALUE


def test_cpu_can_stand_in_a_formula() -> None:
    composite = made(*NAMED, CPU, **modifiers(formula="a + load", target="1")).settings.composite

    assert composite is not None
    assert composite.formula.names == {"a", "load"}


@pytest.mark.parametrize("behavior", FallbackBehavior)
def test_every_field_of_the_fallback_is_read(behavior: FallbackBehavior) -> None:
    fields = {"failureThreshold": 3, "replicas": 6, "behavior": behavior.value}
    spec = modifiers(formula="a", target="1") | {"fallback": fields}

    assert made(*NAMED, **spec).settings.fallback == Fallback(3, 6, behavior)


def test_a_fallback_is_static_unless_said_otherwise() -> None:
    order = made(*NAMED, fallback={"failureThreshold": 3, "replicas": 6})

    assert order.settings.fallback == Fallback(3, 6, FallbackBehavior.STATIC)


@pytest.mark.parametrize(
    ("triggers", "spec", "message"),
    [
        (NAMED, modifiers(formula="a + c", target="1"),
         "spec.advanced.scalingModifiers.formula: found 'a + c', want "),
        (NAMED, modifiers(formula="a +", target="1"),
         "spec.advanced.scalingModifiers.formula: found 'a +', want "),
        (NAMED, modifiers(formula="a"),
         ("spec.advanced.scalingModifiers.target: found nothing, "
         "want a number above 0, as there is a formula")),
        (NAMED, modifiers(formula="a", target="0"),
         "spec.advanced.scalingModifiers.target: found '0', want above 0"),
        (NAMED, modifiers(formula="a", target="many"),
         "spec.advanced.scalingModifiers.target: found 'many', want a number in quotes"),
        (NAMED, modifiers(formula="a", target="inf"),
         "spec.advanced.scalingModifiers.target: found 'inf', want a number in quotes"),
        (NAMED, modifiers(formula="a", target="1", metricType="Utilization"),
         ("spec.advanced.scalingModifiers.metricType: found 'Utilization', "
         "want one of AverageValue, Value")),
        (NAMED, {"fallback": {"failureThreshold": 3, "replicas": 6, "behavior": "best"}},
         "spec.fallback.behavior: found 'best', want one of static, currentReplicas"),
        (NAMED, {"fallback": {"failureThreshold": 3, "replicas": 6,
                              "behavior": "scalingModifiers"}},
         ("spec.fallback.behavior: found 'scalingModifiers', want another behavior: "
         "there is no formula")),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_what_would_do(
    triggers: tuple[Json, ...], spec: Json, message: str
) -> None:
    order, faults = scaled_object(manifests.scaled_object("orders", *triggers, **spec))

    assert order is None
    assert str(faults[0]).startswith(message)


def test_a_formula_that_is_wrong_is_one_fault() -> None:
    fallback = {"failureThreshold": 3, "replicas": 6, "behavior": "scalingModifiers"}
    spec = modifiers(formula="a + c", target="1") | {"fallback": fallback}

    assert len(scaled_object(manifests.scaled_object("orders", *NAMED, **spec))[1]) == 1
