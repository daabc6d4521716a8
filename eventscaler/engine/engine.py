"""The loop of the event half. See the package.

The loop pops what is due and gives each object a task of its own; a slow source or a failing API
call therefore delays nobody else. What is read is bounded by `scalers.io` per endpoint, what is
written by the Kubernetes client. With nothing changing nothing is written.
"""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - the type only; an instance is passed in
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry

from eventscaler.auth import Resolver
from eventscaler.cloudevents import Emitter, Sender
from eventscaler.engine.authentications import Authentications
from eventscaler.engine.bindings import Bindings
from eventscaler.engine.external import ExternalMetrics
from eventscaler.engine.finalizers import Leaver, is_leaving
from eventscaler.engine.hpas import Hpas
from eventscaler.engine.job_turn import JobTurn
from eventscaler.engine.registry import SCALED, Registry, auth_key, object_key
from eventscaler.engine.reporting import Reporter, about
from eventscaler.engine.schedule import Key, Schedule
from eventscaler.engine.settings import EventSettings
from eventscaler.engine.share import Share
from eventscaler.engine.sources import SOURCES, Sources
from eventscaler.engine.teller import Teller
from eventscaler.engine.tracked import Counts, EngineStatistics, Tracked
from eventscaler.engine.turn import Turn
from eventscaler.engine.turning import Turning
from eventscaler.engine.users import report
from eventscaler.metrics import CloudEventMeters, Meters
from eventscaler.readings import Readings
from eventscaler.scaled_jobs.rounds import Rounds
from eventscaler.scaled_jobs.store import Store
from eventscaler.scaling.binding import Binder
from eventscaler.scaling.events import departed
from eventscaler.scaling.sample import Sampler
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import KubeError, NotFound
from kube.events import Recorder
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_JOBS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
    Resource,
)
from kube.scale import Target
from kube.values.times import Now
from kube.watched_scales import WatchedScales
from scalers.io import IO

log = structlog.get_logger()

DEFAULTS = EventSettings()
RELIST_S = 10.0  # after a listing failed
AUTHENTICATIONS = (TRIGGER_AUTHENTICATIONS, CLUSTER_TRIGGER_AUTHENTICATIONS)
_RESOURCES = {resource.kind: resource for resource in AUTHENTICATIONS}


class EventEngine:
    """Scales what ScaledObjects and ScaledJobs ask for.

    Args:
        client: writes go through its gate, so an engine that lost its lease changes nothing.
        io: where scalers read; shared with nobody else, closed by its owner.
        rng: spreads the polls.
        registry: where the meters go.
        shards: into how many the objects are divided; with more than one, only those of shards
            that were taken up are handled.
    """

    def __init__(
        self,
        client: Client,
        io: IO,
        recorder: Recorder,
        *,
        now: Now,
        settings: EventSettings = DEFAULTS,
        rng: random.Random,
        registry: CollectorRegistry,
        shards: int = 1,
    ) -> None:
        self._client = client
        self._now = now
        self._settings = settings
        self._rng = rng
        self._meters = Meters(registry)
        self._counts = Counts()
        self._share = Share(shards)
        self._relist = asyncio.Event()
        self._complete = asyncio.Event()  # after the first whole listing
        self._told: list[set[Key]] = []  # a listing under way: what events told of since
        self._schedule = Schedule()
        resolver = Resolver(settings.auth)
        sender = Sender(client, resolver, io, cluster=settings.cluster)
        self._emitter = Emitter(sender.send, CloudEventMeters(registry), now=now, rng=rng)
        self._teller = Teller(recorder, self._emitter)
        self._authentications = Authentications(self._share, self._meters, self._teller)
        self._registry = Registry(resolver, self._meters, self._authentications, hpa=settings.hpa)
        self._readings = Readings(io, self._meters, share_s=settings.share_s)
        discovery = Discovery(client)
        self._scales = scales = WatchedScales(client, discovery, self._moved)
        self._hpas = Hpas(client, served=settings.serves_metrics)
        self.external = ExternalMetrics(self._registry.get, self._at_once, settings, now).external
        self._leaver = Leaver(client, scales, self._share)
        self._sources = Sources(client, self._emitter, self._share, self._leaver, self._meters, now)
        binder = Binder(client, discovery, resolver, io, strict=settings.strict)
        self._bindings = bindings = Bindings(
            client,
            binder,
            find=self._registry.get,
            due=self._due,
            now=now,
            refresh_s=settings.refresh_s,
        )
        reporter = Reporter(client, self._teller, self._counts)
        turn = Turn(
            client,
            discovery,
            rival=self._registry.rival,
            current=self._registry.is_current,
            bindings=bindings,
            sampler=Sampler(client, scales, self._readings, now),
            reporter=reporter,
            hpas=self._hpas,
            meters=self._meters,
            counts=self._counts,
            now=now,
            settings=settings,
        )
        job_turn = JobTurn(
            current=self._registry.is_current,
            bindings=bindings,
            rounds=Rounds(Store(client), self._readings, now),
            reporter=reporter,
            meters=self._meters,
            now=now,
            settings=settings,
        )
        self._turning = Turning(
            {SCALED_OBJECTS.kind: turn, SCALED_JOBS.kind: job_turn},
            self._registry,
            self._schedule,
            self._share,
            self._meters,
            self._counts,
            settings=settings,
            rng=rng,
        )

    async def run(self) -> None:
        """Scale, until cancelled. Lists everything first."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._bindings.run())
            group.create_task(self._keep_listed())
            group.create_task(self._scales.run())
            group.create_task(self._leaver.run())
            if self._share.whole:
                group.create_task(report(self._registry.users, self._client, self._complete))
            group.create_task(self._emitter.run())
            group.create_task(self._hpas.run(self._edited))
            while True:
                key, due = await self._schedule.pop()
                tracked = self._registry.get(key)
                if tracked is not None and not tracked.running:
                    tracked.running = True
                    group.create_task(self._turning.take(tracked, due))

    async def resync(self) -> None:
        """List our resources, take all of them in, forget those that vanished.

        Raises:
            KubeError: the API did not answer; what is known stays.
        """
        for resource in AUTHENTICATIONS:
            known = self._registry.auth_keys(resource.kind)
            bodies = await self._listed(resource)
            self._learn_all(resource, bodies)
            for gone in known - {auth_key(resource.kind, body) for body in bodies}:
                self._at_once(self._registry.unlearn(gone))
        self._authentications.settled = True
        await self._sources.resync(self._listed)
        if not self._share.empty:
            for resource in SCALED.values():
                await self._resync_objects(resource)
        self._complete.set()

    async def _resync_objects(self, resource: Resource) -> None:
        before, told = self._registry.keys(resource.kind), set[Key]()
        self._told.append(told)
        try:
            bodies = {object_key(body): body for body in await self._listed(resource)}
        finally:
            self._told = [each for each in self._told if each is not told]
        for key, body in bodies.items():
            if key not in told:
                self._upsert(body)
        for key in before - bodies.keys() - told:
            self._deleted(key)

    async def _listed(self, resource: Resource) -> list[Json]:
        try:
            return await self._client.items(resource)
        except NotFound:
            log.info("kind not installed", object=resource.kind)
            return []

    def changed(self, body: Json) -> None:
        """An object of ours was made or edited. Never waits; call it in the loop."""
        kind = str(body["kind"])
        if kind in SCALED:
            self._hear(object_key(body))
            self._upsert(body)
        elif kind in SOURCES:
            self._sources.put(body)
        else:
            self._learn(_RESOURCES[kind], body)

    def gone(self, body: Json) -> None:
        """An object of ours was deleted."""
        kind = str(body["kind"])
        if kind in SCALED:
            self._hear(object_key(body))
            self._deleted(object_key(body))
        elif kind in SOURCES:
            self._sources.drop(body)
        else:
            self._at_once(self._registry.unlearn(auth_key(kind, body)))

    def take_up(self, shard: int) -> None:
        """Handle the objects of *shard* from now on; they are listed at once."""
        self._share.take_up(shard)
        self._relist.set()

    async def lay_down(self, shard: int) -> None:
        """Handle no object of *shard* any more; what is being written for them is awaited."""
        for tracked in self._registry.of_shard(shard):
            self._forget(tracked.key)
        await self._share.lay_down(shard)

    def statistics(self) -> EngineStatistics:
        return EngineStatistics(
            objects=len(self._registry),
            running=self._counts.running,
            samples=self._counts.samples,
            reads=self._readings.reads,
            shared=self._readings.shared,
            scaled=self._counts.scaled,
            reported=self._counts.reported,
            latest_s=self._counts.latest_s,
        )

    def decisions(self, kind: str, namespace: str, name: str) -> list[Json] | None:
        """The last decisions of an object, oldest first; None when it is not handled here."""
        tracked = self._registry.get(Key(namespace, name, kind))
        if tracked is None:
            return None
        return [dict(kept.json()) for kept in tracked.journal.entries]

    async def _keep_listed(self) -> None:
        """List at the start, with every shard that is taken up, and now and then.

        The last because a watch that broke tells of no deletion.
        """
        while True:
            self._relist.clear()
            wait: float | None = self._settings.resync_s or None
            try:
                await self.resync()
            except KubeError as error:
                log.warning("listing failed", why=str(error), retry_s=RELIST_S)
                wait = RELIST_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._relist.wait()

    def _hear(self, key: Key) -> None:
        """An event is newer than a list asked for before it: the list must not undo it."""
        for told in self._told:
            told.add(key)

    def _learn_all(self, resource: Resource, bodies: list[Json]) -> None:
        for body in bodies:
            self._learn(resource, body)

    def _learn(self, resource: Resource, body: Json) -> None:
        if is_leaving(body):
            self._leaver.put(resource, body)
        self._at_once(self._registry.learn(resource.kind, body))

    def _upsert(self, body: Json) -> None:
        key, shard = object_key(body), self._share.shard(body)
        if not self._share.holds(shard):
            self._forget(key)
            return
        if is_leaving(body):
            self._leaver.put(SCALED[key.kind], body, self._registry.get(key))
            self._deleted(key)
            return
        known = self._registry.get(key) is not None
        tracked = self._registry.upsert(body, shard)
        if tracked is not None:
            self._due(tracked, 0.0 if known else self._first_wait(tracked))

    def _first_wait(self, tracked: Tracked) -> float:
        """Spread what was there before us; what was just made is looked at now."""
        order = tracked.order
        if order is None or self._now() - order.created < timedelta(
            seconds=self._settings.first_poll_s
        ):
            return 0.0
        return self._rng.uniform(0.0, min(self._settings.first_poll_s, order.polling_s))

    def _deleted(self, key: Key) -> None:
        tracked = self._registry.get(key)
        if tracked is not None:
            watched = tracked.binding is not None and not tracked.binding.refused
            self._teller.say(about(tracked), departed(key.kind, watched=watched))
        self._forget(key)

    def _forget(self, key: Key) -> None:
        self._registry.forget(key)
        self._bindings.forget(key)
        self._schedule.drop(key)

    def _at_once(self, concerned: Iterable[Tracked | None]) -> None:
        for tracked in concerned:
            if tracked is not None:
                self._due(tracked, 0.0)

    def _edited(self, key: Key) -> None:
        """Somebody edited the HPA of an object."""
        self._at_once([self._registry.get(key)])

    def _moved(self, target: Target) -> None:
        """The count of a workload changed: of one of ours it is looked at unless we did that."""
        scale = self._scales.held(target)
        for tracked in self._registry.of_target(target):
            if scale is not None and scale.replicas != tracked.count:
                self._due(tracked, 0.0)

    def _due(self, tracked: Tracked, wait: float) -> None:
        if tracked.running:
            tracked.again = True
        else:
            self._schedule.put(tracked.key, asyncio.get_running_loop().time() + wait)
