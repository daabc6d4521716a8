"""One CloudEvent to one sink over HTTP: binary mode to an address, a batch of one to Event Grid.

Addresses are their authors', so egress rules hold. A token of the operator's Azure identity goes
only to Event Grid, or to addresses that the operator's settings name.
Sources:
    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
    https://learn.microsoft.com/en-us/azure/event-grid/cloud-event-schema
    https://learn.microsoft.com/en-us/azure/event-grid/authenticate-with-access-keys-shared-access-signatures
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from eventscaler.auth import AuthFault, Resolver
from eventscaler.cloudevents.credentials import Credentials, credentials
from eventscaler.core.cloud_events import Occurrence
from eventscaler.decode import CloudEventSource
from eventscaler.decode.cloud_event_source import TOPIC
from kube.client import Client
from scalers._errors import scrubbed
from scalers._grants import as_bearer
from scalers._http import Answer, Call, HttpAuth, accepted, authorised, exchanged
from scalers._params import read_all
from scalers._pod_tokens import AZURE, as_azure, origin
from scalers.base import ScalerError, TriggerSpec
from scalers.io import IO

TIMEOUT_S = 10.0
KEEP = timedelta(seconds=10)  # credentials, unless they are refused
API_VERSION = "2018-01-01"
BATCH = "application/cloudevents-batch+json; charset=utf-8"
TOPIC_DOMAIN = "eventgrid.azure.net"
TOPIC_SCOPE = "https://eventgrid.azure.net/.default"
LATER = frozenset({401, 403, 404, 408, 409, 425, 429})
CLIENT_ERRORS = range(400, 500)


class Undelivered(Exception):
    """A sink did not take an event; the message holds no secret.

    Attributes:
        lasting: it will never take this one, whatever becomes of the sink.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class Sender:
    """Sends events.

    Args:
        cluster: what this cluster is called where a source does not say.
    """

    def __init__(self, client: Client, resolver: Resolver, io: IO, *, cluster: str) -> None:
        self._client = client
        self._resolver = resolver
        self._io = io
        self._cluster = cluster
        self._kept: dict[CloudEventSource, tuple[datetime, Credentials]] = {}

    async def send(self, source: CloudEventSource, what: Occurrence) -> None:
        """Bring *what* to *source*'s sink.

        Raises:
            Undelivered: the sink did not say that it has it.
        """
        try:
            found = await self._credentials(source)
        except AuthFault as fault:
            raise Undelivered(str(fault)) from fault
        lasting = False
        post = self._to_topic if source.sink == TOPIC else self._to_address
        try:
            call, answer = await post(source, what, found)
            lasting = answer.status in CLIENT_ERRORS and answer.status not in LATER
            accepted(call, answer)
        except (ScalerError, ValueError) as error:  # the latter of a call that makes no sense
            self._kept.pop(source, None)  # they may have been rotated
            text = scrubbed(str(error), list(found.values.values()))
            raise Undelivered(text, lasting=lasting) from error

    async def _credentials(self, source: CloudEventSource) -> Credentials:
        """Resolved once for a burst of events."""
        now = self._io.now()
        self._kept = {each: kept for each, kept in self._kept.items() if kept[0] > now}
        if source not in self._kept:
            found = await credentials(source, self._resolver, self._client, self._io)
            self._kept[source] = (now + KEEP, found)
        return self._kept[source][1]

    async def _to_address(
        self, source: CloudEventSource, what: Occurrence, found: Credentials
    ) -> tuple[Call, Answer]:
        auth = _http_auth(found)
        call = await authorised(Call(source.address, timeout_s=TIMEOUT_S), auth, self._io)
        headers, body = what.binary(source.cluster or self._cluster, self._home)
        call = replace(call, headers={**call.headers, **headers}, json=body)
        return call, await exchanged(call, self._io)

    async def _to_topic(
        self, source: CloudEventSource, what: Occurrence, found: Credentials
    ) -> tuple[Call, Answer]:
        event = what.structured(source.cluster or self._cluster, self._home)
        call = Call(
            source.address,
            {"api-version": API_VERSION},
            {"Content-Type": BATCH},
            timeout_s=TIMEOUT_S,
            json=json.dumps([event]),
        )
        identity = found.identity
        if identity is not None and identity.provider == AZURE:
            self._check_domain(source.address)
            grant = as_azure(identity, (TOPIC_SCOPE,), self._io.settings.azure)
            return call, await as_bearer(call, grant, self._io)
        key = found.values.get("accessKey")
        if key is None:
            raise ScalerError("the authentication gives no 'accessKey' and no workload identity")
        headers = {**call.headers, "aeg-sas-key": key.reveal()}
        return call, await exchanged(replace(call, headers=headers), self._io)

    def _check_domain(self, address: str) -> None:
        host, own = urlsplit(address).hostname or "", self._io.settings.azure
        if host.endswith(f".{TOPIC_DOMAIN}") and urlsplit(address).scheme == "https":
            return
        if origin(address) not in {origin(each) for each in own.trusted}:
            raise ScalerError(f"the topic is no https address in {TOPIC_DOMAIN}")

    @property
    def _home(self) -> str:
        return self._resolver.settings.cluster_namespace


def _http_auth(found: Credentials) -> HttpAuth:
    """The credentials as those of HTTP triggers; without `authModes` none are sent.

    Raises:
        ScalerError: they do not go together.
    """
    auth, faults = read_all(HttpAuth, TriggerSpec(type="http", auth=found.values))
    problems = [fault.message for fault in faults]
    problems += auth.auth_problems() if auth is not None else ()
    if not isinstance(auth, HttpAuth) or problems:
        raise ScalerError("; ".join(problems))
    return auth
