"""The tests' own AWS speaks as moto does, and as boto3's service model says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.nodescaler.clouds.aws_server import aws_server, ec2_model, product
from tests.nodescaler.clouds.conftest import BOTO3, KEY_ID, REGION, SECRET_KEY, ec2
from tests.services.moto import Moto

SPOT = {"InstanceTypes": ["m5.large"], "ProductDescriptions": ["Linux/UNIX"]}


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("DescribeSpotPriceHistory", SPOT),
        ("DescribeAvailabilityZones", {}),
        ("DescribeInstanceTypes", {"InstanceTypes": ["p4d.24xlarge", "inf2.xlarge", "t2.micro"]}),
        (
            "DescribeInstanceTypeOfferings",
            {
                "LocationType": "availability-zone",
                "Filters": [{"Name": "instance-type", "Values": ["m5.*", "m5.large"]}],
            },
        ),
    ],
)
async def test_boto3_reads_the_same_from_this_server_and_from_moto(
    moto: Moto, operation: str, given: dict[str, Any]
) -> None:
    async with aws_server(moto.url) as server:
        theirs = await asyncio.to_thread(_asked, moto.url, operation, given)
        passed_on = await asyncio.to_thread(_asked, server.url, operation, given)
        server.records[operation] = theirs
        ours = await asyncio.to_thread(_asked, server.url, operation, given)

    assert theirs
    assert theirs == passed_on == ours


def _asked(url: str, operation: str, given: dict[str, Any]) -> list[Any]:
    client = ec2(url)
    name = next(k for k, v in client.meta.method_to_api_mapping.items() if v == operation)
    answer = getattr(client, name)(**given)
    (found,) = (each for each in answer.values() if isinstance(each, list))
    return found


RESERVATION = {
    "CapacityReservationId": "cr-1",
    "InstanceType": "m5.large",
    "AvailableInstanceCount": 3,
    "EbsOptimized": False,
    "StartDate": datetime(2026, 11, 1, 12, tzinfo=UTC),
    "Tags": [{"Key": "team", "Value": "shop"}],
}


async def test_a_reservation_that_is_served_is_the_one_boto3_reads(moto: Moto) -> None:
    async with aws_server(moto.url) as server:
        server.records["DescribeCapacityReservations"] = [RESERVATION]
        (read,) = await asyncio.to_thread(_asked, server.url, "DescribeCapacityReservations", {})

    assert read == RESERVATION
    with pytest.raises(KeyError):
        _ = ec2_model().shape_for("CapacityReservation").members["Count"]


async def test_long_answers_come_in_pages(moto: Moto) -> None:
    async with aws_server(moto.url) as server:
        server.records["DescribeCapacityReservations"] = [RESERVATION] * 5
        pages = await asyncio.to_thread(_paged, server.url)

    assert pages == [2, 2, 1]


def _paged(url: str) -> list[int]:
    paginator = ec2(url).get_paginator("describe_capacity_reservations")
    pages = paginator.paginate(PaginationConfig={"PageSize": 2})
    return [len(page["CapacityReservations"]) for page in pages]


async def test_the_price_list_is_what_the_service_model_says(moto: Moto) -> None:
    async with aws_server(moto.url) as server:
        server.products = [
            product("m5.large", "0.0960000000"),
            product("m5.large", "9", "eu-west-1"),
        ]
        answer = await asyncio.to_thread(_priced, server.url)

    (text,) = answer["PriceList"]
    assert '"USD": "0.0960000000"' in text
    assert answer["FormatVersion"] == "aws_v1"


def _priced(url: str) -> Any:
    client = BOTO3.Session().client(
        "pricing",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET_KEY,
    )
    here = {"Type": "TERM_MATCH", "Field": "regionCode", "Value": REGION}
    return client.get_products(ServiceCode="AmazonEC2", Filters=[here])
