"""A server of ours behind the real API server's aggregator."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
from aiohttp import web

from tests import control_plane
from tests.aggregation import aggregate
from tests.certificates import FRONT_PROXY
from tests.clusters import Cluster
from tests.contract.http import Api, Json
from tests.control_plane import ControlPlane

GROUP = "greetings.tandem.test"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    programs = control_plane.assets()
    if programs is None:
        pytest.skip(control_plane.missing())
    found = ControlPlane(programs, tmp_path_factory.mktemp("aggregator"))
    yield found
    found.stop()


def tls(plane: ControlPlane) -> ssl.SSLContext:
    """Callers must show a certificate of the authority, as the API server does."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(plane.authority))
    context.load_cert_chain(*plane.aggregated)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_server_behind_the_api_server_is_told_who_asks(plane: ControlPlane) -> None:
    callers: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        shown = request.transport.get_extra_info("peercert")["subject"]
        callers.append(dict(pair for (pair,) in shown)["commonName"])
        return web.json_response({"user": request.headers.get("X-Remote-User")})

    app = web.Application()
    app.router.add_get("/apis/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls(plane)).start()
    cluster = Cluster("real", plane.url, plane.folder, plane.token, plane.authority)
    async with cluster.http() as session:
        api = Api(session)
        port = runner.addresses[0][1]
        await aggregate(api, GROUP, "v1", port, plane.authority.read_bytes())
        found: Json = (await api.get(f"/apis/{GROUP}/v1/hello")).ok()
    await runner.cleanup()

    assert found == {"user": "admin"}
    assert set(callers) == {FRONT_PROXY}
