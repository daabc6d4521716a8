"""How AWS's refusals and silences come out: by kind, with a remedy, without identities."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import pytest

from nodescaler.clouds.aws_calls import CODES, EC2, FAULTS, PRICING, Access, opened
from nodescaler.clouds.base import CloudError, Denied
from tests.nodescaler.clouds.aws_server import SECRET_OF_AWS, aws_server
from tests.nodescaler.clouds.conftest import KEY_ID, SECRET_KEY
from tests.processes import free_ports
from tests.services.moto import Moto

NAMES: Any = botocore.exceptions  # untyped
CALLS = [
    (EC2, "DescribeAvailabilityZones", "AvailabilityZones"),
    (EC2, "DescribeInstanceTypes", "InstanceTypes"),
    (PRICING, "GetProducts", "PriceList"),
]

pytestmark = pytest.mark.usefixtures("identity")


def once(url: str) -> Access:
    return Access(endpoint=url, timeout_s=10, attempts=1)


async def asked(url: str, service: str = EC2, operation: str = "DescribeInstanceTypes") -> None:
    more = {"ServiceCode": "AmazonEC2"} if service == PRICING else {}
    async with opened("us-east-1", once(url)) as aws:
        await aws.pages(service, operation, "any", **more)


@pytest.mark.parametrize(("service", "operation", "key"), CALLS)
async def test_every_error_code_of_the_table(
    moto: Moto, service: str, operation: str, key: str
) -> None:
    more = {"ServiceCode": "AmazonEC2"} if service == PRICING else {}
    async with aws_server(moto.url) as server, opened("us-east-1", once(server.url)) as aws:
        for code, (kind, _) in [*CODES.items(), ("SomethingNew", (CloudError, ""))]:
            server.refusals[operation] = (400, code)
            with pytest.raises(CloudError) as caught:
                await aws.pages(service, operation, key, **more)
            assert type(caught.value) is kind
            assert str(caught.value).startswith(f"{service}:{operation}: AWS answered {code}")
            assert SECRET_OF_AWS not in str(caught.value)


async def test_a_refusal_names_the_permission_to_give(moto: Moto) -> None:
    async with aws_server(moto.url) as server:
        server.refusals["DescribeInstanceTypes"] = (403, "UnauthorizedOperation")
        with pytest.raises(Denied) as caught:
            await asked(server.url)

    assert str(caught.value) == (
        "ec2:DescribeInstanceTypes: AWS answered UnauthorizedOperation; "
        "allow ec2:DescribeInstanceTypes to the identity in use"
    )


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_the_table_of_faults_names_what_botocore_raises(name: str) -> None:
    assert issubclass(getattr(NAMES, name), NAMES.BotoCoreError)


async def test_nobody_answers() -> None:
    (port,) = free_ports(1)
    with pytest.raises(CloudError) as caught:
        await asked(f"http://127.0.0.1:{port}")

    assert type(caught.value) is CloudError
    assert str(caught.value) == (
        "ec2:DescribeInstanceTypes: no answer from AWS (EndpointConnectionError); check the name "
        "of the region, and that its endpoint can be reached from here"
    )


async def test_no_credentials(moto: Moto, identity: pytest.MonkeyPatch) -> None:
    identity.delenv("AWS_ACCESS_KEY_ID")
    identity.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(Denied, match=r"\(NoCredentialsError\); give credentials: AWS_PROFILE, or"):
        await asked(moto.url)


async def test_half_a_key_is_not_told(moto: Moto, identity: pytest.MonkeyPatch) -> None:
    identity.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(Denied, match=r"\(PartialCredentialsError\)") as caught:
        await asked(moto.url)
    assert KEY_ID not in str(caught.value)
    assert SECRET_KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "region", "said"),
    [
        pytest.param(
            {}, None, "no region is known; name one, or set AWS_DEFAULT_REGION", id="none"
        ),
        pytest.param(
            {"AWS_DEFAULT_REGION": "no region!"}, None, "InvalidRegionError", id="not one"
        ),
        pytest.param({}, "no region!", "check the name of the region", id="not one either"),
        pytest.param(
            {"AWS_PROFILE": "gone"}, "us-east-1", "check AWS_PROFILE", id="no such profile"
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": "not a url"},
            "us-east-1",
            "Invalid endpoint: not a url; check the endpoint and AWS_ENDPOINT_URL",
            id="an endpoint that is no URL",
        ),
    ],
)
async def test_a_configuration_that_is_wrong(
    identity: pytest.MonkeyPatch, variables: dict[str, str], region: str | None, said: str
) -> None:
    for name, value in variables.items():
        identity.setenv(name, value)

    with pytest.raises(Denied, match=said):
        async with opened(region, Access()):
            pass


async def test_the_region_is_the_configured_one(identity: pytest.MonkeyPatch) -> None:
    identity.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    async with opened(None, Access()) as aws:
        assert aws.region == "eu-west-1"


async def test_a_page_that_is_no_answer(moto: Moto) -> None:
    """As of a proxy on the way: moto's own, for a call that it does not know."""
    with pytest.raises(CloudError) as caught:
        await asked(moto.url, operation="DescribeCapacityReservations")

    assert str(caught.value) == (
        "ec2:DescribeCapacityReservations: the answer is not one of AWS; check the endpoint"
    )


async def test_no_more_tries_than_allowed(moto: Moto) -> None:
    async with aws_server(moto.url) as server:
        server.refusals["DescribeInstanceTypes"] = (503, "RequestLimitExceeded")
        with pytest.raises(CloudError, match="RequestLimitExceeded; ask again later"):
            await asked(server.url)

    assert len(server.arguments("DescribeInstanceTypes")) == 1
