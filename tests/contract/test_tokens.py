"""Tokens of ServiceAccounts (TokenRequest)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kube.values import times
from tests.contract.http import Api, Json
from tests.contract.places import Space

GROUP = "authentication.k8s.io"
SLACK = timedelta(minutes=2)


def request(**spec: object) -> Json:
    return {"apiVersion": f"{GROUP}/v1", "kind": "TokenRequest", "spec": spec}


async def made(api: Api, space: Space, name: str = "reader") -> str:
    (await api.post(space("serviceaccounts"), {"metadata": {"name": name}})).ok()
    return space("serviceaccounts", name, "token")


async def test_a_token_and_when_it_ends(api: Api, space: Space) -> None:
    path = await made(api, space)
    answer = await api.post(path, request(expirationSeconds=7200))

    found = answer.ok()
    assert answer.status == 201
    assert (found["apiVersion"], found["kind"]) == (f"{GROUP}/v1", "TokenRequest")
    assert found["status"]["token"]
    ends = times.parse(found["status"]["expirationTimestamp"])
    assert abs(ends - datetime.now(UTC) - timedelta(hours=2)) < SLACK
    assert found["spec"]["expirationSeconds"] == 7200


async def test_an_hour_for_the_api_server_where_nothing_is_said(api: Api, space: Space) -> None:
    found = (await api.post(await made(api, space), request())).ok()

    assert found["spec"]["expirationSeconds"] == 3600
    assert found["spec"]["audiences"] == ["https://kubernetes.default.svc"]
    assert (found["metadata"]["name"], found["metadata"]["namespace"]) == ("reader", space.name)


async def test_audiences_come_back(api: Api, space: Space) -> None:
    path = await made(api, space)
    found = (await api.post(path, request(audiences=["sts.amazonaws.com"]))).ok()

    assert found["spec"]["audiences"] == ["sts.amazonaws.com"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "may not specify a duration less than 10 minutes"),
        (599, "may not specify a duration less than 10 minutes"),
        (2**32 + 1, "may not specify a duration larger than 2^32 seconds"),
    ],
)
async def test_a_life_out_of_bounds_is_refused(
    api: Api, space: Space, seconds: int, told: str
) -> None:
    answer = await api.post(await made(api, space), request(expirationSeconds=seconds))

    status = answer.refused(422, "Invalid")
    field = "spec.expirationSeconds"
    found = f'TokenRequest.{GROUP} "" is invalid: {field}: Invalid value: {seconds}: {told}'
    assert status["message"] == found
    assert status["details"]["causes"][0]["field"] == field


async def test_no_account_no_token(api: Api, space: Space) -> None:
    answer = await api.post(space("serviceaccounts", "nobody", "token"), request())

    assert answer.refused(404, "NotFound")["message"] == 'serviceaccounts "nobody" not found'
