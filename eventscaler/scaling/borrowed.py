"""Binding for a check: with what the same file holds, and with what the cluster has beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eventscaler.auth import AuthSettings, Given, Resolver, decoded
from eventscaler.auth.resolver import key_of
from eventscaler.core.faults import Fault
from eventscaler.decode import (
    AuthRef,
    Scalable,
    authentication,
)
from eventscaler.decode.authentication import CLUSTER_KIND
from eventscaler.scaling.binding import Binder, Binding
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import KubeError, NotFound
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    CONFIG_MAPS,
    SECRETS,
    TRIGGER_AUTHENTICATIONS,
)
from scalers.io import IO

Bodies = Sequence[Mapping[str, Any]]


async def bound(
    order: Scalable, io: IO, client: Client | None, others: Bodies, auth: AuthSettings | None
) -> Binding:
    """The triggers of *order*; what *others* hold wins over the cluster."""
    resolver = await _resolver_of(order, client, others, auth or AuthSettings())
    discovery = Discovery(client) if client else None
    return await Binder(client, discovery, resolver, io, _given_of(others)).bind(order)


async def _resolver_of(
    order: Scalable, client: Client | None, others: Bodies, auth: AuthSettings
) -> Resolver:
    resolver = Resolver(auth)
    for body in others:
        if body.get("kind") in {TRIGGER_AUTHENTICATIONS.kind, CLUSTER_KIND}:
            _learn(resolver, dict(body), order.namespace)
    wanted = dict.fromkeys(trigger.auth for trigger in order.triggers if trigger.auth)
    for ref in wanted:
        if client and key_of(ref, order.namespace) not in resolver.known():
            await _fetch(resolver, client, ref, order.namespace)
    return resolver


def _learn(resolver: Resolver, body: Json, namespace: str) -> None:
    found, faults = authentication(body)
    meta = body.get("metadata") or {}
    ref = AuthRef(str(meta.get("name", "")), body["kind"])
    resolver.put(key_of(ref, str(meta.get("namespace") or namespace)), found or faults)


async def _fetch(resolver: Resolver, client: Client, ref: AuthRef, namespace: str) -> None:
    cluster = ref.kind == CLUSTER_KIND
    resource = CLUSTER_TRIGGER_AUTHENTICATIONS if cluster else TRIGGER_AUTHENTICATIONS
    try:
        body = await client.get(resource, ref.name, namespace=None if cluster else namespace)
    except NotFound:
        return  # resolving it says that it does not exist
    except KubeError as error:
        resolver.put(key_of(ref, namespace), (Fault("", "", f"cannot be read: {error}"),))
        return
    _learn(resolver, {**body, "kind": ref.kind}, namespace)


def _given_of(others: Bodies) -> Given:
    """The data of the secrets and config maps of the file."""
    held = {}
    for resource in (SECRETS, CONFIG_MAPS):
        for body in others:
            if body.get("kind") == resource.kind:
                meta = body["metadata"]
                namespace, name = meta.get("namespace") or "default", meta["name"]
                what = f"{resource.kind.lower()} {namespace}/{name}"
                held[resource.kind, namespace, name] = decoded(resource, dict(body), what)
    return held
