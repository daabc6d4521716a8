"""The leader's address in the Service's EndpointSlice, on both clusters."""

from __future__ import annotations

import uuid

from eventscaler.metrics_api.keys import ServiceName
from eventscaler.metrics_api.publish import Place, settle
from kube.client import Client, Json
from kube.resources import ENDPOINT_SLICES, NAMESPACES
from tests.clusters import Cluster


async def found(client: Client, place: Place) -> Json:
    return await client.get(ENDPOINT_SLICES, place.name, namespace=place.service.namespace)


async def test_a_new_leader_takes_the_place_of_the_old_one(cluster: Cluster) -> None:
    client = cluster.client()
    namespace = f"metrics-{uuid.uuid4().hex[:8]}"
    await client.create(
        NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    )
    service = ServiceName(namespace, "metrics")
    old, new = Place(service, "10.1.0.7", 6443), Place(service, "10.1.0.8", 6443)
    six = Place(service, "2001:db8::1", 6443)

    await settle(client, old)
    first = await found(client, old)
    await settle(client, old)
    again = await found(client, old)
    await settle(client, new)
    second = await found(client, new)
    await settle(client, six)
    third = await found(client, six)
    await client.close()

    assert first["metadata"]["labels"]["kubernetes.io/service-name"] == "metrics"
    assert first["ports"][0]["name"] == "https", "as the Service's port is called"
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert second["endpoints"][0]["addresses"] == ["10.1.0.8"]
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert (third["addressType"], third["endpoints"][0]["addresses"]) == ("IPv6", ["2001:db8::1"])
