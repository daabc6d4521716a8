"""`scalingModifiers` and `fallback`: what may stand between readings and votes.

Source: https://keda.sh/docs/latest/reference/scaledobject-spec/
"""

from __future__ import annotations

from collections.abc import Sequence

from eventscaler.core import formula
from eventscaler.core.formula import FormulaError
from eventscaler.core.model import Composite, Fallback, FallbackBehavior, MetricType
from eventscaler.decode.node import Node

METRIC_TYPES = (MetricType.AVERAGE_VALUE, MetricType.VALUE)


def composite(node: Node, names: Sequence[str]) -> Composite | None:
    """The formula over the triggers of these *names*, with its target; None where there is none."""
    text = node.text("formula")
    target = node.number("target", above=0)
    activation = node.number("activationTarget")
    kind = node.text("metricType", MetricType.AVERAGE_VALUE, of=METRIC_TYPES)
    node.unknown()
    if not text:
        if node.has("target"):
            node.fault("formula", None, "a formula, as there is a target")
        return None
    if not node.has("target"):
        node.fault("target", None, "a number above 0, as there is a formula")
    try:
        compiled = formula.parse(text, names)
    except FormulaError as error:
        node.fault("formula", text, str(error))
        return None
    return Composite(
        formula=compiled,
        target=target or 1.0,
        activation=activation or 0.0,
        metric_type=MetricType(kind),
    )


def fallback(spec: Node, *, composed: bool) -> Fallback | None:
    """What speaks for failing triggers; *composed* says that there is a formula."""
    if not spec.has("fallback"):
        return None
    node = spec.child("fallback")
    threshold = node.whole("failureThreshold", 0, required=True)
    replicas = node.whole("replicas", 0, required=True)
    behavior = node.text("behavior", FallbackBehavior.STATIC, of=tuple(FallbackBehavior))
    node.unknown()
    if behavior == FallbackBehavior.SCALING_MODIFIERS and not composed:
        want = "another behavior: there is no formula that could do without a trigger"
        node.fault("behavior", behavior, want)
    return Fallback(threshold, replicas, FallbackBehavior(behavior))
