"""Prices, spot history and reservations, read from records, and how they become offerings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nodescaler.clouds.aws_market import Market, assembled
from nodescaler.clouds.aws_prices import Reservation, on_demand, reservations, spot
from nodescaler.core.model import Offering
from tests.nodescaler.clouds.aws_server import product
from tests.nodescaler.clouds.test_aws_types import Machines

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
A, B = "us-east-1a", "us-east-1b"


@pytest.mark.parametrize(
    ("entries", "prices"),
    [
        pytest.param([product("m5.large", "0.0960000000")], {"m5.large": 0.096}, id="a price"),
        pytest.param([product("m5.large", "0.0000000000")], {}, id="free is another's capacity"),
        pytest.param([product("m5.large", "")], {}, id="no number"),
        pytest.param(
            [product("m5.large", "0.09"), product("m5.large", "0.096")],
            {"m5.large": 0.096},
            id="of two the list price is the higher",
        ),
        pytest.param([{"product": {"attributes": {}}}], {}, id="no machine"),
        pytest.param([{"terms": {"OnDemand": []}}], {}, id="another form"),
        pytest.param([{**product("a", "1"), "terms": {"Reserved": {}}}], {}, id="not on demand"),
    ],
)
def test_on_demand_prices(entries: list[Any], prices: dict[str, float]) -> None:
    assert on_demand(json.dumps(each) for each in entries) == prices


def test_an_entry_that_is_no_json_is_passed_over() -> None:
    assert on_demand(["{", json.dumps(product("m5.large", "1"))]) == {"m5.large": 1}


def record(usd: str, hours: float = 0, **more: Any) -> dict[str, Any]:
    return {
        "InstanceType": "m5.large",
        "AvailabilityZone": A,
        "ProductDescription": "Linux/UNIX",
        "SpotPrice": usd,
        "Timestamp": NOON + timedelta(hours=hours),
    } | more


@pytest.mark.parametrize(
    ("history", "prices"),
    [
        pytest.param([record("0.03"), record("0.05", 1), record("0.04", -1)], {A: 0.05},
                     id="the latest counts"),
        pytest.param([record("0.03"), record("0.04", AvailabilityZone=B)], {A: 0.03, B: 0.04},
                     id="each zone has its own"),
        pytest.param([record("0.03"), record("0.04")], {A: 0.04}, id="at one time the higher"),
        pytest.param([record("0.04"), record("0.03")], {A: 0.04}, id="in any order"),
        pytest.param([record("0.9", 1, ProductDescription="Windows"), record("0.03")], {A: 0.03},
                     id="Windows has another price"),
        pytest.param([record("?", 1), record("0.03")], {A: 0.03}, id="no number"),
        pytest.param([], {}, id="no history"),
    ],
)  # fmt: skip
def test_spot_prices(history: list[dict[str, Any]], prices: dict[str, float]) -> None:
    assert spot(history) == {("m5.large", zone): usd for zone, usd in prices.items()}


def reserved(**more: Any) -> dict[str, Any]:
    return {
        "CapacityReservationId": "cr-1",
        "InstanceType": "m5.large",
        "AvailabilityZone": A,
        "AvailabilityZoneId": "use1-az6",
        "InstancePlatform": "Linux/UNIX",
        "Tenancy": "default",
        "State": "active",
        "AvailableInstanceCount": 3,
    } | more


@pytest.mark.parametrize(
    ("change", "zone"),
    [
        pytest.param({}, A, id="an active one counts"),
        pytest.param({"AvailabilityZone": ""}, A, id="a zone by its id"),
        pytest.param({"AvailabilityZone": "", "AvailabilityZoneId": "use1-az9"}, "", id="nowhere"),
        pytest.param({"State": "expired"}, None, id="an ended one does not"),
        pytest.param({"State": "scheduled"}, None, id="a later one does not"),
        pytest.param({"InstancePlatform": "Windows"}, None, id="of another system"),
        pytest.param({"Tenancy": "dedicated"}, None, id="of dedicated machines"),
        pytest.param({"OutpostArn": "arn:aws:outposts::1:x"}, None, id="on an outpost"),
        pytest.param({"PlacementGroupArn": "arn:aws:ec2::1:x"}, None, id="in a placement group"),
    ],
)
def test_which_reservations_a_node_may_draw_from(change: dict[str, Any], zone: str | None) -> None:
    found = reservations([reserved(**change)], {"use1-az6": A})

    wanted = [Reservation("cr-1", "m5.large", zone, 3)] if zone is not None else []
    assert list(found) == wanted


# ---------------------------------------------------------------- offerings


def market(machines: Machines, *names: str, **more: Any) -> Market:
    """Two zones that sell the named machines."""
    return Market(
        region="us-east-1",
        zones=frozenset({A, B}),
        infos=[machines[name] for name in names],
        **{"sold": [(name, zone) for name in names for zone in (A, B)]} | more,
    )


def test_offerings_are_in_the_order_of_zones_and_ways_to_buy(machines: Machines) -> None:
    found = assembled(
        market(
            machines,
            "m5.large",
            sold=[("m5.large", B), ("m5.large", A), ("m5.large", "us-east-1-bos-1a")],
            on_demand={"m5.large": 0.1},
            spot={("m5.large", B): 0.03, ("m5.large", "us-east-1z"): 0.01},
            reservations=[
                Reservation("cr-1", "m5.large", A, 2),
                Reservation("cr-2", "m5.large", A, 0),
                Reservation("cr-3", "m5.large", "us-east-1z", 2),
                Reservation("cr-4", "c5.large", A, 2),
            ],
        )
    )

    assert found.notes == ()
    (kind,) = found.types
    assert kind.offerings == (
        Offering(A, "on-demand", 0.1),
        Offering(B, "on-demand", 0.1),
        Offering(B, "spot", 0.03),
        Offering(A, "reserved", 0.1 / 10_000_000, reservation="cr-1", count=2),
        Offering(A, "reserved", 0.1 / 10_000_000, available=False, reservation="cr-2", count=0),
    )


def test_a_price_that_is_missing_is_the_built_in_one_or_none(machines: Machines) -> None:
    names = ("m5.large", "c5.large", "p4d.24xlarge", "x2gd.large")
    found = assembled(
        market(
            machines,
            *names,
            on_demand={"c5.large": 0.2},
            spot={("x2gd.large", A): 0.07},
            reservations=[Reservation("cr-1", "p4d.24xlarge", A, 1)],
        )
    )
    by_name = {each.name: each.offerings for each in found.types}

    assert by_name["m5.large"] == (Offering(A, "on-demand", 0.096), Offering(B, "on-demand", 0.096))
    assert by_name["c5.large"][0].usd_per_hour == 0.2
    assert by_name["x2gd.large"] == (Offering(A, "spot", 0.07),)
    assert by_name["p4d.24xlarge"] == (Offering(A, "reserved", 0, reservation="cr-1", count=1),)
    assert found.notes == (
        "the on-demand price of 1 type (m5.large) is that of the built-in table (us-east-1)",
        "no on-demand price is known of 2 types (p4d.24xlarge, x2gd.large), not offered on demand",
    )


@pytest.mark.parametrize(
    ("usages", "ways"),
    [
        (["on-demand", "spot"], ["on-demand", "spot"]),
        (["on-demand"], ["on-demand"]),
        (["spot"], ["spot"]),
        (["capacity-block"], []),
    ],
)
def test_only_the_ways_that_the_machine_is_sold(
    machines: Machines, usages: list[str], ways: list[str]
) -> None:
    found = assembled(
        Market(
            region="us-east-1",
            zones=frozenset({A}),
            infos=[{**machines["m5.large"], "SupportedUsageClasses": usages}],
            sold=[("m5.large", A)],
            on_demand={"m5.large": 0.1},
            spot={("m5.large", A): 0.05},
        )
    )

    assert [each.capacity_type for kind in found.types for each in kind.offerings] == ways
    assert found.notes == ()


def test_what_no_zone_sells_is_not_there(machines: Machines) -> None:
    found = assembled(market(machines, "m5.large", sold=[("m5.large", "us-east-1z")]))

    assert found.types == ()
    assert found.notes == ()
