"""The live catalogue over real HTTP: against moto alone, and against a server with prices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from nodescaler.clouds.aws_calls import Access
from nodescaler.clouds.aws_catalogue import live_catalogue
from nodescaler.clouds.aws_market import LiveCatalogue
from nodescaler.clouds.base import CloudError, Denied
from nodescaler.clouds.catalogue import builtin
from nodescaler.core.model import Offering
from tests.nodescaler.clouds.aws_server import AwsServer, aws_server, product
from tests.nodescaler.clouds.test_aws_prices import record, reserved
from tests.nodescaler.clouds.test_aws_types import Machines
from tests.services.moto import Moto

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
A, B = "us-east-1a", "us-east-1b"
SOLD = {"m5.large": (A, B), "m5.metal": (B,), "c5n.large": (A,)}

pytestmark = pytest.mark.usefixtures("identity")


def once(url: str) -> Access:
    return Access(endpoint=url, timeout_s=30, attempts=1)


async def read(server: AwsServer, region: str | None = "us-east-1") -> LiveCatalogue:
    return await live_catalogue(region, now=NOON, access=once(server.url))


@pytest.fixture
async def shop(moto: Moto, machines: Machines) -> AsyncIterator[AwsServer]:
    """A region of three machines, with prices of our own; its zones are moto's."""
    async with aws_server(moto.url) as server:
        server.records = {
            "DescribeInstanceTypes": [machines[name] for name in SOLD],
            "DescribeInstanceTypeOfferings": [
                {"InstanceType": name, "LocationType": "availability-zone", "Location": zone}
                for name, zones in SOLD.items()
                for zone in zones
            ],
            "DescribeSpotPriceHistory": [record("0.0411"), record("0.0399", -2)],
            "DescribeCapacityReservations": [reserved()],
        }
        server.products = [
            product("m5.large", "0.0960000000"),
            product("m5.large", "0.1880000000", operatingSystem="Windows"),
            product("m5.large", "0.1040000000", tenancy="Dedicated"),
            product("m5.large", "0.5760000000", preInstalledSw="SQL Std"),
            product("m5.large", "0.1070000000", region="eu-west-1"),
            product("m5.large", "0.0960000000", capacitystatus="UnusedCapacityReservation"),
            product("c5n.large", "0.1080000000"),
            product(
                "m5.metal",
                "4.6080000000",
                tenancy="Dedicated",
                productFamily="Compute Instance (bare metal)",
            ),
        ]
        yield server


async def test_everything_that_a_region_says_is_in_the_offerings(shop: AwsServer) -> None:
    found = await read(shop)

    assert (found.region, found.notes) == ("us-east-1", ())
    assert {each.name: each.offerings for each in found.types} == {
        "c5n.large": (Offering(A, "on-demand", 0.108),),
        "m5.large": (
            Offering(A, "on-demand", 0.096),
            Offering(A, "spot", 0.0411),
            Offering(B, "on-demand", 0.096),
            Offering(A, "reserved", 0.096 / 10_000_000, reservation="cr-1", count=3),
        ),
        "m5.metal": (Offering(B, "on-demand", 4.608),),
    }


async def test_only_the_present_is_asked_for(shop: AwsServer) -> None:
    await read(shop)

    (spot,) = shop.arguments("DescribeSpotPriceHistory")
    assert spot["StartTime"] == "2026-11-27T12:00:00Z"
    assert spot["ProductDescription.1"] == "Linux/UNIX"
    (capacity,) = shop.arguments("DescribeCapacityReservations")
    assert (capacity["Filter.1.Name"], capacity["Filter.1.Value.1"]) == ("state", "active")
    (offers,) = shop.arguments("DescribeInstanceTypeOfferings")
    assert offers["LocationType"] == "availability-zone"


async def test_all_pages_are_read(shop: AwsServer, machines: Machines) -> None:
    """As many as a real region has: the service gives 100 machines and 100 prices at a time."""
    names = sorted(machines)
    shop.records["DescribeInstanceTypes"] = [machines[name] for name in names]
    shop.records["DescribeInstanceTypeOfferings"] = [
        {"InstanceType": name, "Location": A} for name in names
    ]
    shop.records["DescribeSpotPriceHistory"] = [
        record("0.5", InstanceType=name, AvailabilityZone=zone) for name in names for zone in (A, B)
    ]
    shop.records["DescribeCapacityReservations"] = [
        reserved(CapacityReservationId=f"cr-{n:04}") for n in range(1500)
    ]
    shop.products = [product(name, "1.5") for name in names]
    found = await read(shop)

    assert found.notes == ()
    assert len(found.types) == 1386  # all but the Macs
    large = next(each for each in found.types if each.name == "m5.large")
    assert len(large.offerings) == 2 + 1500
    calls = {name: len(shop.arguments(name)) for name, _ in shop.asked}
    assert calls == {
        "DescribeAvailabilityZones": 1,
        "DescribeInstanceTypes": 14,
        "DescribeInstanceTypeOfferings": 2,
        "DescribeSpotPriceHistory": 3,
        "DescribeCapacityReservations": 2,
        "GetProducts": 14 + 1,
    }


async def test_without_the_price_list_the_built_in_table_stands_in(shop: AwsServer) -> None:
    shop.refusals["GetProducts"] = (400, "AccessDeniedException")
    found = await read(shop)

    assert found.notes == (
        (
            "no on-demand prices: pricing:GetProducts: AWS answered AccessDeniedException; "
            "allow pricing:GetProducts to the identity in use"
        ),
        "the on-demand price of 1 type (m5.large) is that of the built-in table (us-east-1)",
        "no on-demand price is known of 2 types (c5n.large, m5.metal), not offered on demand",
    )
    (large,) = found.types
    assert [(o.zone, o.capacity_type, o.usd_per_hour) for o in large.offerings][:3] == [
        (A, "on-demand", 0.096),
        (A, "spot", 0.0411),
        (B, "on-demand", 0.096),
    ]


@pytest.mark.parametrize(
    ("action", "lost", "note"),
    [
        pytest.param("DescribeSpotPriceHistory", "spot", "no spot prices", id="spot prices"),
        pytest.param(
            "DescribeCapacityReservations", "reserved", "no reserved capacity", id="reservations"
        ),
    ],
)
async def test_what_may_not_be_asked_costs_its_offerings_only(
    shop: AwsServer, action: str, lost: str, note: str
) -> None:
    shop.refusals[action] = (403, "UnauthorizedOperation")
    found = await read(shop)

    ways = {each.capacity_type for kind in found.types for each in kind.offerings}
    assert ways == {"on-demand", "spot", "reserved"} - {lost}
    assert found.notes == (
        (
            f"{note}: ec2:{action}: AWS answered UnauthorizedOperation; "
            f"allow ec2:{action} to the identity in use"
        ),
    )


@pytest.mark.parametrize(
    "action",
    ["DescribeInstanceTypes", "DescribeInstanceTypeOfferings", "DescribeAvailabilityZones"],
)
async def test_machines_that_may_not_be_listed_are_no_catalogue(
    shop: AwsServer, action: str
) -> None:
    shop.refusals[action] = (403, "UnauthorizedOperation")

    with pytest.raises(Denied, match=f"ec2:{action}: AWS answered UnauthorizedOperation"):
        await read(shop)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"State": "unavailable"}, id="closed"),
        pytest.param({"ZoneType": "local-zone"}, id="a local zone"),
    ],
)
async def test_zones_that_do_not_count(shop: AwsServer, change: dict[str, Any]) -> None:
    zones = [
        {
            "ZoneName": A,
            "ZoneId": "use1-az6",
            "ZoneType": "availability-zone",
            "State": "available",
        },
        {"ZoneName": B, "ZoneId": "use1-az1", "ZoneType": "availability-zone", "State": "available"}
        | change,
    ]
    shop.records["DescribeAvailabilityZones"] = zones
    found = await read(shop)

    assert {each.zone for kind in found.types for each in kind.offerings} == {A}


async def test_a_region_that_sells_nothing(shop: AwsServer) -> None:
    shop.records["DescribeInstanceTypeOfferings"] = []

    with pytest.raises(CloudError, match="AWS: no machine with a price in us-east-1"):
        await read(shop)


async def test_the_same_answers_make_the_same_catalogue(shop: AwsServer) -> None:
    first = await read(shop)
    for action, records in shop.records.items():
        shop.records[action] = list(reversed(records))
    shop.products.reverse()

    assert await read(shop) == first


async def test_all_is_asked_at_once_and_given_up_at_once(shop: AwsServer) -> None:
    """While one call hangs the others are asked all the same, and a cancellation waits for none."""
    shop.awaited = frozenset({*shop.records, "DescribeAvailabilityZones", "GetProducts"})
    shop.held = {action: asyncio.Event() for action in shop.awaited}
    reading = asyncio.ensure_future(read(shop))
    await shop.arrived.wait()
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    for event in shop.held.values():
        event.set()


async def test_the_whole_of_a_region_that_moto_knows(moto: Moto) -> None:
    """Nothing but moto: no price list and no reservations there, so the table's prices stand in."""
    found = await live_catalogue("us-east-1", now=NOON, access=once(moto.url))

    by_name = {each.name: each for each in found.types}
    table = {each.name: each for each in builtin()}
    assert table.keys() <= by_name.keys()
    for name, mine in table.items():
        usual = {o.usd_per_hour for o in by_name[name].offerings if o.capacity_type == "on-demand"}
        assert usual == {mine.offerings[0].usd_per_hour}
    assert [note.partition(":")[0] for note in found.notes[:2]] == [
        "no on-demand prices",
        "no reserved capacity",
    ]
    assert "is that of the built-in table" in found.notes[2]
    assert "x1.16xlarge" in by_name  # spot alone
