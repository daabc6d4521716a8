"""RabbitMQ: messages waiting, or how fast they come and go.

AMQP sees what is ready in one queue, exactly and at once. The HTTP management API also sees what is
delivered but not acknowledged, rates, and many queues by a regular expression; its figures lag by
some seconds, and a queue is unknown to it for about as long after it was made.
Source: https://keda.sh/docs/latest/scalers/rabbitmq-queue/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote_plus, urlsplit

from scalers._amqp import Broker, can_ask, with_user, with_vhost
from scalers._grants import Grant
from scalers._lazily import imported
from scalers._pod_tokens import AZURE, as_azure
from scalers._queues import Mode, Operation, queues, sample
from scalers._texts import Seconds
from scalers._tls import Tls
from scalers.base import Around, Param, PodIdentity, Sample, Scaler, Secret
from scalers.io import IO

DEFAULT_LENGTH = 20.0


class Protocol(StrEnum):
    AUTO = "auto"
    AMQP = "amqp"
    HTTP = "http"


class TlsMode(StrEnum):
    ENABLE = "enable"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitMq:
    queue: Annotated[str, Param("queueName", doc="the queue, or an expression with useRegex")]
    host: Annotated[
        Secret, Param("host", "mea", "amqp(s):// or http(s)://user:password@host/vhost")
    ]
    mode: Annotated[Mode | None, Param("mode", doc="what is measured; QueueLength")] = None
    value: Annotated[
        float | None, Param("value", doc="of the mode, per replica", above=0, is_target=True)
    ] = None
    queue_length: Annotated[
        float | None,
        Param("queueLength", doc="old form of mode and value", above=0, is_target=True),
    ] = None
    activation: Annotated[
        float, Param("activationValue", doc="above which to leave zero", at_least=0)
    ] = 0
    protocol: Annotated[Protocol, Param("protocol", "ma", "auto: by the host's scheme")] = (
        Protocol.AUTO
    )
    vhost: Annotated[str | None, Param("vhostName", "ma", "instead of the host's path")] = None
    use_regex: Annotated[bool, Param("useRegex", doc="queueName is an expression (HTTP)")] = False
    exclude_unacknowledged: Annotated[
        bool, Param("excludeUnacknowledged", doc="count ready messages only (HTTP)")
    ] = False
    page_size: Annotated[
        int, Param("pageSize", doc="most queues that an expression may match", above=0)
    ] = 100
    operation: Annotated[Operation, Param("operation", doc="how matching queues combine")] = (
        Operation.SUM
    )
    timeout: Annotated[Seconds | None, Param("timeout", doc="of an HTTP call", above=0)] = None
    username: Annotated[Secret | None, Param("username", "ea", "instead of the host's")] = None
    password: Annotated[Secret | None, Param("password", "ea", "instead of the host's")] = None
    tls: Annotated[TlsMode, Param("tls", "a", "enable to use the three below")] = TlsMode.DISABLE
    ca: Annotated[Secret | None, Param("ca", "a", "certificate authority of the broker")] = None
    cert: Annotated[
        Secret | None, Param("cert", "a", "client certificate; alone it is the login (EXTERNAL)")
    ] = None
    key: Annotated[Secret | None, Param("key", "a", "its key")] = None
    key_password: Annotated[Secret | None, Param("keyPassword", "a", "opens the key")] = None
    unsafe: Annotated[bool, Param("unsafeSsl", doc="do not check the broker's certificate")] = False
    workload_identity: Annotated[
        str,
        Param(
            "workloadIdentityResource",
            "a",
            "whom the token of Azure workload identity is for, as api://APP (HTTP)",
        ),
    ] = ""

    identity: Annotated[PodIdentity | None, Around("pod_identity")] = None
    grant: Annotated[Grant | None, Around("grant")] = None
    for_formula: Annotated[bool, Around("as_metric_source")] = False

    @property
    def scheme(self) -> str:
        return urlsplit(self.host.reveal()).scheme.lower()

    @property
    def over_http(self) -> bool:
        if self.protocol is Protocol.AUTO:
            return self.scheme.startswith("http")
        return self.protocol is Protocol.HTTP

    @property
    def what(self) -> Mode:
        return self.mode or Mode.QUEUE_LENGTH

    @property
    def target(self) -> float:
        return self.value or self.queue_length or DEFAULT_LENGTH

    @property
    def secured(self) -> Tls:
        if self.tls is TlsMode.DISABLE:
            return Tls(unsafe=self.unsafe)
        return Tls(self.ca, self.cert, self.key, self.key_password, unsafe=self.unsafe)

    @property
    def address(self) -> Secret:
        """The host with the user and virtual host that apply."""
        url = self.host.reveal()
        if self.username and self.password:
            url = with_user(url, self.username.reveal(), self.password.reveal())
        path = urlsplit(url).path.strip("/")
        return Secret(url if self.vhost is None and path else with_vhost(url, self.vhost or ""))

    def problems(self) -> Iterator[str]:
        schemes = ("http", "https") if self.over_http else ("amqp", "amqps")
        if self.scheme not in schemes:
            yield f"'host' must begin with {schemes[0]}:// or {schemes[1]}://"
        if bool(self.username) != bool(self.password):
            yield "'username' and 'password' go together; one is missing"
        if bool(self.cert) != bool(self.key):
            yield "'cert' and 'key' of the TriggerAuthentication go together; one is missing"
        if self.workload_identity and not self.identity:
            yield "'workloadIdentityResource' needs 'podIdentity' with provider azure-workload"
        yield from self._mode_problems()
        if not self.over_http:
            yield from self._http_only()

    def _mode_problems(self) -> Iterator[str]:
        if self.queue_length is not None and (self.mode or self.value is not None):
            yield "'queueLength' is the old form of 'mode' and 'value'; give one or the other"
        elif self.value is not None and self.mode is None:
            yield "'mode' is missing; 'value' needs one"
        elif self.mode and self.value is None and not self.for_formula:
            yield f"'value' is missing; 'mode' {self.mode} needs one"

    def _http_only(self) -> Iterator[str]:
        if not self.use_regex and not can_ask(self.queue):
            yield f"'queueName' {self.queue} has characters beyond AMQP's own; give an http host"
        asked = {
            "a token (oauth2 or 'workloadIdentityResource')": bool(
                self.grant or self.workload_identity
            ),
            f"'mode' {self.what}": self.what is not Mode.QUEUE_LENGTH,
            "'useRegex'": self.use_regex,
            "'excludeUnacknowledged'": self.exclude_unacknowledged,
            "'timeout'": self.timeout is not None,
        }
        for what, is_asked in asked.items():
            if is_asked:
                yield f"{what} needs the HTTP management API; give an http host"


async def read(meta: RabbitMq, io: IO) -> Sample:
    if not meta.over_http:
        await imported("scalers._aio_pika")
        from scalers._aio_pika import depth  # noqa: PLC0415 - in memory by now

        external = bool(meta.secured.cert) and not _has_user(meta)
        return Sample(
            float(await depth(Broker(meta.address, meta.secured, external), meta.queue, io))
        )
    found = await queues(
        meta.address,
        meta.queue,
        regex=meta.use_regex,
        page_size=meta.page_size,
        tls=meta.secured,
        timeout_s=meta.timeout or io.settings.http_timeout_s,
        grant=_grant(meta, io),
        io=io,
    )
    return sample(
        found, meta.what, meta.operation, meta.activation, ready_only=meta.exclude_unacknowledged
    )


def _grant(meta: RabbitMq, io: IO) -> Grant | None:
    """Where the token comes from; None where a user and a password are the login."""
    if meta.identity is None or not meta.workload_identity:
        return meta.grant
    scope = f"{meta.workload_identity.rstrip('/')}/.default"
    return as_azure(meta.identity, (scope,), io.settings.azure)


def _has_user(meta: RabbitMq) -> bool:
    return "@" in urlsplit(meta.address.reveal()).netloc


def metric(meta: RabbitMq) -> str:
    return f"rabbitmq-{quote_plus(meta.queue)}"


SCALER: Scaler[Any] = Scaler(
    "rabbitmq",
    RabbitMq,
    read,
    target="target",
    activation="activation",
    metric=metric,
    thresholds_matter=True,
    pod_identities=(AZURE,),
)
