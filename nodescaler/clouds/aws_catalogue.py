"""The live catalogue of AWS: what a region sells now, and for how much (``--catalog aws``).

What machines there are must be known: an error there is raised. Prices or reservations that cannot
be read cost only the offerings they stand for, and a note says so; without the price list the
built-in table's prices stand in.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html and
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from nodescaler.clouds import aws_prices
from nodescaler.clouds.aws_calls import EC2, PRICING, Access, Aws, opened
from nodescaler.clouds.aws_market import LiveCatalogue, Market, assembled
from nodescaler.clouds.base import CloudError

TYPES_A_PAGE, PRICES_A_PAGE, OTHERS_A_PAGE = 100, 100, 1000  # the most that each call allows

Answer = list[Any]


async def live_catalogue(
    region: str | None = None, *, now: datetime, access: Access | None = None
) -> LiveCatalogue:
    """Every Linux machine that *region* sells, with its prices in each zone.

    Args:
        region: None takes the one that boto3 is configured for.
        now: spot prices are those of this moment.
        access: how AWS is reached; None takes its own endpoints and usual limits.

    Raises:
        Denied: no region, no credentials, or no permission to list machines.
        CloudError: AWS did not answer, or sells nothing there.
    """
    async with opened(region, access or Access()) as aws:
        read = await _read(aws, now)
    if not read.types:
        raise CloudError(f"AWS: no machine with a price in {read.region}; {'; '.join(read.notes)}")
    return read


async def _read(aws: Aws, now: datetime) -> LiveCatalogue:
    notes: list[str] = []

    async def tolerated(what: str, work: Callable[..., Awaitable[Answer]], *more: Any) -> Answer:
        try:
            return await work(aws, *more)
        except CloudError as error:
            notes.append(f"{what}: {error}")
            return []

    try:
        async with asyncio.TaskGroup() as group:
            types = group.create_task(_types(aws))
            sold = group.create_task(_sold(aws))
            zones = group.create_task(_zones(aws))
            prices = [
                group.create_task(tolerated("no on-demand prices", _prices, filters))
                for filters in aws_prices.price_filters(aws.region)
            ]
            spot = group.create_task(tolerated("no spot prices", _spot, now))
            reserved = group.create_task(tolerated("no reserved capacity", _reserved))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    names = zones.result()
    found = assembled(
        Market(
            region=aws.region,
            infos=types.result(),
            zones=frozenset(names.values()),
            sold=[(each["InstanceType"], each["Location"]) for each in sold.result()],
            on_demand=aws_prices.on_demand(entry for each in prices for entry in each.result()),
            spot=aws_prices.spot(spot.result()),
            reservations=aws_prices.reservations(reserved.result(), names),
        )
    )
    return replace(found, notes=(*sorted(set(notes)), *found.notes))


async def _types(aws: Aws) -> Answer:
    return await aws.pages(EC2, "DescribeInstanceTypes", "InstanceTypes", MaxResults=TYPES_A_PAGE)


async def _sold(aws: Aws) -> Answer:
    return await aws.pages(
        EC2,
        "DescribeInstanceTypeOfferings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        MaxResults=OTHERS_A_PAGE,
    )


async def _zones(aws: Aws) -> Mapping[str, str]:
    """The name of each open availability zone, by its id; local zones have prices of their own."""
    found = await aws.pages(EC2, "DescribeAvailabilityZones", "AvailabilityZones")
    return {
        zone["ZoneId"]: zone["ZoneName"]
        for zone in found
        if zone["State"] == "available" and zone["ZoneType"] == "availability-zone"
    }


async def _prices(aws: Aws, filters: list[dict[str, str]]) -> Answer:
    return await aws.pages(
        PRICING,
        "GetProducts",
        "PriceList",
        ServiceCode="AmazonEC2",
        Filters=filters,
        MaxResults=PRICES_A_PAGE,
    )


async def _spot(aws: Aws, now: datetime) -> Answer:
    return await aws.pages(
        EC2,
        "DescribeSpotPriceHistory",
        "SpotPriceHistory",
        StartTime=now,  # without it the answer is the whole history
        ProductDescriptions=[aws_prices.LINUX, aws_prices.LINUX_IN_VPC],
        MaxResults=OTHERS_A_PAGE,
    )


async def _reserved(aws: Aws) -> Answer:
    return await aws.pages(
        EC2,
        "DescribeCapacityReservations",
        "CapacityReservations",
        Filters=[{"Name": "state", "Values": ["active"]}],
        MaxResults=OTHERS_A_PAGE,
    )
