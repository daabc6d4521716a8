"""What machines of AWS cost: the price list, the spot history and capacity reservations, as values.

Answers of AWS in, prices out; an entry that is not understood is passed over, as one that a newer
price list may bring. All prices are US dollars an hour for a Linux machine in the region at hand.

Pure. Source of the price list's form:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

LINUX = "Linux/UNIX"
LINUX_IN_VPC = "Linux/UNIX (Amazon VPC)"

_SHARED = (("tenancy", "Shared"), ("productFamily", "Compute Instance"))
_METAL = (("tenancy", "Dedicated"), ("productFamily", "Compute Instance (bare metal)"))


class _Dimension(msgspec.Struct, frozen=True, rename="camel"):
    price_per_unit: dict[str, str] = {}


class _Term(msgspec.Struct, frozen=True, rename="camel"):
    price_dimensions: dict[str, _Dimension] = {}


class _Terms(msgspec.Struct, frozen=True, rename="pascal"):
    on_demand: dict[str, _Term] = {}


class _Attributes(msgspec.Struct, frozen=True, rename="camel"):
    instance_type: str = ""


class _Product(msgspec.Struct, frozen=True):
    attributes: _Attributes = _Attributes()


class _Entry(msgspec.Struct, frozen=True):
    """The parts of one product of the price list that matter here."""

    product: _Product = _Product()
    terms: _Terms = _Terms()


@dataclass(frozen=True, slots=True)
class Reservation:
    """A capacity reservation that a Linux node may draw from; *count* machines are left of it."""

    id: str
    instance_type: str
    zone: str
    count: int


def price_filters(region: str) -> Iterator[list[dict[str, str]]]:
    """Filters of each GetProducts query: shared machines, and bare metal (sold as dedicated)."""
    common = (
        ("regionCode", region),
        ("operatingSystem", "Linux"),
        ("preInstalledSw", "NA"),
        ("capacitystatus", "Used"),
        ("marketoption", "OnDemand"),
    )
    for more in (_SHARED, _METAL):
        yield [
            {"Field": field, "Type": "TERM_MATCH", "Value": value}
            for field, value in (*common, *more)
        ]


def on_demand(entries: Iterable[str]) -> dict[str, float]:
    """Price of each type; of several prices the highest, since the others are discounts.

    Args:
        entries: the JSON texts of GetProducts' ``PriceList``.
    """
    found: dict[str, float] = {}
    for text in entries:
        for name, usd in _priced(text):
            found[name] = max(usd, found.get(name, 0.0))
    return found


def _priced(text: str) -> Iterator[tuple[str, float]]:
    try:
        entry = msgspec.json.decode(text, type=_Entry)
    except msgspec.DecodeError:
        return
    name = entry.product.attributes.instance_type
    for term in entry.terms.on_demand.values():
        for dimension in term.price_dimensions.values():
            usd = _usd(dimension.price_per_unit.get("USD", ""))
            if name and usd is not None:
                yield name, usd


def spot(history: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """The latest price of each type and zone, from DescribeSpotPriceHistory's records."""
    latest: dict[tuple[str, str], tuple[datetime, float]] = {}
    for record in history:
        usd = _usd(record.get("SpotPrice", ""))
        if usd is None or record.get("ProductDescription") not in {LINUX, LINUX_IN_VPC}:
            continue
        key = record["InstanceType"], record.get("AvailabilityZone", "")
        latest[key] = max((record["Timestamp"], usd), latest.get(key, (record["Timestamp"], usd)))
    return {key: usd for key, (_, usd) in latest.items()}


def reservations(
    answers: Iterable[Mapping[str, Any]], zones: Mapping[str, str]
) -> tuple[Reservation, ...]:
    """Active reservations for ordinary Linux machines, by their ids.

    Those on an outpost or in a placement group are passed over: a plan says neither.

    Args:
        answers: DescribeCapacityReservations' records.
        zones: the name of each zone by its id, for records that give only the id.
    """
    return tuple(
        sorted(
            (
                Reservation(
                    record["CapacityReservationId"],
                    record["InstanceType"],
                    record.get("AvailabilityZone") or zones.get(record["AvailabilityZoneId"], ""),
                    record.get("AvailableInstanceCount", 0),
                )
                for record in answers
                if _is_plain(record)
            ),
            key=lambda each: each.id,
        )
    )


def _is_plain(record: Mapping[str, Any]) -> bool:
    return (
        record.get("State") == "active"
        and record.get("InstancePlatform") in {LINUX, LINUX_IN_VPC}
        and record.get("Tenancy", "default") == "default"
        and not record.get("OutpostArn")
        and not record.get("PlacementGroupArn")
    )


def _usd(text: str) -> float | None:
    """A price above nothing; free entries are those of another account's capacity.

    >>> _usd("0.0960000000"), _usd("0.0000000000"), _usd("n/a"), _usd("nan"), _usd("inf")
    (0.096, None, None, None, None)
    """
    try:
        usd = float(text)
    except ValueError:
        return None
    return usd if 0 < usd < float("inf") else None
