"""Which certificate the server shows: one from files, or one of its own making that it publishes.

With files, whoever wrote them also told the APIService whom to trust (Helm, cert-manager). Without,
a certificate is made at the start and again before it ends, and its authority is written into the
APIService as `caBundle`; a restart makes another one, which nobody but the API server notices.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog

from eventscaler.metrics_api.values import GROUP, VERSION
from kube.certificates import KeyPair, expires, self_signed
from kube.client import Client
from kube.errors import KubeError
from kube.resources import Resource
from kube.values.times import Now

log = structlog.get_logger()

API_SERVICES = Resource(
    "apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False
)
NAME = f"{VERSION}.{GROUP}"
RENEW_BEFORE = timedelta(days=30)


class Keys(Protocol):
    """Asked every now and then; the same pair again means that nothing changed."""

    async def current(self) -> KeyPair: ...


@dataclass(frozen=True, slots=True)
class FileKeys:
    """From two PEM files, read anew each time: a mounted Secret changes under us."""

    certificate: Path
    key: Path

    async def current(self) -> KeyPair:
        """Raises OSError when one cannot be read."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> KeyPair:
        return KeyPair(b"", self.certificate.read_bytes(), self.key.read_bytes())


@dataclass(frozen=True, slots=True)
class ServiceName:
    """The Service that the APIService names."""

    namespace: str
    name: str

    @property
    def hosts(self) -> Sequence[str]:
        """What the API server calls it; the first is what it asks the certificate for."""
        host = f"{self.name}.{self.namespace}.svc"
        return (host, f"{host}.cluster.local", "localhost")

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class OwnKeys:
    """Made here, published in the APIService when it names *service*."""

    def __init__(self, client: Client, service: ServiceName, now: Now) -> None:
        self._client = client
        self._service = service
        self._now = now
        self._pair: KeyPair | None = None
        self._warned = ""

    async def current(self) -> KeyPair:
        pair = self._pair
        if pair is None or expires(pair.certificate) - self._now() < RENEW_BEFORE:
            pair = self._pair = self_signed(self._service.hosts, self._now())
        await self._publish(pair)
        return pair

    async def _publish(self, pair: KeyPair) -> None:
        """Let the API server trust us; what fails is said once and tried again at the next look."""
        told = await self._published(pair)
        if told and told != self._warned:
            log.warning("not published", object=f"APIService/{NAME}", why=told)
        self._warned = told

    async def _published(self, pair: KeyPair) -> str:
        """Why not; "" when it is."""
        bundle = base64.b64encode(pair.authority).decode()
        try:
            spec = (await self._client.get(API_SERVICES, NAME))["spec"]
            named = spec.get("service") or {}
            other = ServiceName(str(named.get("namespace")), str(named.get("name")))
            if other != self._service:
                return f"it names the Service {other}, and this server is {self._service}"
            if spec.get("caBundle") != bundle:
                # null: a bundle and the leave to ignore it exclude each other
                change = {"caBundle": bundle, "insecureSkipTLSVerify": None}
                await self._client.patch(API_SERVICES, NAME, {"spec": change})
        except KubeError as error:
            return str(error)
        return ""
