"""An HPA is made, kept, renamed, adopted and dropped, on both clusters."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from eventscaler.core.hpa import (
    External,
    Metric,
    Owner,
    PodResource,
    Range,
    Wish,
    hpa_body,
    specified_otherwise,
)
from eventscaler.hpa import Keeper, Kept, concerns
from eventscaler.hpa.held import hpas
from kube.client import Client, Json
from kube.errors import NotFound
from kube.resources import HORIZONTAL_POD_AUTOSCALERS, NAMESPACES
from tests.clusters import Cluster

SOON_S = 20.0
QUEUE = External("s0-queue", "AverageValue", 5)
LIMITS = Range(min=0, max=20)
PLAIN = Wish()
PERCENT = {"type": "Percent", "value": 50, "periodSeconds": 30}
BEHAVIORS: dict[str, Json | None] = {
    "none": None,
    "empty": {},
    "empty directions": {"scaleUp": {}, "scaleDown": {}},
    "one policy": {"scaleDown": {"policies": [PERCENT]}},
    "all of it": {
        "scaleUp": {
            "stabilizationWindowSeconds": 60,
            "selectPolicy": "Min",
            "policies": [PERCENT, {"type": "Pods", "value": 2, "periodSeconds": 60}],
            "tolerance": "0.050",
        },
        "scaleDown": {"selectPolicy": "Disabled", "stabilizationWindowSeconds": 0},
    },
}


@dataclass
class Stage:
    client: Client
    keeper: Keeper
    owner: Owner
    edits: list[set[tuple[str, str]]]

    async def keep(
        self, wish: Wish = PLAIN, limits: Range = LIMITS, *metrics: Metric, was: str = ""
    ) -> Kept:
        return await self.keeper.keep(self.owner, wish, limits, metrics or (QUEUE,), was)

    async def found(self, name: str = "keda-hpa-orders") -> Json:
        return await self.client.get(
            HORIZONTAL_POD_AUTOSCALERS, name, namespace=self.owner.namespace
        )

    async def edit(self, patch: Json, name: str = "keda-hpa-orders") -> None:
        """An edit by hand, seen by the cache."""
        seen = len(self.edits)
        await self.client.patch(
            HORIZONTAL_POD_AUTOSCALERS, name, patch, namespace=self.owner.namespace
        )
        await self.told(seen)

    async def foreign(self, name: str) -> None:
        """Somebody else's HPA, seen by the cache."""
        seen = len(self.edits)
        body: Any = hpa_body(replace(self.owner, uid="other"), Wish(name=name), LIMITS, [QUEUE])
        await self.client.create(HORIZONTAL_POD_AUTOSCALERS, body)
        await self.told(seen)

    async def told(self, seen: int) -> None:
        async with asyncio.timeout(SOON_S):
            while len(self.edits) == seen:
                await asyncio.sleep(0.01)


@pytest.fixture
async def stage(cluster: Cluster) -> AsyncIterator[Stage]:
    client = cluster.client()
    namespace = f"hpas-{uuid.uuid4().hex[:8]}"
    await client.create(
        NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    )
    owner = Owner(
        namespace=namespace,
        name="orders",
        uid=str(uuid.uuid4()),
        api_version="keda.sh/v1alpha1",
        target_api_version="apps/v1",
        target_kind="Deployment",
        target_name="worker",
    )
    cache = hpas(client)
    found = Stage(client, Keeper(client, cache), owner, [])

    def told(change: Any) -> None:
        mine = {each for each in concerns(change) if each[0] == namespace}
        if mine:
            found.edits.append(mine)

    cache.subscribe(told)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(cache.run())
        await cache.wait_synced()
        yield found
        running.cancel()
    await client.close()


@pytest.mark.parametrize("behavior", BEHAVIORS.values(), ids=BEHAVIORS)
async def test_what_was_made_is_as_wanted_and_is_not_written_again(
    stage: Stage, behavior: Json | None
) -> None:
    """Also for a keeper that did not make it: the server's defaults are no difference."""
    wish = Wish(behavior=behavior, labels={"team": "a"}, annotations={"note": "1"})
    metrics = (
        QUEUE,
        External("s1-rate", "Value", 0.25),
        PodResource("cpu", "Utilization", "60"),
        PodResource("memory", "AverageValue", "0.5Gi", "main"),
    )

    first = await stage.keep(wish, LIMITS, *metrics)
    again = await stage.keep(wish, LIMITS, *metrics)
    wanted: Any = hpa_body(stage.owner, wish, LIMITS, metrics)
    held = await stage.found()

    assert first.name == again.name == "keda-hpa-orders"
    assert first.problem == ""
    assert again.hpa is not None
    assert held["metadata"]["resourceVersion"] == again.hpa.metadata.resource_version
    assert not specified_otherwise(held, wanted)


@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"maxReplicas": 3}},
        {"spec": {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}},
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
        {"metadata": {"annotations": {"note": "2"}}},
        {"metadata": {"ownerReferences": None}},
    ],
    ids=["spec", "behavior", "label", "annotation", "owner"],
)
async def test_an_edit_by_hand_is_told_of_and_undone(stage: Stage, patch: Json) -> None:
    wish = Wish(annotations={"note": "1"}, name="mine", adopt="ownerReferences" in str(patch))
    await stage.keep(wish)
    before = await stage.found("mine")
    await stage.edit(patch, "mine")

    await stage.keep(wish)
    after = await stage.found("mine")

    assert stage.edits[-1] == {(stage.owner.namespace, "orders")}
    assert after["spec"] == before["spec"]
    for part in ("labels", "annotations", "ownerReferences"):
        assert after["metadata"][part] == before["metadata"][part]


async def test_a_new_name_takes_the_old_hpa_away(stage: Stage) -> None:
    old = await stage.keep()
    new = await stage.keep(Wish(name="mine"), was=old.name)

    assert new.name == "mine"
    assert (await stage.found("mine"))["spec"]["maxReplicas"] == 20
    with pytest.raises(NotFound):
        await stage.found()


async def test_somebody_elses_is_left_alone_until_it_is_asked_for(stage: Stage) -> None:
    await stage.foreign("theirs")

    refused = await stage.keep(Wish(name="theirs"), Range(min=1, max=5))
    untouched = await stage.found("theirs")
    not_ours = await stage.keeper.drop(stage.owner, "theirs")
    adopted = await stage.keep(Wish(name="theirs", adopt=True), Range(min=1, max=5))
    found = await stage.found("theirs")

    assert "belongs to somebody else" in refused.problem
    assert "transfer-hpa-ownership" in refused.problem
    assert not_ours == Kept()
    assert untouched["spec"]["maxReplicas"] == 20
    assert adopted.problem == ""
    assert found["spec"]["maxReplicas"] == 5
    assert [ref["uid"] for ref in found["metadata"]["ownerReferences"]] == [stage.owner.uid]


async def test_dropped(stage: Stage) -> None:
    await stage.keep()

    gone = await stage.keeper.drop(stage.owner, "keda-hpa-orders")
    twice = await stage.keeper.drop(stage.owner, "keda-hpa-orders")

    assert gone == twice == Kept()
    with pytest.raises(NotFound):
        await stage.found()


async def test_two_metrics_of_one_name_are_refused_and_the_hpa_stays(stage: Stage) -> None:
    kept = await stage.keep(PLAIN, LIMITS, QUEUE, QUEUE, was="keda-hpa-orders")

    assert kept == Kept("keda-hpa-orders", problem="two metrics of one name: s0-queue")


async def test_what_the_api_refuses_is_a_problem_in_its_words(stage: Stage) -> None:
    kept = await stage.keep(Wish(name="Not_A_Name"))

    assert "Not_A_Name" in kept.problem
    assert "cannot be written" in kept.problem
