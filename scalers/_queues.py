"""What RabbitMQ's management API says of queues, and the figure that a mode makes of it.

Source: https://www.rabbitmq.com/docs/management#http-api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from scalers._errors import ScalerError, Secret
from scalers._grants import Grant, get_json_as
from scalers._http import Call, basic
from scalers._sample import Sample
from scalers._tls import Tls
from scalers.io import IO


class Mode(StrEnum):
    QUEUE_LENGTH = "QueueLength"
    MESSAGE_RATE = "MessageRate"
    DELIVER_GET_RATE = "DeliverGetRate"
    RATIO = "PublishedToDeliveredRatio"
    TIME = "ExpectedQueueConsumptionTime"


class Operation(StrEnum):
    SUM = "sum"
    MAX = "max"
    AVG = "avg"


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages, and messages per second in and out."""

    ready: float = 0
    unacknowledged: float = 0
    published: float = 0
    delivered: float = 0

    @property
    def messages(self) -> float:
        return self.ready + self.unacknowledged


async def queues(
    address: Secret,
    name: str,
    *,
    regex: bool,
    page_size: int,
    tls: Tls,
    timeout_s: float,
    io: IO,
    grant: Grant | None = None,
) -> list[Queue]:
    """The queue *name*, or all that the expression matches; a token of *grant* beats the user.

    Raises:
        ScalerError: no such queue, more than one page of them, or no answer.
    """
    parts = urlsplit(address.reveal())
    headers = {}
    if parts.username:
        user, password = unquote(parts.username), unquote(parts.password or "")
        headers["Authorization"] = basic(user, password)
    base = base_of(address.reveal())
    if not regex:
        call = Call(f"{base}/{quote(name, safe='')}", {}, headers, tls, timeout_s)
        return [queue_of(await get_json_as(call, grant, io))]
    query = {
        "page": "1",
        "use_regex": "true",
        "pagination": "false",
        "name": name,
        "page_size": str(page_size),
    }
    answer = await get_json_as(Call(base, query, headers, tls, timeout_s), grant, io)
    return matching(answer, page_size)


def matching(answer: Mapping[str, Any], page_size: int) -> list[Queue]:
    """The queues of the first page, when there is no other."""
    if answer["page_count"] > 1:
        raise ScalerError(
            f"the expression matches {answer['filtered_count']} queues; 'pageSize' is {page_size}"
        )
    return [queue_of(item) for item in answer["items"]]


def queue_of(item: Mapping[str, Any]) -> Queue:
    """One queue of an answer; a rate that was never measured is 0.

    >>> queue_of({"messages_ready": 3, "messages_unacknowledged": 1}).messages
    4.0
    """
    if "messages_ready" not in item:
        raise ScalerError("the broker has no figures of the queue yet")
    stats = item.get("message_stats", {})
    return Queue(
        float(item["messages_ready"]),
        float(item["messages_unacknowledged"]),
        float(stats.get("publish_details", {}).get("rate", 0)),
        float(stats.get("deliver_get_details", {}).get("rate", 0)),
    )


def combined(found: Sequence[Queue], operation: Operation) -> Queue:
    """Each figure of the queues, combined; none when there are no queues.

    >>> combined([Queue(ready=1), Queue(ready=4)], Operation.AVG).ready
    2.5
    """
    if not found:
        return Queue()
    columns = zip(
        *((q.ready, q.unacknowledged, q.published, q.delivered) for q in found), strict=True
    )
    if operation is Operation.MAX:
        return Queue(*(max(column) for column in columns))
    parts = len(found) if operation is Operation.AVG else 1
    return Queue(*(sum(column) / parts for column in columns))


def sample(
    found: Sequence[Queue], mode: Mode, operation: Operation, activation: float, *, ready_only: bool
) -> Sample:
    """The figure that *mode* asks for, and whether it is one to leave zero for."""
    queue = combined(found, operation)
    if ready_only:
        queue = Queue(queue.ready, 0, queue.published, queue.delivered)
    match mode:
        case Mode.QUEUE_LENGTH:
            return Sample(queue.messages)
        case Mode.MESSAGE_RATE:
            return Sample(queue.published, max(queue.published, queue.messages))
        case Mode.DELIVER_GET_RATE:
            return Sample(queue.delivered)
        case Mode.RATIO:
            return _ratio(queue, activation)
        case Mode.TIME:
            return _time(queue, activation)


def _ratio(queue: Queue, activation: float) -> Sample:
    """Published per delivered; nothing delivered while messages come in is always active."""
    if queue.delivered > 0:
        return Sample(queue.published / queue.delivered)
    if queue.published > 0:
        return Sample(activation, active=True)
    return Sample(0.0)


def _time(queue: Queue, activation: float) -> Sample:
    """Seconds until the queue is empty at the rates of now; 0 when it shrinks faster than it is.

    >>> _time(Queue(ready=100, published=20, delivered=10), 0).value
    11.0
    """
    if queue.messages == 0:
        return Sample(0.0)
    if queue.delivered == 0:
        return Sample(activation, active=True)
    growth = (queue.published - queue.delivered) / queue.delivered
    return Sample(max(0.0, growth + queue.messages / queue.delivered))


def base_of(url: str) -> str:
    """Where the queues of a virtual host are listed, without the login.

    The last part of the path names the virtual host, none is "/"; folders before it stay.

    >>> base_of("http://me:pw@mq:15672/"), base_of("https://x/mq/shop")
    ('http://mq:15672/api/queues/%2F', 'https://x/mq/api/queues/shop')
    """
    parts = urlsplit(url)
    folders, _, vhost = parts.path.rpartition("/")
    host = parts.netloc.rpartition("@")[2]
    name = quote(unquote(vhost) or "/", safe="")
    return f"{parts.scheme}://{host}{folders}/api/queues/{name}"
