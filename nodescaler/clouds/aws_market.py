"""The answers of AWS, put together: each machine with its offerings, and what is missing.

Pure: the calls are in `aws_catalogue`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nodescaler.clouds.aws_prices import Reservation
from nodescaler.clouds.aws_types import instance_type
from nodescaler.clouds.catalogue import ON_DEMAND, REGION_NAME, SPOT, builtin
from nodescaler.core.model import InstanceType, Offering

RESERVED = "reserved"
# A reserved machine is paid for already; this share of its price keeps such machines in order.
RESERVED_PARTS = 10_000_000
NAMED = 5  # types that a note names


@dataclass(frozen=True, slots=True)
class Market:
    """What a region sells.

    Attributes:
        infos: DescribeInstanceTypes' records.
        zones: those that are open to the account; what is sold elsewhere is passed over.
        sold: pairs of a type's name and a zone.
        on_demand: by type, dollars an hour.
        spot: the same by type and zone.
    """

    region: str
    infos: Sequence[Mapping[str, Any]] = ()
    zones: frozenset[str] = frozenset()
    sold: Sequence[tuple[str, str]] = ()
    on_demand: Mapping[str, float] = field(default_factory=dict)
    spot: Mapping[tuple[str, str], float] = field(default_factory=dict)
    reservations: Sequence[Reservation] = ()


@dataclass(frozen=True, slots=True)
class LiveCatalogue:
    """What a region sells, as planning reads it.

    Attributes:
        types: by name; each has an offering.
        notes: what is missing or stands in for something else, one sentence each.
    """

    region: str
    types: tuple[InstanceType, ...]
    notes: tuple[str, ...] = ()


def assembled(market: Market) -> LiveCatalogue:
    """Every machine that Linux nodes can run on and that has a price, with its offerings."""
    places: dict[str, list[str]] = {}
    for name, zone in sorted(set(market.sold)):
        if zone in market.zones:
            places.setdefault(name, []).append(zone)
    kinds, usages = _kinds(market), _usages(market)
    wanted = {name for name in kinds if name in places and ON_DEMAND in usages[name]}
    stood_in = _standing_in(wanted - market.on_demand.keys())
    prices = {**stood_in, **market.on_demand}
    priced = replace(market, on_demand=prices)
    types = [
        replace(kind, offerings=tuple(_offerings(priced, name, places[name], usages[name])))
        for name, kind in sorted(kinds.items())
        if name in places
    ]
    return LiveCatalogue(
        market.region,
        tuple(each for each in types if each.offerings),
        tuple(_notes(stood_in.keys(), wanted - prices.keys())),
    )


def _kinds(market: Market) -> dict[str, InstanceType]:
    read = (instance_type(info, market.region) for info in market.infos)
    return {kind.name: kind for kind in read if kind is not None}


def _usages(market: Market) -> dict[str, frozenset[str]]:
    """How each type can be bought."""
    return {
        info["InstanceType"]: frozenset(info.get("SupportedUsageClasses", ()))
        for info in market.infos
    }


def _standing_in(names: set[str]) -> dict[str, float]:
    """Prices of the built-in table for those of *names* that it has."""
    return {
        each.name: offering.usd_per_hour
        for each in builtin()
        if each.name in names
        for offering in each.offerings[:1]  # all zones have the same on-demand price
    }


def _offerings(
    market: Market, name: str, zones: Sequence[str], usages: frozenset[str]
) -> Iterator[Offering]:
    usual = market.on_demand.get(name)
    for zone in zones:
        if usual is not None and ON_DEMAND in usages:
            yield Offering(zone, ON_DEMAND, usual)
        spot = market.spot.get((name, zone))
        if spot is not None and SPOT in usages:
            yield Offering(zone, SPOT, spot)
    for each in market.reservations:
        if each.instance_type == name and each.zone in zones:
            yield Offering(
                each.zone,
                RESERVED,
                (usual or 0.0) / RESERVED_PARTS,
                available=each.count > 0,
                reservation=each.id,
                count=each.count,
            )


def _notes(stood_in: Collection[str], unpriced: Collection[str]) -> Iterator[str]:
    if stood_in:
        yield (
            f"the on-demand price of {_named(stood_in)} is that of the built-in table "
            f"({REGION_NAME})"
        )
    if unpriced:
        yield f"no on-demand price is known of {_named(unpriced)}, not offered on demand"


def _named(names: Collection[str]) -> str:
    """A count of types and the first of them.

    >>> _named({"c5.large", "a1.large"}), _named({f"m{n}.large" for n in range(7)})[:28]
    ('2 types (a1.large, c5.large)', '7 types (m0.large, m1.large,')
    """
    ordered = sorted(names)
    rest = ", ..." if len(ordered) > NAMED else ""
    count = f"{len(ordered)} types" if len(ordered) != 1 else "1 type"
    return f"{count} ({', '.join(ordered[:NAMED])}{rest})"
