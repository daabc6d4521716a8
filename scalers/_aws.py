"""AWS clients: the only door to boto3, which blocks and therefore runs in a few threads of its own.

boto3 is heavy, and is imported at the first call. A client is made once per service, region,
endpoint and credentials; making one takes up to seconds.
Credentials: static keys, the operator's own chain, or a role that either of them may take. A role
is first taken with a web identity, where there is one: the token of the workload's ServiceAccount,
or the operator's (AWS_WEB_IDENTITY_TOKEN_FILE); then by the right to assume it.
Source: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kube.values.times import Now
from scalers._aws_answers import bound
from scalers._errors import TOO_MANY, ScalerError, Secret, refusal
from scalers._guarded import admit
from scalers._lazily import imported
from scalers.io import IO

SESSION = "tandem"
MARGIN = timedelta(minutes=5)
DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """As whom, where: without keys and role the operator's own identity.

    Attributes:
        role: the role to take.
        external_id: what the role's owner asks for; a web identity cannot give it.
        web_token: of the workload's ServiceAccount, whose role that is.
    """

    region: str
    endpoint: str = ""
    key_id: Secret | None = None
    secret_key: Secret | None = None
    token: Secret | None = None
    role: str = ""
    external_id: str = ""
    web_token: Secret | None = None


class _Threads:
    broken = False

    def __init__(self, count: int) -> None:
        self.executor = ThreadPoolExecutor(count, thread_name_prefix="aws")

    async def close(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)


class _Client:
    def __init__(self, client: Any, expires: datetime | None, now: Now) -> None:
        self.client = client
        self._expires = expires
        self._now = now

    @property
    def broken(self) -> bool:
        """Whether the role's credentials end soon; the next call assumes it anew."""
        return self._expires is not None and self._now() >= self._expires - MARGIN

    async def close(self) -> None:
        self.client.close()


async def call(account: Account, service: str, operation: str, io: IO, **arguments: Any) -> Any:
    """One API call in a thread.

    Raises:
        ScalerError: AWS refused, the thing does not exist, or there was no answer.
    """

    async def opened() -> _Client:
        if account.endpoint:
            await admit([urlsplit(account.endpoint).hostname or ""], io)
        timeout_s = io.settings.read_timeout_s
        client, expires = await _in_thread(io, lambda: _made(account, service, timeout_s))
        return _Client(client, expires, io.now)

    await imported("boto3")
    with translated(operation):
        async with io.client(("aws", service, account), opened) as shared:
            method = getattr(shared.client, operation)
            return await _in_thread(io, lambda: method(**arguments))


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn boto3's errors into ours, named by what was being done."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - in memory by now
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - in memory by now

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "nothing that is known")
        hint = "; check the credentials and their rights" if code in DENIED else ""
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        slow = TOO_MANY if "Throttl" in code or "TooMany" in code else status
        raise refusal(slow, f"{doing}: AWS answered {code}{hint}") from error
    except BotoCoreError as error:
        raise ScalerError(f"{doing}: no answer from AWS ({type(error).__name__})") from error
    except ResponseParserError:
        # Its text and its cause quote the answer, which may quote what was sent.
        raise ScalerError(f"{doing}: an answer that is not AWS's; check the endpoint") from None


async def _in_thread(io: IO, work: Callable[[], T]) -> T:
    async def opened() -> _Threads:
        return _Threads(io.settings.threads)

    async with io.client(("threads",), opened, slots=io.settings.threads) as threads:
        return await asyncio.get_running_loop().run_in_executor(threads.executor, work)


def _made(account: Account, service: str, timeout_s: float) -> tuple[Any, datetime | None]:
    """A client, and when its credentials expire; blocks."""
    from botocore.config import Config  # noqa: PLC0415 - in memory by now

    untyped: Any = Config
    config = untyped(
        # Two tries end before the read gives up, so that a dead endpoint frees its thread.
        connect_timeout=timeout_s / 6,
        read_timeout=timeout_s / 3,
        retries={"mode": "standard", "total_max_attempts": 2},
        user_agent_extra=SESSION,
    )
    session = _session(account.region, account.key_id, account.secret_key, account.token)
    where = {"endpoint_url": account.endpoint or None, "config": config}
    expires = None
    if account.role:
        session, expires = _as_role(session, account, where)
    return bound(session.client(service, **where), timeout_s / 3), expires


def _as_role(session: Any, account: Account, where: dict[str, Any]) -> tuple[Any, datetime]:
    """A session as the role, and when it ends; blocks.

    A web identity that the role does not trust is no failure yet: the role may trust the caller.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - in memory by now

    token = _web_token(account)
    if token is not None:
        with suppress(ClientError):
            return _with_token(session, account, where["config"], token)
    more = {"ExternalId": account.external_id} if account.external_id else {}
    sts = bound(session.client("sts", **where), where["config"].read_timeout)
    answer = sts.assume_role(RoleArn=account.role, RoleSessionName=SESSION, **more)
    return _session_of(account, answer["Credentials"])


def _web_token(account: Account) -> str | None:
    """The workload's token, or the operator's own where it acts as itself; reads a file."""
    if account.web_token is not None:
        return account.web_token.reveal()
    path = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if not path or account.key_id is not None or account.external_id:
        return None
    try:
        return Path(path).read_text()
    except OSError as error:
        why = error.strerror
        raise ScalerError(f"AWS_WEB_IDENTITY_TOKEN_FILE {path} cannot be read: {why}") from error


def _with_token(session: Any, account: Account, config: Any, token: str) -> tuple[Any, datetime]:
    """The token goes to Amazon's STS or AWS_ENDPOINT_URL_STS, never to a trigger's endpoint.

    Who has the token is the role: whoever writes a trigger must not have it sent to himself.
    """
    from botocore import UNSIGNED  # noqa: PLC0415 - in memory by now
    from botocore.config import Config  # noqa: PLC0415 - in memory by now

    untyped: Any = Config
    unsigned = config.merge(untyped(signature_version=UNSIGNED))
    sts = session.client("sts", config=unsigned)
    answer = sts.assume_role_with_web_identity(
        RoleArn=account.role, RoleSessionName=SESSION, WebIdentityToken=token
    )
    return _session_of(account, answer["Credentials"])


def _session_of(account: Account, keys: dict[str, Any]) -> tuple[Any, datetime]:
    session = _session(
        account.region,
        Secret(keys["AccessKeyId"]),
        Secret(keys["SecretAccessKey"]),
        Secret(keys["SessionToken"]),
    )
    return session, keys["Expiration"]


def _session(
    region: str, key_id: Secret | None, secret_key: Secret | None, token: Secret | None
) -> Any:
    import boto3  # noqa: PLC0415 - in memory by now

    untyped: Any = boto3
    return untyped.Session(
        aws_access_key_id=key_id.reveal() if key_id else None,
        aws_secret_access_key=secret_key.reveal() if secret_key else None,
        aws_session_token=token.reveal() if token else None,
        region_name=region or None,  # "": the operator's own
    )
