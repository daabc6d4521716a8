"""The HPA's behavior, said once more and naively: everything is kept, everything is looked through.

From the documentation alone, and without the care for memory that `eventscaler.core` takes, so that
the two are unlikely to be wrong together. Both directions must be written out in the manifest.

Source:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any

Json = dict[str, Any]

UNWRITTEN_UP: Json = {
    "stabilizationWindowSeconds": 0,
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
UNWRITTEN_DOWN: Json = {
    "stabilizationWindowSeconds": 300,
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


@dataclass(slots=True)
class Memory:
    """Times are in seconds."""

    wanted: list[tuple[float, int]] = field(default_factory=list)
    moves: list[tuple[float, int]] = field(default_factory=list)

    def step(
        self, behavior: Json, current: int, wanted: int, limits: tuple[int, int], now: float
    ) -> int:
        """The count to ask for; what was done is remembered."""
        up, down = UNWRITTEN_UP | behavior["scaleUp"], UNWRITTEN_DOWN | behavior["scaleDown"]
        if not self.wanted:
            self.wanted.append((now, current))
        lowest = min([wanted, *self._wanted_in(up, now)])
        highest = max([wanted, *self._wanted_in(down, now)])
        self.wanted.append((now, wanted))
        stable = min(max(current, lowest), highest)
        if stable > current:
            asked = min(stable, limits[1], max(current, self._bound(up, 1, current, now)))
        elif stable < current:
            asked = max(stable, limits[0], min(current, self._bound(down, -1, current, now)))
        else:
            asked = stable
        if asked != current:
            self.moves.append((now, asked - current))
        return asked

    def _wanted_in(self, rules: Json, now: float) -> list[int]:
        window = rules["stabilizationWindowSeconds"]
        return [count for at, count in self.wanted if at > now - window]

    def _bound(self, rules: Json, sign: int, current: int, now: float) -> int:
        """How far the policies let a count go up (*sign* 1) or down (-1)."""
        select = rules.get("selectPolicy", "Max")
        if select == "Disabled":
            return current
        bounds = [self._allowed(policy, sign, current, now) for policy in rules["policies"]]
        farthest = (select == "Max") == (sign > 0)
        return max(bounds) if farthest else min(bounds)

    def _allowed(self, policy: Json, sign: int, current: int, now: float) -> int:
        period, value = policy["periodSeconds"], policy["value"]
        begun_with = current - sum(by for at, by in self.moves if at > now - period)
        if policy["type"] == "Pods":
            return begun_with + sign * int(value)
        exact = begun_with * (1 + sign * Fraction(value, 100))
        return ceil(exact) if sign > 0 else floor(exact)
