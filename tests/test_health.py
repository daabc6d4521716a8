"""What a kubelet and a Prometheus get."""

from __future__ import annotations

import aiohttp
from prometheus_client import CollectorRegistry, Counter

from tandem.health import make_app, serving


async def test_the_three_endpoints() -> None:
    registry = CollectorRegistry()
    Counter("scaled", "Decisions.", registry=registry).inc(3)
    app = make_app(registry, alive=lambda: None, ready=lambda: "waiting for the lists")

    async with serving(app, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        found = {}
        for path in ("/healthz", "/readyz", "/metrics"):
            async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                found[path] = (answer.status, await answer.text())

    assert found["/healthz"] == (200, "ok")
    assert found["/readyz"] == (503, "waiting for the lists")
    assert "scaled_total 3.0" in found["/metrics"][1]
