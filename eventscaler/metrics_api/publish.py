"""Who of several replicas serves: the leader writes its address into the Service's EndpointSlice.

Only the leader reads sources, so only it has numbers. The Service of the metrics API has no
selector; its one endpoint is the process that leads, and a new leader replaces the old one's
address. While nobody leads the API server has no answer, and HPAs hold.

Source: https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address

import structlog

from eventscaler.metrics_api.keys import ServiceName
from kube.client import Client, Json
from kube.errors import KubeError, NotFound, NotLeading
from kube.resources import ENDPOINT_SLICES

log = structlog.get_logger()

LOOK_S = 30.0
OWN = ("addressType", "endpoints", "ports")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the leader serves: an address that the API server reaches, and the port."""

    service: ServiceName
    address: str
    port: int

    @property
    def name(self) -> str:
        return f"{self.service.name}-leader"

    def slice(self) -> Json:
        kind = f"IPv{ip_address(self.address).version}"
        return {
            "apiVersion": ENDPOINT_SLICES.api_version,
            "kind": ENDPOINT_SLICES.kind,
            "metadata": {
                "name": self.name,
                "namespace": self.service.namespace,
                "labels": {
                    "kubernetes.io/service-name": self.service.name,
                    "endpointslice.kubernetes.io/managed-by": "tandem",
                },
            },
            "addressType": kind,
            "endpoints": [{"addresses": [self.address], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": self.port, "protocol": "TCP"}],
        }


async def publish(client: Client, place: Place) -> None:
    """Keep the slice as it should be, until cancelled."""
    while True:
        try:
            await settle(client, place)
        except NotLeading:
            raise
        except KubeError as error:
            where = f"{place.service.namespace}/EndpointSlice/{place.name}"
            log.warning("not published", object=where, why=str(error))
        await asyncio.sleep(LOOK_S)


async def settle(client: Client, place: Place) -> None:
    """Make the slice what it should be. Raises `KubeError`."""
    wanted, namespace = place.slice(), place.service.namespace
    try:
        found = await client.get(ENDPOINT_SLICES, place.name, namespace=namespace)
    except NotFound:
        await client.create(ENDPOINT_SLICES, wanted)
        return
    if found.get("addressType") != wanted["addressType"]:  # which no update may change
        await client.delete(ENDPOINT_SLICES, place.name, namespace=namespace)
        await client.create(ENDPOINT_SLICES, wanted)
    elif any(found.get(key) != wanted[key] for key in OWN):
        await client.replace(ENDPOINT_SLICES, wanted)
