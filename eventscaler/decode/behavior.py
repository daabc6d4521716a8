"""`horizontalPodAutoscalerConfig.behavior`, with the defaults that the API server would fill in.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
"""

from __future__ import annotations

from datetime import timedelta

from eventscaler.core.behavior import UP_POLICIES, Behavior, Policy, Rules, Select, Unit
from eventscaler.decode.node import Node
from kube.values import quantity

LONGEST_WINDOW_S = 3600
LONGEST_PERIOD_S = 1800
TOLERANCE = 0.1


def behavior(node: Node) -> Behavior:
    up = _rules(node, "scaleUp", UP_POLICIES)
    down = _rules(node, "scaleDown", ())
    node.unknown()
    return Behavior(up=up, down=down)


def _rules(node: Node, key: str, default: tuple[Policy, ...]) -> Rules:
    if not node.has(key):
        return Rules()
    rules = node.child(key)
    window = rules.optional_whole("stabilizationWindowSeconds", at_most=LONGEST_WINDOW_S)
    found = Rules(
        tolerance=_tolerance(rules),
        window=None if window is None else timedelta(seconds=window),
        policies=tuple(_policy(item) for item in rules.children("policies")) or default,
        select=Select(rules.text("selectPolicy", Select.MAX, of=tuple(Select))),
    )
    rules.unknown()
    return found


def _policy(node: Node) -> Policy:
    unit = Unit(node.text("type", Unit.PODS, required=True, of=tuple(Unit)))
    value = node.whole("value", 1, at_least=1, required=True)
    period = node.whole("periodSeconds", 1, at_least=1, at_most=LONGEST_PERIOD_S, required=True)
    node.unknown()
    return Policy(unit, value, timedelta(seconds=period))


def _tolerance(rules: Node) -> float:
    found = rules.raw("tolerance")
    if found is None:
        return TOLERANCE
    want = 'a quantity of at least 0, such as "0.05"'
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        rules.fault("tolerance", found, want)
        return TOLERANCE
    try:
        value = quantity.parse(str(found)).nano / quantity.NANO
    except ValueError:
        rules.fault("tolerance", found, want)
        return TOLERANCE
    if value < 0:
        rules.fault("tolerance", found, want)
    return value
