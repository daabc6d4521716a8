"""Which machine to buy, and how amounts and taints are written in a Node: what clouds share.

Pure. Ties are broken by name, so that asking again chooses the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nodescaler.core.labels import Requirements
from nodescaler.core.model import InstanceType, Offering
from nodescaler.core.resources import CPU, Resources, fits
from nodescaler.core.taints import Taint

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """One type, bought one way."""

    type: InstanceType
    offering: Offering

    @property
    def labels(self) -> dict[str, str]:
        return self.type.labels_of(self.offering)


def cheapest(
    types: Sequence[InstanceType], requirements: Requirements, requests: Resources
) -> Offer | None:
    """The cheapest offer that can be had, is allowed, and is large enough.

    Requirements on labels that the machine itself does not decide (a pool's own, which the Node
    gets from its claim) do not refuse it.
    """
    found = (
        Offer(each, offering)
        for each in types
        if fits(requests, each.allocatable)
        for offering in each.offerings
        if offering.available and is_accepted(each.labels_of(offering), requirements)
    )
    return min(found, key=_price_then_name, default=None)


def less_used(types: Iterable[InstanceType], used: Mapping[str, int]) -> tuple[InstanceType, ...]:
    """The types with what is left of their reservations; one that is used up cannot be had.

    Args:
        types: with the whole of each reservation as its offerings' count.
        used: for each reservation, how many machines hold a part of it.
    """
    return tuple(
        replace(each, offerings=tuple(_less_used(o, used) for o in each.offerings))
        if any(o.count is not None for o in each.offerings)
        else each
        for each in types
    )


def _less_used(offering: Offering, used: Mapping[str, int]) -> Offering:
    if offering.count is None:
        return offering
    left = max(offering.count - used.get(offering.reservation, 0), 0)
    return replace(offering, count=left, available=offering.available and left > 0)


def is_accepted(labels: Mapping[str, str], requirements: Requirements) -> bool:
    """Whether a machine with these labels meets the demands that concern machines."""
    return all(labels[key] in allowed for key, allowed in requirements.items() if key in labels)


def _price_then_name(offer: Offer) -> tuple[float, str, str, str]:
    bought = offer.offering
    return (bought.usd_per_hour, offer.type.name, bought.zone, bought.capacity_type)


def quantities(amounts: Resources) -> dict[str, str]:
    """Amounts as a manifest writes them.

    >>> quantities({"cpu": 1500, "memory": 1024})
    {'cpu': '1500m', 'memory': '1024'}
    """
    return {name: f"{v}m" if name == CPU else str(v) for name, v in sorted(amounts.items())}


def taints_json(taints: Iterable[Taint]) -> list[Json]:
    """Taints as a manifest writes them; an empty value is left out."""
    return [
        {"key": t.key, "effect": t.effect} | ({"value": t.value} if t.value else {}) for t in taints
    ]
