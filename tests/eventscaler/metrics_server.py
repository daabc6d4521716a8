"""metrics.k8s.io and external.metrics.k8s.io as a test fills them, for the real aggregator.

Shapes as the metrics API documents them: a PodMetricsList chosen by label selector, and an
ExternalMetricValueList by metric name. A test writes `pods` and `external` and serves them by
`serving`.

Source: https://github.com/kubernetes/metrics/tree/master/pkg/apis
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from kube.values import selectors
from tests.aggregation import aggregate
from tests.contract.http import Api
from tests.control_plane import ControlPlane

Json = dict[str, Any]

RESOURCE, EXTERNAL = "metrics.k8s.io", "external.metrics.k8s.io"
VERSION = "v1beta1"
NOW = "2026-01-01T00:00:00Z"  # of an external value; nobody reads it


@dataclass(slots=True)
class Metrics:
    """What is served.

    Attributes:
        pods: PodMetrics, each with its labels.
        external: values by metric name; a name without an entry is answered with an error.
    """

    pods: list[Json] = field(default_factory=list)
    external: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def app(self) -> web.Application:
        app = web.Application()
        for group, plural, kind in (
            (RESOURCE, "pods", "PodMetrics"),
            (EXTERNAL, "*", "ExternalMetricValueList"),
        ):
            app.router.add_get(f"/apis/{group}/{VERSION}", _discovery(group, plural, kind))
        spaced = f"{VERSION}/namespaces/{{namespace}}"
        app.router.add_get(f"/apis/{RESOURCE}/{spaced}/pods", self._pods)
        app.router.add_get(f"/apis/{EXTERNAL}/{spaced}/{{metric}}", self._external)
        return app

    async def _pods(self, request: web.Request) -> web.Response:
        wanted = selectors.parse(request.query.get("labelSelector", ""))
        items = [
            pod
            for pod in self.pods
            if pod["metadata"]["namespace"] == request.match_info["namespace"]
            and selectors.matches(wanted, pod["metadata"]["labels"])
        ]
        return web.json_response(_list(RESOURCE, "PodMetricsList", items))

    async def _external(self, request: web.Request) -> web.Response:
        name = request.match_info["metric"]
        if name not in self.external:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500}
            return web.json_response(status | {"message": "the source is down"}, status=500)
        items = [
            {"metricName": name, "metricLabels": {}, "timestamp": NOW, "value": value}
            for value in self.external[name]
        ]
        return web.json_response(_list(EXTERNAL, "ExternalMetricValueList", items))


def _list(group: str, kind: str, items: list[Json]) -> Json:
    return {"kind": kind, "apiVersion": f"{group}/{VERSION}", "metadata": {}, "items": items}


def _discovery(group: str, plural: str, kind: str) -> Any:
    resource = {"name": plural, "singularName": "", "namespaced": True, "kind": kind}
    body = {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{VERSION}",
        "resources": [resource | {"verbs": ["get", "list"]}],
    }

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    return answer


@asynccontextmanager
async def serving(metrics: Metrics, plane: ControlPlane, api: Api) -> AsyncIterator[None]:
    """*metrics* behind the API server of *plane*, for as long as the block runs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*plane.aggregated)
    runner = web.AppRunner(metrics.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    try:
        for group in (RESOURCE, EXTERNAL):
            await aggregate(api, group, VERSION, port, plane.authority.read_bytes())
        yield
    finally:
        await runner.cleanup()
