"""`scalingModifiers`: one reading computed from the others by a formula.

    every trigger answers           the formula's value
    one that it names does not      blind; with `??` too, unless the manifest says that the formula
                                    is to know: fallback.behavior scalingModifiers
    ... and failed too often        the fallback's count; or, with behavior scalingModifiers, nil in
                                    the formula, and the fallback's count when all of it is nil

Triggers that feed the formula have no vote of their own; cpu and memory that it does not name keep
theirs.

Pure. Source: https://keda.sh/docs/latest/concepts/scaling-deployments/#scaling-modifiers
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eventscaler.core.fallback import Failures, is_due
from eventscaler.core.formula import FormulaError
from eventscaler.core.model import COMPOSITE, Composite, Fallback, FallbackBehavior, Reading


@dataclass(frozen=True, slots=True)
class Composed:
    """What is left to vote.

    Attributes:
        readings: the computed one first, then those beside the formula.
        inputs: those that it stands for.
        failed: the fallback speaks for the formula.
    """

    readings: tuple[Reading, ...]
    inputs: tuple[Reading, ...] = ()
    failed: bool = False


def composed(
    readings: Sequence[Reading],
    composite: Composite,
    failures: Failures,
    fallback: Fallback | None,
) -> Composed:
    """Compute *composite* from *readings*."""
    beside = tuple(
        reading
        for reading in readings
        if reading.passive and reading.trigger not in composite.formula.names
    )
    inputs = tuple(reading for reading in readings if reading not in beside)
    named = [read for read in inputs if read.trigger in composite.formula.names]
    due = [read for read in named if is_due(read, failures, fallback)]
    aware = fallback is not None and fallback.behavior is FallbackBehavior.SCALING_MODIFIERS
    silent = [read for read in named if read.value is None]
    if due and not aware:
        return Composed((_reading(composite, None), *beside), inputs, failed=True)
    if len(silent) > len(due):
        return Composed((_reading(composite, None), *beside), inputs)
    try:
        value = composite.formula.evaluate({read.trigger: read.value for read in named})
    except FormulaError as error:
        return Composed((_reading(composite, None, str(error)), *beside), inputs)
    if value is None:
        reading = _reading(composite, None, "" if due else "the formula gave nil")
        return Composed((reading, *beside), inputs, failed=bool(due))
    return Composed((_reading(composite, value), *beside), inputs)


def _reading(composite: Composite, value: float | None, error: str = "") -> Reading:
    return Reading(
        trigger=COMPOSITE,
        metric=COMPOSITE,
        value=value,
        target=composite.target,
        metric_type=composite.metric_type,
        activation=composite.activation,
        error=error,
    )
