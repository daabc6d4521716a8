"""A Deployment whose pods a test writes, and a cluster API that answers by path."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kube.client import Client
from kube.resources import DEPLOYMENTS, NAMESPACES, PODS
from kube.scale import Target
from kube.transport import Request, Response
from kube.values import times
from tests.clusters import Cluster
from tests.scalers.cluster import Answers

Json = dict[str, Any]
CONTAINERS = ("app", "side")


@dataclass(frozen=True, slots=True)
class Workload:
    """The Deployment "web" of a namespace of its own."""

    client: Client
    target: Target

    async def pod(self, *, usage: str, requests: str, age_s: int = 3600, **status: Any) -> None:
        """One more pod of two containers, *usage* and *requests* written "cpu=1,memory=1Gi" each.

        It is running and ready since its start; *status* changes that.
        """
        name = f"web-{uuid.uuid4().hex[:8]}"
        asked = dict(part.split("=") for part in requests.split(",") if part)
        boxes = [
            {"name": each, "image": "none", "resources": {"requests": asked}} for each in CONTAINERS
        ]
        meta = {"name": name, "labels": {"app": "web"}, "annotations": {"tandem.sh/usage": usage}}
        body = {"metadata": meta, "spec": {"containers": boxes}}
        since = times.seconds(datetime.now(UTC) - timedelta(seconds=age_s))
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
        told = {"phase": "Running", "startTime": since, "conditions": [ready]} | status
        space = self.target.namespace
        await self.client.create(PODS, body, namespace=space)
        await self.client.patch(PODS, name, {"status": told}, namespace=space, subresource="status")


@asynccontextmanager
async def workload(cluster: Cluster) -> AsyncIterator[Workload]:
    client, space = cluster.client(), f"resource-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": space}})
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "none"}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    await client.create(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec}, namespace=space)
    yield Workload(client, Target(space, "apps/v1", "Deployment", "web"))
    await client.delete(NAMESPACES, space)
    await client.close()


class Paths(Answers):
    """Gives the answer of the path that is asked for, else 404; keeps what was asked."""

    def __init__(self, answers: Mapping[str, Json]) -> None:
        super().__init__({})
        self._answers = answers

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        self.asked.append(request)
        await asyncio.sleep(0)  # as on a network, others have their turn
        if request.path not in self._answers:
            return Response(404, b'{"message": "nothing is served there"}')
        return Response(200, json.dumps(self._answers[request.path]).encode())
