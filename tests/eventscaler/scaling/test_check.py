"""`tandem check`: one round for real, nothing written."""

from __future__ import annotations

import asyncio

import pytest

from eventscaler.scaling.check import check
from kube.resources import DEPLOYMENTS
from scalers.io import IO
from tests.eventscaler.manifests import (
    deployment,
    pods_trigger,
    scaled_object,
    secret,
    trigger_authentication,
)
from tests.eventscaler.world import now, running

pytestmark = pytest.mark.looptime


async def test_with_a_cluster() -> None:
    async with running() as world:
        await world.work(7)
        await world.apply(deployment(replicas=2))
        world.wire.writes.clear()
        body = scaled_object("orders", pods_trigger(name="queue"))
        report = await check(body, IO(now, world.client), client=world.client)

        assert world.wire.writes == []
        assert report.ok
        assert report.json() == {
            "triggers": [
                {
                    "name": "queue",
                    "type": "kubernetes-workload",
                    "metricName": "s0-workload-default",
                    "value": 7.0,
                    "target": 1.0,
                    "metricType": "AverageValue",
                    "activation": 0.0,
                    "active": True,
                    "error": None,
                }
            ],
            "active": True,
            "currentReplicas": 2,
            "desiredReplicas": 7,
            "reason": "queue: 7 at 1 each asks for 7",
        }


async def test_without_a_cluster_a_trigger_that_reads_it_is_blind() -> None:
    report = await check(scaled_object(), IO(now))

    assert not report.ok
    assert report.triggers[0].error == "this trigger reads the cluster, and there is none here"
    assert (report.active, report.desired_replicas) == (None, 0)
    assert report.reason == (
        "no answer from s0-workload-default; holding 0; from zero, as there is no cluster"
    )


async def test_credentials_of_the_same_file_are_used() -> None:
    trigger = pods_trigger(authenticationRef={"name": "creds"})
    auth = trigger_authentication(
        secretTargetRef=[{"parameter": "username", "name": "rabbit", "key": "user"}]
    )
    async with running() as world:
        await world.work(1)
        io = IO(now, world.client)
        whole = await check(
            scaled_object("orders", trigger), io, others=[auth, secret("rabbit", user="bob")]
        )
        lacking = await check(scaled_object("orders", trigger), io, others=[auth])
        await world.apply(auth, secret("rabbit", user="bob"))
        in_cluster = await check(scaled_object("orders", trigger), io, client=world.client)

    assert whole.desired_replicas == 1
    assert lacking.triggers[0].error == "there is no cluster to read secret default/rabbit from"
    assert in_cluster.triggers[0].error == ""
    assert "; from zero: target default/Deployment/orders does not exist" in in_cluster.reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            scaled_object("orders", {"type": "cro", "metadata": {}}),
            "spec.triggers[0].type: 'cro' is not a trigger type; did you mean 'cron'?",
        ),
        (
            scaled_object(pollingInterval=0),
            "spec.pollingInterval: found 0, want at least 1",
        ),
        ({"kind": "Deployment"}, "kind: found 'Deployment', want ScaledObject"),
    ],
    ids=["trigger", "field", "kind"],
)
async def test_a_refused_manifest_is_not_read(body: dict[str, object], reason: str) -> None:
    report = await check(body, IO(now))

    assert (report.ok, report.triggers, report.reason) == (False, (), reason)


async def test_what_a_formula_makes_of_the_triggers_is_shown() -> None:
    async with running() as world:
        await world.work(7)
        await world.apply(deployment())
        modifiers = {"formula": "queue / 2 + 1", "target": "3", "activationTarget": "1"}
        advanced = {"scalingModifiers": modifiers}
        body = scaled_object("orders", pods_trigger(name="queue"), advanced=advanced)
        report = await check(body, IO(now, world.client), client=world.client)

        made = report.triggers[1]
        assert (made.name, made.type) == ("composite-metric", "formula")
        assert (made.value, made.target, made.activation, made.active) == (4.5, 3, 1, True)
        assert report.desired_replicas == 2


async def test_a_second_check_looks_back_on_the_first() -> None:
    """The cooldown runs from when work was last seen, not from the object's creation."""
    async with running() as world:
        body = scaled_object("orders", cooldownPeriod=60)
        io = IO(now, world.client)
        await world.work(1)
        await world.apply(deployment(replicas=1))
        first = await check(body, io, client=world.client)
        await world.work(0)
        await asyncio.sleep(30)
        second = await check(body, io, client=world.client, before=first.carried)
        await asyncio.sleep(31)
        third = await check(body, io, client=world.client, before=second.carried)
        forgetful = await check(body, io, client=world.client)

    found = (first, second, third, forgetful)
    assert [report.desired_replicas for report in found] == [1, 1, 0, 0]


async def test_a_move_that_somebody_made_counts_for_the_policies() -> None:
    """Two pods a minute were allowed, and somebody took them."""
    policy = {"type": "Pods", "value": 2, "periodSeconds": 60}
    behavior = {"scaleUp": {"policies": [policy]}}
    hpa = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
    async with running() as world:
        body = scaled_object("orders", advanced=hpa)
        io = IO(now, world.client)
        await world.work(9)
        await world.apply(deployment(replicas=1))
        first = await check(body, io, client=world.client)
        patch = {"spec": {"replicas": 3}}
        await world.client.patch(DEPLOYMENTS, "orders", patch, namespace="default")
        second = await check(body, io, client=world.client, before=first.carried)

    assert (first.desired_replicas, second.current_replicas) == (3, 3)
    assert second.desired_replicas == 3


async def test_a_count_that_cannot_be_read_again_is_taken_for_the_same() -> None:
    """The decision was not carried out: nobody may take it for the count."""
    async with running() as world:
        io = IO(now, world.client)
        await world.work(7)
        await world.apply(deployment(replicas=2))
        first = await check(scaled_object(), io, client=world.client)
        world.wire.fail = lambda request: request.path.endswith("/scale")
        second = await check(scaled_object(), io, client=world.client, before=first.carried)

    assert (first.desired_replicas, second.current_replicas) == (7, 2)
    assert "; from the last count: " in second.reason
