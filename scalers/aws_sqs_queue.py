"""Amazon SQS: messages waiting, in flight and delayed.

Source: https://keda.sh/docs/latest/scalers/aws-sqs/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from scalers._aws import Account, call
from scalers.base import Around, Param, PodIdentity, Scaler, ScalerError, Secret
from scalers.io import IO

VISIBLE = "ApproximateNumberOfMessages"
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
DELAYED = "ApproximateNumberOfMessagesDelayed"


class Owner(StrEnum):
    POD = "pod"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqsQueue:
    queue: Annotated[str, Param("queueURL", "me", "the queue's URL, or its name")]
    region: Annotated[str, Param("awsRegion", "ma", "region of the queue")]
    length: Annotated[
        float, Param("queueLength", doc="messages per replica", above=0, is_target=True)
    ] = 5
    activation: Annotated[
        float, Param("activationQueueLength", doc="messages above which to leave zero", at_least=0)
    ] = 0
    endpoint: Annotated[str, Param("awsEndpoint", doc="another endpoint than AWS's own")] = ""
    in_flight: Annotated[bool, Param("scaleOnInFlight", doc="count messages in flight")] = True
    delayed: Annotated[bool, Param("scaleOnDelayed", doc="count delayed messages")] = False
    owner: Annotated[Owner, Param("identityOwner", doc="operator: read as the operator itself")] = (
        Owner.POD
    )
    key_id: Annotated[Secret | None, Param("awsAccessKeyID", "ea", "static key")] = None
    secret_key: Annotated[Secret | None, Param("awsSecretAccessKey", "ea", "static key")] = None
    token: Annotated[Secret | None, Param("awsSessionToken", "ea", "of temporary keys")] = None
    role: Annotated[str, Param("awsRoleArn", "a", "role to assume")] = ""
    identity: Annotated[PodIdentity | None, Around("pod_identity")] = None

    def problems(self) -> Iterator[str]:
        if bool(self.key_id) != bool(self.secret_key):
            yield "'awsAccessKeyID' and 'awsSecretAccessKey' go together; one is missing"
        if self._is_nobody:
            yield (
                "'identityOwner' is pod, and there are no credentials: give awsRoleArn or "
                "awsAccessKeyID and awsSecretAccessKey, or 'identityOwner' operator"
            )

    @property
    def _is_nobody(self) -> bool:
        with_identity = self.identity and self.identity.provider == "aws"
        return not (with_identity or self.owner is Owner.OPERATOR or self.role or self.key_id)

    @property
    def account(self) -> Account:
        operator = Account(region=self.region, endpoint=self.endpoint)
        if self.identity and self.identity.provider == "aws":
            return replace(
                operator,
                role=self.identity.role_arn,
                external_id=self.identity.external_id,
                web_token=self.identity.web_token,
            )
        if self.owner is Owner.OPERATOR:
            return operator
        return replace(
            operator,
            key_id=self.key_id,
            secret_key=self.secret_key,
            token=self.token,
            role=self.role,
        )

    @property
    def name(self) -> str:
        return self.queue.rstrip("/").rpartition("/")[2]

    @property
    def counted(self) -> list[str]:
        return [VISIBLE] + [IN_FLIGHT] * self.in_flight + [DELAYED] * self.delayed


async def read(meta: SqsQueue, io: IO) -> float:
    answer = await call(
        meta.account,
        "sqs",
        "get_queue_attributes",
        io,
        QueueUrl=await _url(meta, io),
        AttributeNames=meta.counted,
    )
    return total(answer.get("Attributes", {}), meta.counted)


def total(attributes: Mapping[str, str], counted: list[str]) -> float:
    """The sum of the counts.

    >>> total({VISIBLE: "3", IN_FLIGHT: "2"}, [VISIBLE, IN_FLIGHT])
    5.0
    """
    missing = [name for name in counted if name not in attributes]
    if missing:
        raise ScalerError(f"the queue's answer has no {missing[0]}")
    return float(sum(int(attributes[name]) for name in counted))


class _Found:
    def __init__(self) -> None:
        self.url = ""


async def _url(meta: SqsQueue, io: IO) -> str:
    """The URL of a queue that is given by name, asked once."""
    if urlsplit(meta.queue).scheme:
        return meta.queue
    found = io.remembered(("sqs", meta.account, meta.queue), _Found)
    if not found.url:
        answer = await call(meta.account, "sqs", "get_queue_url", io, QueueName=meta.queue)
        found.url = str(answer["QueueUrl"])
    return found.url


SCALER = Scaler(
    "aws-sqs-queue",
    SqsQueue,
    read,
    target="length",
    activation="activation",
    metric=lambda meta: f"aws-sqs-{meta.name}",
    pod_identities=("aws",),
)
