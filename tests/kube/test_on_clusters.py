"""The floor on a whole API: the sandbox, and a real control plane where there is one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from kube import config
from kube.cache import Cache, Change
from kube.client import Client, ClientSettings, Json
from kube.discovery import Discovery
from kube.errors import AlreadyExists, Conflict, Gone, Invalid, NotFound, NotLeading
from kube.events import Recorder, Reference
from kube.evict import Blocked, Evicted, evict
from kube.lease import Candidacy, Elector
from kube.objects import Partial
from kube.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    POD_DISRUPTION_BUDGETS,
    PODS,
)
from kube.scale import Scales, Target
from kube.values.lease import Terms
from tests.clusters import Cluster
from tests.kube.test_cache import until


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    """The way in that a user has: the kubeconfig."""
    transport = config.connect(await config.load(str(cluster.kubeconfig)))
    made = Client(transport, settings=ClientSettings(page=3))
    yield made
    await made.close()


@pytest.fixture
async def namespace(client: Client) -> str:
    name = f"floor-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": name}})
    return name


def pod(name: str, **labels: str) -> Json:
    spec = {
        "containers": [{"name": "c", "image": "i"}],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
    }
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def named(name: str, **data: str) -> Json:
    return {"metadata": {"name": name, "labels": {"floor": "yes"}}, "data": data}


async def test_a_cache_follows_what_it_selects(client: Client, namespace: str) -> None:
    for number in range(7):
        await client.create(CONFIG_MAPS, named(f"m{number}"), namespace=namespace)
    cache = Cache(client, CONFIG_MAPS, Partial, namespace=namespace, labels="floor=yes")
    changes: list[Change[Partial]] = []
    cache.subscribe(changes.append)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(cache.run())
        await cache.wait_synced()
        assert len(cache.values()) == 7

        await client.delete(CONFIG_MAPS, "m0", namespace=namespace)
        unlabelled = {"metadata": {"labels": {"floor": None}}}
        await client.patch(CONFIG_MAPS, "m1", unlabelled, namespace=namespace)
        await client.patch(CONFIG_MAPS, "m2", {"data": {"a": "b"}}, namespace=namespace)
        await until(lambda: len(changes) >= 10)
        task.cancel()

    told = [(c.type.value, (c.new or c.old).metadata.name) for c in changes[7:] if c.new or c.old]  # type: ignore[union-attr]  # one of the two is there
    assert told == [("DELETED", "m0"), ("DELETED", "m1"), ("MODIFIED", "m2")]


async def test_errors_mean_what_they_are_called(client: Client, namespace: str) -> None:
    made = await client.create(CONFIG_MAPS, named("m"), namespace=namespace)
    with pytest.raises(AlreadyExists):
        await client.create(CONFIG_MAPS, named("m"), namespace=namespace)
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAPS, "none", namespace=namespace)
    with pytest.raises(Invalid):
        await client.create(CONFIG_MAPS, named("NO"), namespace=namespace)
    await client.patch(CONFIG_MAPS, "m", {"data": {"a": "b"}}, namespace=namespace)
    with pytest.raises(Conflict):
        await client.replace(CONFIG_MAPS, made)
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, "m", namespace=namespace, uid="another")
    with pytest.raises((Gone, Invalid)):
        await client.list(CONFIG_MAPS, namespace=namespace, limit=1, continue_="odd")


async def test_a_scale_is_optimistic(client: Client, namespace: str) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod("x")["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    body = {"metadata": {"name": "web"}, "spec": spec}
    await client.create(DEPLOYMENTS, body, namespace=namespace)
    scales = Scales(client, Discovery(client))
    target = Target(namespace, "apps/v1", "Deployment", "web")
    was = await scales.get(target)
    assert (was.replicas, was.selector) == (0, "app=web")

    assert (await scales.put(target, 3, was=was)).replicas == 3
    with pytest.raises(Conflict):
        await scales.put(target, 4, was=was)
    with pytest.raises(NotFound, match="no kind 'Nothing' in 'apps/v1'"):
        await scales.get(Target(namespace, "apps/v1", "Nothing", "web"))


async def test_pods_are_evicted_within_their_budget(client: Client, namespace: str) -> None:
    bound = pod("a", app="web")
    bound["spec"]["nodeName"] = "node-of-nobody"
    uid = (await client.create(PODS, bound, namespace=namespace))["metadata"]["uid"]
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await client.patch(PODS, "a", {"status": running}, namespace=namespace, subresource="status")
    budget = {
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    await client.create(POD_DISRUPTION_BUDGETS, budget, namespace=namespace)

    assert isinstance(await evict(client, namespace, "a", uid="another"), Evicted)
    assert isinstance(await evict(client, namespace, "a", uid=uid), Blocked)
    await client.delete(POD_DISRUPTION_BUDGETS, "web", namespace=namespace)
    assert isinstance(await evict(client, namespace, "a", uid=uid, grace_s=0), Evicted)
    assert isinstance(await evict(client, namespace, "none", uid=uid), Evicted)


async def test_events_are_counted(client: Client, namespace: str) -> None:
    recorder = Recorder(client, component="tandem", instance="tandem-0", now=now)
    about = Reference("v1", "Pod", "a", namespace, uid="u")
    for _ in range(3):
        recorder.emit(about, type="Warning", reason="Held", message="no answer")
        recorder.emit(about, type="Warning", reason="Held", message="no answer")
        await recorder.flush()

    [found] = await client.items(EVENTS, namespace=namespace, fields="involvedObject.uid=u")
    assert (found["count"], found["reason"], found["type"]) == (6, "Held", "Warning")
    assert recorder.statistics().dropped == 0


async def test_one_of_two_candidates_leads_and_hands_over(client: Client, namespace: str) -> None:
    def candidate(name: str) -> Elector:
        candidacy = Candidacy(
            client=client,
            namespace=namespace,
            identity=name,
            now=now,
            terms=Terms(3.0, 2.0, 0.1),
        )
        return Elector(candidacy, "tandem")

    a, b = candidate("a"), candidate("b")
    async with asyncio.TaskGroup() as group:
        first = group.create_task(a.run())
        await a.wait_leading()
        second = group.create_task(b.run())
        with pytest.raises(NotLeading):
            b.gate()
        first.cancel()
        async with asyncio.timeout(10):
            await b.wait_leading()
        assert not a.leading()
        second.cancel()
