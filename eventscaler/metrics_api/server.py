"""The server: routes, who may use them, and answers in the API's own words."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aiohttp import web

from eventscaler.core.hpa import SELECTOR
from eventscaler.metrics.external import ExternalMeters
from eventscaler.metrics_api import documents
from eventscaler.metrics_api.access import Access
from eventscaler.metrics_api.front_proxy import FrontProxy, front_proxy
from eventscaler.metrics_api.keys import Keys
from eventscaler.metrics_api.tls import Tls, context_of
from eventscaler.metrics_api.values import (
    API_VERSION,
    GROUP,
    Blind,
    Question,
    Refusal,
    Source,
    Unknown,
)
from kube.certificates import KeyPair
from kube.client import Client, Json
from kube.errors import KubeError
from kube.resources import CONFIG_MAPS
from kube.values.selectors import Operator, parse

log = structlog.get_logger()

OPEN = frozenset({"/healthz", "/readyz", "/livez"})
METRIC = f"/apis/{API_VERSION}/namespaces/{{namespace}}/{{metric}}"
CONFIGURATION = ("kube-system", "extension-apiserver-authentication")
LOOK_S = 10.0
BODY_LIMIT = 1 << 16  # nobody has anything to send
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where to listen, and how often certificates and the cluster's configuration are read."""

    host: str
    port: int
    look_s: float = LOOK_S


class MetricsServer:
    """Serves *source* to whom the cluster lets."""

    def __init__(
        self,
        client: Client,
        source: Source,
        keys: Keys,
        settings: ServerSettings,
        meters: ExternalMeters,
    ) -> None:
        self._client = client
        self._source = source
        self._keys = keys
        self._settings = settings
        self._meters = meters
        self._warned = ""
        self._access = Access(client)
        self._shown: tuple[KeyPair, str] | None = None

    async def run(self, listening: Callable[[int], None]) -> None:
        """Serve until cancelled; *listening* is told the port.

        Raises:
            OSError, ssl.SSLError, ValueError: the address or the certificate cannot be used.
        """
        pair, self._access.proxy = await self._found()
        tls = Tls(await self._context(pair, self._access.proxy))
        runner = web.AppRunner(self._app(), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(
                runner, self._settings.host, self._settings.port, ssl_context=tls.context
            )
            await site.start()
            listening(runner.addresses[0][1])
            await self._look_after(tls)
        finally:
            await runner.cleanup()

    async def _look_after(self, tls: Tls) -> None:
        """Take over what was rotated, for ever."""
        while True:
            await asyncio.sleep(self._settings.look_s)
            try:
                await self._renew(tls)
            except (ssl.SSLError, ValueError, OSError) as error:
                log.warning("certificate not taken over", object="metrics API", why=str(error))

    async def _renew(self, tls: Tls) -> None:
        pair, proxy = await self._found()
        if (pair, proxy.authority) != self._shown:
            tls.use(await self._context(pair, proxy))
        self._access.proxy = proxy

    async def _found(self) -> tuple[KeyPair, FrontProxy]:
        return await self._keys.current(), await self._front_proxy()

    async def _context(self, pair: KeyPair, proxy: FrontProxy) -> ssl.SSLContext:
        context = await asyncio.to_thread(context_of, pair, proxy.authority)
        self._shown = pair, proxy.authority
        return context

    async def _front_proxy(self) -> FrontProxy:
        """As the cluster says; as known before when it does not answer."""
        namespace, name = CONFIGURATION
        try:
            found = await self._client.get(CONFIG_MAPS, name, namespace=namespace)
            proxy = front_proxy(found.get("data") or {})
        except (KubeError, ValueError) as error:
            self._warn(str(error))
            return self._access.proxy
        missing = "the cluster names no authority of a front proxy: callers need a token"
        self._warn("" if proxy.authority else missing)
        return proxy

    def _warn(self, why: str) -> None:
        """Once, and again when it is something else; "" for nothing."""
        if why and why != self._warned:
            log.warning("front proxy not known", object="/ConfigMap/".join(CONFIGURATION), why=why)
        self._warned = why

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._counted], client_max_size=BODY_LIMIT)
        routes = {
            "/apis": self._groups,
            f"/apis/{GROUP}": _document(documents.group()),
            f"/apis/{API_VERSION}": _document(documents.resources()),
            "/openapi/v2": _document(documents.openapi_v2()),
            "/openapi/v3": _document(documents.openapi_v3_index()),
            f"/openapi/v3/{documents.OPENAPI_PATH}": _document(documents.openapi_v3()),
            METRIC: self._metric,
            **dict.fromkeys(OPEN, _healthy),
        }
        for path, handler in routes.items():
            app.router.add_get(path, handler)
        return app

    @web.middleware
    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await self._guard(request, handler)
        if request.path not in OPEN:
            self._meters.answered(answer.status)
        return answer

    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path not in OPEN:
                caller = await self._access.caller(request)
                question, verb = _question(request)
                await self._access.allow(caller, question, verb)
            return await handler(request)
        except Refusal as refusal:
            return _refused(refusal)
        except web.HTTPException as error:
            reason = {404: "NotFound", 405: "MethodNotAllowed"}.get(error.status, "Unknown")
            return _refused(Refusal(error.status, reason, f"{request.method} {request.path}"))

    async def _groups(self, request: web.Request) -> web.Response:
        """In the form that was asked for; older API servers know the first only."""
        if "as=APIGroupDiscoveryList" not in request.headers.get("Accept", ""):
            return web.json_response(documents.groups())
        return _raw(documents.aggregated_groups(), documents.AGGREGATED)

    async def _metric(self, request: web.Request) -> web.Response:
        namespace, metric = request.match_info["namespace"], request.match_info["metric"]
        name = _scaled_object(request.query.get("labelSelector", ""))
        try:
            measured = await self._source.external(namespace, name, metric)
        except Unknown as unknown:
            raise Refusal(404, "NotFound", str(unknown)) from unknown
        except Blind as blind:
            raise Refusal(503, "ServiceUnavailable", str(blind)) from blind
        return web.json_response(documents.value_list(metric, name, measured))


def _question(request: web.Request) -> tuple[Question, str]:
    """What the request is about, as the API server's own rules see it: a metric is *listed*."""
    namespace, metric = request.match_info.get("namespace"), request.match_info.get("metric")
    if namespace and metric:
        return Question(request.path, namespace, metric), "list"
    return Question(request.path), request.method.lower()


def _scaled_object(selector: str) -> str:
    """Whose metric it is: the one label that HPAs of ours select by."""
    want = f"labelSelector: found {selector!r}, want {SELECTOR}=NAME"
    try:
        requirements = parse(selector)
    except ValueError as error:
        raise Refusal(400, "BadRequest", f"labelSelector: {error}") from error
    for one in requirements:
        if one.key == SELECTOR and one.operator is Operator.IN and len(one.values) == 1:
            return one.values[0]
    raise Refusal(400, "BadRequest", want)


def _document(body: Json) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    return answer


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _refused(refusal: Refusal) -> web.Response:
    return web.json_response(documents.status(refusal), status=refusal.code)


def _raw(body: Json, content_type: str) -> web.Response:
    return web.Response(body=json.dumps(body), headers={"Content-Type": content_type})
