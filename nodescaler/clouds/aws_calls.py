"""Calls to AWS for the node half: its only door to boto3, which blocks and runs in a few threads.

Who asks is boto3's own affair: environment, profile, web identity or the machine's role. Throttled
and interrupted calls are tried again by botocore's standard mode. Each page of an answer is a call
of its own, so whoever is cancelled leaves at most one call behind, and that one has a time limit.

Messages name the action, AWS's error code and what would do; never what AWS wrote beside the code,
which may hold identities.
Source: https://docs.aws.amazon.com/boto3/latest/guide/configuration.html and
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from nodescaler.clouds.base import CloudError, Denied

THREADS = 8
PRICING_REGION = "us-east-1"  # the price list of all regions; only a few regions serve it
EC2, PRICING = "ec2", "pricing"

_ALLOW = "allow {action} to the identity in use"
_WHO = "check the credentials: they are wrong, expired or of another partition"
_NOBODY = "give credentials: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role"
_REGION = "check the name of the region"
_REACH = "check the name of the region, and that its endpoint can be reached from here"
_LATER = "ask again later"

# AWS's error code -> what it means for the caller, what would do
CODES: Mapping[str, tuple[type[CloudError], str]] = {
    "AccessDenied": (Denied, _ALLOW),
    "AccessDeniedException": (Denied, _ALLOW),
    "UnauthorizedOperation": (Denied, _ALLOW),
    "AuthFailure": (Denied, _WHO),
    "ExpiredToken": (Denied, _WHO),
    "ExpiredTokenException": (Denied, _WHO),
    "IncompleteSignature": (Denied, _WHO),
    "InvalidClientTokenId": (Denied, _WHO),
    "InvalidSignatureException": (Denied, _WHO),
    "RequestExpired": (Denied, "set the clock of this machine"),
    "SignatureDoesNotMatch": (Denied, _WHO),
    "UnrecognizedClientException": (Denied, _WHO),
    "OptInRequired": (Denied, "enable the region or service for the account"),
    "Blocked": (Denied, "ask AWS why the account is blocked"),
    "RequestLimitExceeded": (CloudError, _LATER),
    "ThrottlingException": (CloudError, _LATER),
}
# botocore's own error -> the same; the names of botocore.exceptions, subclasses included
FAULTS: Mapping[str, tuple[type[CloudError], str]] = {
    "NoCredentialsError": (Denied, _NOBODY),
    "PartialCredentialsError": (Denied, _NOBODY),
    "CredentialRetrievalError": (Denied, _NOBODY),
    "TokenRetrievalError": (Denied, _NOBODY),
    "SSOError": (Denied, _NOBODY),
    "ProfileNotFound": (Denied, "check AWS_PROFILE and the file that should hold it"),
    "ConfigNotFound": (Denied, "check the file that AWS_CONFIG_FILE names"),
    "ConfigParseError": (Denied, "check the syntax of the configuration file"),
    "InvalidConfigError": (Denied, "check the configuration file"),
    "NoRegionError": (Denied, _REGION),
    "InvalidRegionError": (Denied, _REGION),
    "HTTPClientError": (CloudError, _REACH),
    "ConnectionError": (CloudError, _REACH),
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How AWS is reached.

    Attributes:
        endpoint: of every service; empty leaves it to boto3 (AWS_ENDPOINT_URL, then AWS's own).
        timeout_s: for one try of one call.
        attempts: tries of one call, the first included.
    """

    endpoint: str = ""
    timeout_s: float = 20.0
    attempts: int = 3


class Aws:
    """Open clients of one region; made by `opened`."""

    def __init__(
        self, region: str, clients: Mapping[str, Any], executor: ThreadPoolExecutor
    ) -> None:
        self.region = region
        self._clients = clients
        self._executor = executor

    def close(self) -> None:
        """Give up what waits; a call that is under way ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    async def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """What all pages of an answer hold under *key*.

        Args:
            service: `EC2` or `PRICING`.
            operation: as the API names it: ``DescribeInstanceTypes``.
            key: of a list in the answer: ``InstanceTypes``.
            arguments: of the call; a ``MaxResults`` among them is the size of a page.

        Raises:
            Denied: credentials or permissions do not suffice.
            CloudError: AWS refused otherwise, or did not answer.
        """
        action = f"{service}:{operation}"
        client = self._clients[service]
        pages = await _in_thread(
            self._executor, action, lambda: iter(_paginated(client, operation, arguments))
        )
        found: list[Any] = []
        while (
            page := await _in_thread(self._executor, action, lambda: next(pages, None))
        ) is not None:
            found += page.get(key, ())
        return found


@asynccontextmanager
async def opened(region: str | None, access: Access) -> AsyncIterator[Aws]:
    """Clients for *region*; None takes the one that boto3 is configured for.

    Raises:
        Denied: no region is known, or boto3's configuration is wrong.
    """
    executor = ThreadPoolExecutor(THREADS, thread_name_prefix="aws")
    try:
        name, clients = await _in_thread(executor, "AWS", lambda: _clients(region, access))
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    aws = Aws(name, clients, executor)
    try:
        yield aws
    finally:
        aws.close()


async def _in_thread(executor: ThreadPoolExecutor, action: str, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(executor, _translated, action, work)


def _translated(action: str, work: Callable[[], T]) -> T:
    """Do *work*; boto3's errors come out as ours, named by the *action*. Runs in a thread."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - a heavy import
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - a heavy import

    try:
        return work()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "nothing that is known")
        kind, remedy = CODES.get(code, (CloudError, ""))
        raise kind(_said(f"{action}: AWS answered {code}", remedy, action)) from error
    except ResponseParserError as error:  # a proxy's page, say; no relative of the other two
        raise CloudError(f"{action}: the answer is not one of AWS; check the endpoint") from error
    except BotoCoreError as error:
        names = [each.__name__ for each in type(error).__mro__]
        kind, remedy = next((FAULTS[each] for each in names if each in FAULTS), (CloudError, ""))
        raise kind(_said(f"{action}: no answer from AWS ({names[0]})", remedy, action)) from error


def _said(what: str, remedy: str, action: str) -> str:
    return f"{what}; {remedy.format(action=action)}" if remedy else what


def _clients(region: str | None, access: Access) -> tuple[str, dict[str, Any]]:
    """The region's name and a client for each service; blocks for up to seconds."""
    import boto3  # noqa: PLC0415 - a heavy import
    import botocore.config  # noqa: PLC0415 - a heavy import
    import botocore.exceptions  # noqa: PLC0415 - a heavy import

    untyped: tuple[Any, Any, Any] = (boto3, botocore.config, botocore.exceptions)
    sdk, core, errors = untyped
    config = core.Config(
        connect_timeout=access.timeout_s / 2,
        read_timeout=access.timeout_s,
        retries={"mode": "standard", "total_max_attempts": access.attempts},
        max_pool_connections=THREADS,
        user_agent_extra="tandem",
    )
    session = sdk.Session(region_name=region or None)
    name = session.region_name
    if not name:
        raise Denied("AWS: no region is known; name one, or set AWS_DEFAULT_REGION")
    try:
        return name, {
            service: session.client(
                service, region_name=where, endpoint_url=access.endpoint or None, config=config
            )
            for service, where in ((EC2, name), (PRICING, PRICING_REGION))
        }
    except errors.InvalidRegionError:  # a ValueError too
        raise
    except ValueError as error:  # botocore's answer to an endpoint that is no URL
        raise Denied(f"AWS: {error}; check the endpoint and AWS_ENDPOINT_URL") from error


def _paginated(client: Any, operation: str, arguments: Mapping[str, Any]) -> Any:
    names = {api: method for method, api in client.meta.method_to_api_mapping.items()}
    given = dict(arguments)
    size = given.pop("MaxResults", None)
    name = names[operation]
    if not client.can_paginate(name):
        return [getattr(client, name)(**given)]
    return client.get_paginator(name).paginate(**given, PaginationConfig={"PageSize": size})
