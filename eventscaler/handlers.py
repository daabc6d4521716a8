"""kopf's events, passed on to the engine, and the API server's questions, passed on to a judge.

`on.event` only: it costs a millisecond and writes nothing, while timers, daemons and the other
handlers put finalizers and annotations on every object. The questions have a registry of their own,
because every replica answers them and only the leader hears events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import kopf

from eventscaler.admission.review import Request, Verdict
from kube.feed import Sink
from kube.resources import (
    CLOUD_EVENT_SOURCES,
    CLUSTER_CLOUD_EVENT_SOURCES,
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_JOBS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
    Resource,
)

Judge = Callable[[Request], Awaitable[Verdict]]

FORBIDDEN = 403  # what the author is told an admission webhook's no is

WATCHED = (
    TRIGGER_AUTHENTICATIONS,
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_OBJECTS,
    SCALED_JOBS,
)

SINKS = (CLOUD_EVENT_SOURCES, CLUSTER_CLOUD_EVENT_SOURCES)


def register(registry: kopf.OperatorRegistry, engine: Sink) -> None:
    """Let *engine* hear of every change of our resources."""
    for resource in (*WATCHED, *SINKS):
        _register(registry, engine, resource)


def _register(registry: kopf.OperatorRegistry, engine: Sink, resource: Resource) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)
    async def told(event: kopf.RawEvent, **_: Any) -> None:
        body = {**event["object"], "kind": resource.kind}
        if event["type"] == "DELETED":
            engine.gone(body)
        else:
            engine.changed(body)


def register_admission(registry: kopf.OperatorRegistry, judge: Judge) -> None:
    """Let *judge* decide what may be stored of our resources."""
    for resource in WATCHED:
        _register_admission(registry, judge, resource)


def _register_admission(registry: kopf.OperatorRegistry, judge: Judge, resource: Resource) -> None:
    @kopf.on.validate(
        resource.group,
        resource.version,
        resource.plural,
        id=resource.plural,
        operations=["CREATE", "UPDATE"],
        registry=registry,
    )
    async def asked(*, body: kopf.Body, dryrun: bool, warnings: list[str], **more: Any) -> None:
        old = more.get("old")
        verdict = await judge(
            Request(
                action=str(more.get("operation")).lower(),
                body={**body, "kind": resource.kind},
                old=None if old is None else dict(old),
                dry_run=dryrun,
            )
        )
        warnings.extend(verdict.warnings)
        if verdict.refusals:
            raise kopf.AdmissionError("; ".join(verdict.refusals), code=FORBIDDEN)
