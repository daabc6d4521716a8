"""The composition root: the one place that owns the wiring and the randomness.

    kubeconfig -> client -> lease -> engines <- kopf's events
                                  -> /healthz /readyz /metrics

An operator waits for the lease, then runs its engines until it is told to stop or loses the lease;
a lost lease ends the process, so that nothing half-stopped can go on acting. With `--shards` only
the node half waits: the event half handles the shards that are this process's, from the start.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import structlog
from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector

from eventscaler import handlers as event_handlers
from eventscaler.engine import EventEngine, EventSettings
from eventscaler.metrics import Exposed, build_info
from kube.client import Client, Json
from kube.config import ClusterConfig, ConfigError, connect, load
from kube.events import Recorder
from kube.lease import Candidacy
from kube.transport import Transport
from kube.values.lease import Terms
from nodescaler import handlers as node_handlers
from nodescaler.clouds.kwok import KwokCloud
from nodescaler.controllers.kit import PACK
from nodescaler.core.settings import PackSettings
from nodescaler.engine import NodeEngine, NodeSettings
from scalers._egress import NO_RULES, Egress
from scalers.io import IO
from tandem import flags
from tandem.clock import now
from tandem.credentials import LENT, Credentials, auth_settings, io_settings
from tandem.errors import BadInput, leaf
from tandem.external_metrics import serve
from tandem.halves import Half, resync
from tandem.handlers import CrossThread, Registry, host
from tandem.health import make_app, serving
from tandem.leases import Counted, Leases
from tandem.offer import Offer
from tandem.webhook import WebhookSettings
from tandem.webhook import serve as serve_webhook

log = structlog.get_logger()

TURN_S = 0.001  # how often a thread that plans lets the loop have its turn
LOST_LEASE = 3  # exit code: a restart is wanted, and it is nobody's mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What `tandem run` takes; durations in seconds.

    Attributes:
        only: "events" or "nodes" for one half, None for both.
        namespace: of the lease and of cluster-wide secrets; None takes the kubeconfig's.
        lease_s: how long a dead leader is waited for; renewed every two fifteenths of it.
        elect: wait for the lease; without it a single process is assumed.
        shards: into how many the event half is divided; with 1 the leader has all of it.
        egress: where the addresses that triggers name may lead.
        scale_with: "tandem" or "hpa": who counts from 1 to max where an object does not say.
        metrics: the metrics API for HPAs; None for none, and then no object has an HPA.
        listen: "host:port" of the health and metrics endpoints; port 0 takes a free one.
        pack: how nodes are planned.
        strict: refuse triggers with keys that they do not read.
        cluster_name: what CloudEvents call this cluster.
        webhook: where admission is served, by every replica; None for nowhere.
        lent: what authentications may use of the operator's.
    """

    kubeconfig: str | None = None
    context: str | None = None
    only: str | None = None
    namespace: str | None = None
    lease: str = "tandem"
    lease_s: float = 15.0
    elect: bool = True
    shards: int = 1
    egress: Egress = NO_RULES
    scale_with: str = "tandem"
    metrics: Offer | None = None
    listen: str = "127.0.0.1:8080"
    cloud: str = "kwok"
    batch_idle_s: float = 1.0
    batch_max_s: float = 10.0
    pack: PackSettings = PACK
    plan_deadline_s: float = 60.0
    node_startup_s: float = 0.0
    strict: bool = False
    cluster_name: str = "kubernetes-default"
    webhook: WebhookSettings | None = None
    lent: Credentials = LENT


def main(settings: RunSettings) -> None:
    """Run until SIGINT or SIGTERM; a second signal ends the process at once."""
    sys.setswitchinterval(TURN_S)
    try:
        code = asyncio.run(_until_signalled(settings))
    except* (ConfigError, BadInput) as errors:
        raise BadInput(str(leaf(errors))) from errors
    if code:
        sys.exit(code)


async def _until_signalled(settings: RunSettings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, partial(_signalled, stop))
    return await operate(settings, stop)


def _signalled(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(130)
    stop.set()


async def operate(
    settings: RunSettings,
    stop: asyncio.Event,
    *,
    started: Callable[[str], None] = lambda _url: None,
) -> int:
    """Run the operator until *stop*; the exit code is 0, or 3 when the lease was lost.

    Args:
        settings: what to run and where.
        stop: set to end it; everything is closed on the way out and the lease is released.
        started: called with the URL of the health endpoint once it answers.
    """
    address, port = flags.address("--listen", settings.listen)
    config = await load(settings.kubeconfig, settings.context)
    async with AsyncExitStack() as stack:
        transport = connect(config)
        stack.push_async_callback(transport.close)
        operator = Operator(settings, config, transport, registry=_registry())
        # Alive is to answer at all: a stuck loop does not.
        endpoints = make_app(
            operator.registry,
            alive=lambda: None,
            ready=operator.ready,
            decisions=operator.decisions,
        )
        try:
            bound = await stack.enter_async_context(serving(endpoints, address, port))
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else str(error)
            raise BadInput(f"--listen: {settings.listen} cannot be used: {why}") from error
        started(f"http://{address}:{bound}")
        log.info("serving", object=f"http://{address}:{bound}", why="health and metrics")
        return await operator.run(stop)


class Stopped(Exception):
    """Somebody asked us to stop."""


class LostLease(Exception):
    """Another process leads, or may by now."""


class Operator:
    """One process: it waits for the lease, then runs the engines until stopped or deposed."""

    def __init__(
        self,
        settings: RunSettings,
        config: ClusterConfig,
        transport: Transport,
        *,
        registry: CollectorRegistry,
    ) -> None:
        self.registry = registry
        self._settings = settings
        self._transport = transport
        self._engine: EventEngine | None = None
        self._namespace = settings.namespace or config.namespace
        self._identity = f"{socket.gethostname()}_{os.getpid()}"
        self._leading = Gauge("tandem_leading", "1 while this process leads.", registry=registry)
        self._synced = set[str]()
        candidacy = Candidacy(
            client=Client(transport),  # without a gate: it is what opens the others
            namespace=self._namespace,
            identity=self._identity,
            now=now,
            terms=Terms(settings.lease_s, settings.lease_s * 2 / 3, settings.lease_s * 2 / 15),
        )
        self._leases = Leases(candidacy, lease=settings.lease, shards=settings.shards)
        self._elector = self._leases.elector()
        both = ("events", "nodes") if settings.only is None else (settings.only,)
        self._led = tuple(half for half in both if settings.shards == 1 or half != "events")

    def decisions(self, kind: str, namespace: str, name: str) -> list[Json] | None:
        """The last ones of an object that this process handles."""
        return self._engine.decisions(kind, namespace, name) if self._engine else None

    def ready(self) -> str | None:
        """Standing by is being ready: a rollout must not wait for the old leader to die."""
        if self._settings.elect and not self._elector.reached():
            return "waiting for the API server"
        acting = set(self._led) if self._elector.leading() or not self._settings.elect else set()
        if self._settings.shards > 1:
            acting.add("events")
        return None if acting <= self._synced else "waiting for the first lists of the cluster"

    async def run(self, stop: asyncio.Event) -> int:
        code = 0
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_until(stop))
                if self._settings.elect:
                    group.create_task(self._elector.run())
                    group.create_task(self._until_deposed() if self._led else self._preside())
                if self._settings.webhook is not None:
                    group.create_task(self._admit(self._settings.webhook))
                if self._led:
                    group.create_task(self._lead())
                if self._settings.shards > 1:
                    group.create_task(self._share())
        except* Stopped:
            log.info("stopped", object=self._identity, why="asked to")
        except* LostLease:
            log.warning("stopped", object=self._identity, why="lost the lease; restart me")
            code = LOST_LEASE
        return code

    async def _until_deposed(self) -> None:
        await self._elector.wait_lost()
        raise LostLease

    async def _admit(self, webhook: WebhookSettings) -> None:
        reload = partial(load, self._settings.kubeconfig, self._settings.context)
        await serve_webhook(webhook, Client(self._transport), reload, self.registry)

    async def _preside(self) -> None:
        """Lead in name only: the leader's Lease tells how many shards there are."""
        while True:
            await self._elector.wait_leading()
            self._leading.set(1)
            await self._elector.wait_lost()
            self._leading.set(0)

    async def _lead(self) -> None:
        gate = _open
        if self._settings.elect:
            gate = self._elector.gate
            await self._elector.wait_leading()
        else:
            log.info("leading", object=self._identity, why="runs alone")
        if self._settings.elect and "events" in self._led:
            await self._leases.until_nobody_divides_otherwise()
        self._leading.set(1)
        try:
            await self._work(self._led, gate)
        finally:
            self._leading.set(0)

    async def _share(self) -> None:
        """The event half for the shards that are ours; other processes have the rest."""
        held = Gauge(
            "tandem_shard_held", "1 while this process has it.", ("shard",), registry=self.registry
        )
        shards = self._leases.shards()

        async def hold(halves: Sequence[Half]) -> None:
            for keeper in filter(None, (half.keeper for half in halves)):
                await shards.run(Counted(keeper, held, self._settings.shards))

        await self._work(("events",), shards.gate, hold)

    async def _work(
        self,
        names: Sequence[str],
        gate: Callable[[], None],
        meanwhile: Callable[[Sequence[Half]], Awaitable[None]] | None = None,
    ) -> None:
        """Run some halves and what they need; *meanwhile* ends before any of it does."""
        client = Client(self._transport, gate=gate)
        recorder = Recorder(client, component="tandem", instance=self._identity, now=now)
        io = IO(
            now=now, kube=client, settings=io_settings(self._settings.egress, self._settings.lent)
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(recorder.run())
                group.create_task(io.run())
                halves = [self._build(name, client, io, recorder) for name in names]
                await self._host(halves, group)
                for half in halves:
                    if half.source is not None and self._settings.metrics is not None:
                        offered = self._settings.metrics
                        group.create_task(
                            serve(offered, half.source, client, self._namespace, self.registry)
                        )
                self._synced.update(names)
                log.info("ready", object=self._identity, why="the first lists are in")
                if meanwhile is not None:
                    await meanwhile(halves)
        finally:
            await io.close()

    async def _host(self, halves: Sequence[Half], group: asyncio.TaskGroup) -> None:
        """Fill the engines with what there is, start them, and let kopf tell what changes."""
        handlers = Registry()
        loop = asyncio.get_running_loop()
        await resync(halves)
        for half in halves:
            half.register(handlers, CrossThread(half.engine, loop))
            group.create_task(half.engine.run())
        reload = partial(load, self._settings.kubeconfig, self._settings.context)
        group.create_task(host(handlers, reload, partial(resync, halves)))

    def _build(self, name: str, client: Client, io: IO, recorder: Recorder) -> Half:
        if name == "events":
            engine = self._engine = self._events(client, io, recorder)
            return Half(engine, event_handlers.register, engine, engine)
        return Half(self._nodes(client, recorder), node_handlers.register)

    def _events(self, client: Client, io: IO, recorder: Recorder) -> EventEngine:
        return EventEngine(
            client,
            io,
            recorder,
            now=now,
            settings=EventSettings(
                auth=auth_settings(self._namespace, self._settings.lent),
                strict=self._settings.strict,
                cluster=self._settings.cluster_name,
                hpa=self._settings.scale_with == "hpa",
                serves_metrics=self._settings.metrics is not None,
            ),
            rng=random.Random(),  # noqa: S311  # spreads polls, guards nothing
            registry=self.registry,
            shards=self._settings.shards,
        )

    def _nodes(self, client: Client, recorder: Recorder) -> NodeEngine:
        settings = self._settings
        return NodeEngine(
            client,
            {"kwok": KwokCloud(client, now=now)},
            recorder,
            now=now,
            settings=NodeSettings(
                batch_idle_s=settings.batch_idle_s,
                batch_max_s=settings.batch_max_s,
                pack=settings.pack,
                plan_deadline_s=settings.plan_deadline_s,
                node_startup_s=settings.node_startup_s,
                default_cloud=settings.cloud,
            ),
            registry=self.registry,
        )


def _open() -> None:
    """The gate of a process that runs alone."""


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
    raise Stopped


def _registry() -> CollectorRegistry:
    registry = Exposed()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    build_info(registry, version("tandem-autoscaler"))
    return registry
