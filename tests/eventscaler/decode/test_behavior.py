"""`behavior` as written, with the defaults of the API server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventscaler.core.behavior import UP_POLICIES, Behavior, Policy, Rules, Select, Unit
from eventscaler.core.faults import Fault
from eventscaler.decode import scaled_object
from kube.client import Json
from tests.eventscaler import manifests


def read(behavior: Json) -> tuple[Behavior | None, tuple[Fault, ...]]:
    config = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
    order, faults = scaled_object(manifests.scaled_object(advanced=config))
    return (order.settings.behavior if order else None), faults


def test_every_field_is_read() -> None:
    minute = timedelta(seconds=60)
    rules = {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Min",
        "tolerance": "50m",
        "policies": [
            {"type": "Pods", "value": 2, "periodSeconds": 60},
            {"type": "Percent", "value": 10, "periodSeconds": 1800},
        ],
    }
    policies = (Policy(Unit.PODS, 2, minute), Policy(Unit.PERCENT, 10, 30 * minute))
    expected = Rules(0.05, timedelta(0), policies, Select.MIN)

    assert read({"scaleUp": rules, "scaleDown": rules}) == (Behavior(expected, expected), ())


def test_what_is_not_written_bounds_nothing() -> None:
    assert read({}) == (Behavior(), ())


def test_a_direction_without_policies_has_those_of_the_hpa() -> None:
    behavior, _ = read({"scaleUp": {"stabilizationWindowSeconds": 9}, "scaleDown": {}})

    assert behavior is not None
    assert behavior.up == Rules(window=timedelta(seconds=9), policies=UP_POLICIES)
    assert behavior.down == Rules()  # all replicas each 15 s is no bound


PATH = "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"stabilizationWindowSeconds": 3601},
         ".stabilizationWindowSeconds: found 3601, want at most 3600"),
        ({"stabilizationWindowSeconds": -1},
         ".stabilizationWindowSeconds: found -1, want at least 0"),
        ({"selectPolicy": "Most"}, ".selectPolicy: found 'Most', want one of Max, Min, Disabled"),
        ({"tolerance": "wide"}, ".tolerance: found 'wide', want a quantity of at least 0"),
        ({"tolerance": -0.1}, ".tolerance: found -0.1, want a quantity of at least 0"),
        ({"tolerance": True}, ".tolerance: found true, want a quantity of at least 0"),
        ({"policies": [{"type": "Pod", "value": 1, "periodSeconds": 1}]},
         ".policies[0].type: found 'Pod', want one of Pods, Percent; did you mean 'Pods'?"),
        ({"policies": [{"type": "Pods", "value": 0, "periodSeconds": 1}]},
         ".policies[0].value: found 0, want at least 1"),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]},
         ".policies[0].periodSeconds: found 1801, want at most 1800"),
        ({"policies": [{"type": "Pods", "value": 1}]},
         ".policies[0].periodSeconds: found nothing, want a whole number"),
        ({"window": 1}, ".window: found 'window', want a field of this object"),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_and_what_would_do(rules: Json, message: str) -> None:
    behavior, faults = read({"scaleDown": rules})

    assert behavior is None
    assert next(str(fault) for fault in faults).startswith(PATH + message)
