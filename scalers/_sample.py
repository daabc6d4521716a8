"""One reading of a trigger. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kube.values.usage import PodUsage


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading.

    Args:
        value: compared with the target.
        activation_value: compared with the activation threshold; None: `value` is.
        active: the scaler's own verdict; None: active when strictly above the threshold.
        usage: what `value` was computed from, where the count needs more than one number.
    """

    value: float
    activation_value: float | None = None
    active: bool | None = None
    usage: PodUsage | None = None
