"""A metrics server on a real control plane, with numbers that a test gives."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from prometheus_client import CollectorRegistry

from eventscaler.metrics.external import ExternalMeters
from eventscaler.metrics_api import Blind, Measured, MetricsServer, ServerSettings, Unknown
from eventscaler.metrics_api.keys import Keys, ServiceName
from kube.client import Client, Json
from kube.resources import Resource
from tests.certificates import AGGREGATED
from tests.clusters import Cluster
from tests.control_plane import ControlPlane

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SERVICE = ServiceName(AGGREGATED, "external-metrics-k8s-io")  # as tests.aggregation names it
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
METRICS = "/apis/external.metrics.k8s.io/v1beta1"


@dataclass(slots=True)
class Numbers:
    """What there is to serve, by namespace, ScaledObject and metric; a text is why it is blind."""

    held: dict[tuple[str, str, str], float | str] = field(default_factory=dict)
    meters: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def external(self, namespace: str, scaled_object: str, metric: str) -> Measured:
        found = self.held.get((namespace, scaled_object, metric))
        if found is None:
            raise Unknown(f"ScaledObject {namespace}/{scaled_object} has no metric {metric}")
        if isinstance(found, str):
            raise Blind(found)
        return Measured(found, NOON)


def cluster_of(plane: ControlPlane) -> Cluster:
    return Cluster("real", plane.url, plane.folder, plane.token, plane.authority)


@asynccontextmanager
async def metrics_server(
    client: Client, numbers: Numbers, keys: Keys, *, look_s: float = 0.1
) -> AsyncIterator[int]:
    """Serve *numbers* while inside; gives the port."""
    settings = ServerSettings("127.0.0.1", 0, look_s)
    server = MetricsServer(client, numbers, keys, settings, ExternalMeters(numbers.meters))
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.run(port.set_result))
        yield await port
        task.cancel()


def trusting(authority: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.decode())


@asynccontextmanager
async def direct(
    port: int, tls: ssl.SSLContext, token: str = ""
) -> AsyncIterator[aiohttp.ClientSession]:
    """A caller that does not come through the API server."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connector = aiohttp.TCPConnector(ssl=tls)
    url = f"https://localhost:{port}"
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as session:
        yield session


async def token_of(client: Client, account: str, namespace: str = "default") -> str:
    """A token of a new ServiceAccount."""
    body: Json = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}
    await client.create(SERVICE_ACCOUNTS, body, namespace=namespace)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = await client.create(
        SERVICE_ACCOUNTS, review, namespace=namespace, name=account, subresource="token"
    )
    return str(made["status"]["token"])
