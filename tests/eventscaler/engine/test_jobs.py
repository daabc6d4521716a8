"""A queue fills and Jobs are started for it: as many as it needs, none twice, the old ones go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import generate_latest

from kube.client import Json
from kube.errors import Unavailable
from kube.resources import JOBS, SCALED_JOBS
from kube.transport import Request, Response
from tests.eventscaler.manifests import (
    deployment,
    http_trigger,
    pods_trigger,
    scaled_job,
    scaled_object,
    secret,
    trigger_authentication,
)
from tests.eventscaler.played import (
    annotate,
    condition,
    finish,
    give_pods,
    jobs,
    status,
    unfinished,
)
from tests.eventscaler.world import running

pytestmark = pytest.mark.looptime

JOBS_PATH = "/apis/batch/v1/namespaces/default/jobs"


def is_start(request: Request) -> bool:
    return request.method == "POST" and request.path == JOBS_PATH


def strategy(name: str, **more: Any) -> Json:
    return {"scalingStrategy": {"strategy": name, **more}}


async def test_a_job_for_each_message_and_no_more() -> None:
    """The message leaves the queue when its Job ends."""
    async with running() as world:
        await world.apply(scaled_job())
        await world.work(3)
        await asyncio.sleep(31)
        assert len(await jobs(world)) == 3

        await asyncio.sleep(300)
        assert len(await jobs(world)) == 3, "they are in flight"

        await world.work(5)
        await asyncio.sleep(30)
        assert len(await jobs(world)) == 5

        await finish(world, 5)
        await world.work(0)
        await asyncio.sleep(60)
        assert len(await jobs(world)) == 5


@pytest.mark.parametrize("kind", ["accurate", "eager"])
async def test_pods_without_a_node_are_not_replaced(kind: str) -> None:
    """Ten looks while nodes start; then the pods run, take their messages, and the next come."""
    async with running() as world:
        await world.apply(scaled_job(**strategy(kind), maxReplicaCount=10))
        await world.work(4)
        await asyncio.sleep(1)
        await give_pods(world, "Pending")
        await asyncio.sleep(300)
        assert len(await jobs(world)) == 4

        await world.work(0)
        await give_pods(world, "Running")
        await world.work(8)
        await asyncio.sleep(31)
        assert len(await jobs(world)) == 10, "six more: the maximum counts the running ones"


async def test_never_more_than_max_and_the_minimum_stands_by() -> None:
    async with running() as world:
        await world.apply(scaled_job(minReplicaCount=2, maxReplicaCount=6))
        await asyncio.sleep(31)
        assert len(await unfinished(world)) == 2
        assert (await condition(world, "Active"))[0] == "True"

        await world.work(40)
        await asyncio.sleep(31)
        assert len(await unfinished(world)) == 6


async def test_many_jobs_come_in_bounded_steps() -> None:
    async with running() as world:
        await world.work(250)
        await world.apply(scaled_job(maxReplicaCount=230))
        await asyncio.sleep(0.5)
        assert len(await jobs(world)) == 100

        await asyncio.sleep(3)
        assert len(await jobs(world)) == 230


async def test_history_keeps_the_latest() -> None:
    async with running() as world:
        await world.apply(scaled_job(successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1))
        await world.work(6)
        await asyncio.sleep(31)
        for outcome in ("Complete", "Failed", "Complete", "Failed", "Complete"):
            await finish(world, 1, outcome)
            await asyncio.sleep(1)
        await world.work(1)
        await asyncio.sleep(31)

        left = [job["metadata"]["annotations"]["tandem.sh/sequence"] for job in await jobs(world)]
        assert left == ["3", "4", "5", "6"]


async def test_without_history_names_are_not_used_again() -> None:
    async with running() as world:
        await world.apply(scaled_job(successfulJobsHistoryLimit=0))
        await world.work(1)
        await asyncio.sleep(31)
        (first,) = await jobs(world)
        await finish(world, 1)
        await asyncio.sleep(61)
        (second,) = await jobs(world)

        assert first["metadata"]["name"] != second["metadata"]["name"]


async def test_what_a_job_looks_like() -> None:
    async with running() as world:
        body = scaled_job()
        body["metadata"] |= {
            "labels": {"team": "a", "argo": "x", "app.kubernetes.io/version": "7"},
            "annotations": {
                "scaledjob.keda.sh/job-excluded-labels": "argo",
                "note": "kept",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
            },
        }
        body["spec"]["jobTargetRef"] |= {"backoffLimit": 2}
        await world.apply(body)
        await world.work(1)
        await asyncio.sleep(31)
        (job,) = await jobs(world)
        owner = await world.client.get(SCALED_JOBS, "batch", namespace="default")

    meta, spec = job["metadata"], job["spec"]
    assert meta["labels"] == {
        "team": "a",
        "app.kubernetes.io/name": "batch",
        "app.kubernetes.io/part-of": "batch",
        "app.kubernetes.io/managed-by": "tandem",
        "app.kubernetes.io/version": "7",
        "scaledjob.keda.sh/name": "batch",
    }
    assert meta["annotations"] == {
        "note": "kept",
        "scaledjob.keda.sh/job-excluded-labels": "argo",
        "scaledjob.keda.sh/generation": "1",
        "tandem.sh/sequence": "1",
    }
    assert meta["ownerReferences"] == [
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledJob",
            "name": "batch",
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
    ]
    assert spec["backoffLimit"] == 2
    assert spec["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert spec["template"]["metadata"]["labels"]["scaledjob.keda.sh/name"] == "batch"


@pytest.mark.parametrize("rollout", ["immediate", "gradual"])
async def test_an_edit_replaces_jobs_or_lets_them_end(rollout: str) -> None:
    async with running() as world:
        await world.apply(scaled_job(rollout={"strategy": rollout}, maxReplicaCount=3))
        await world.work(3)
        await asyncio.sleep(31)
        await finish(world, 1)
        await world.edit(SCALED_JOBS, "batch", pollingInterval=29)
        await asyncio.sleep(5)

        generations = [
            job["metadata"]["annotations"]["scaledjob.keda.sh/generation"]
            for job in await jobs(world)
        ]
        kept = ["1"] if rollout == "immediate" else ["1", "1", "1"]
        assert generations[: len(kept)] == kept, "a finished Job is history"
        assert set(generations[len(kept) :]) == {"2"}
        assert len(await unfinished(world)) == 3
        told = [reason for reason, _ in await world.events("batch")]
        assert ("ScaledJobRolloutCleanupCompleted" in told) == (rollout == "immediate")


async def test_paused_starts_and_deletes_nothing() -> None:
    async with running() as world:
        await world.apply(scaled_job(successfulJobsHistoryLimit=0))
        await world.work(2)
        await asyncio.sleep(31)
        await annotate(world, paused="true")
        await finish(world, 1)
        await world.work(9)
        await asyncio.sleep(120)
        assert len(await jobs(world)) == 2
        assert await condition(world, "Paused") == (
            "True",
            "ScaledJobPaused",
            "paused by annotation",
        )
        assert (await status(world))["Paused"] == "True"

        await annotate(world, paused=None)
        await asyncio.sleep(1)
        assert len(await unfinished(world)) == 9
        assert (await status(world))["Paused"] == "False"
        told = [reason for reason, _ in await world.events("batch")]
        assert told.count("ScaledJobPaused") == 1
        assert told.count("ScaledJobUnpaused") == 1


@pytest.mark.parametrize(
    ("mode", "reads", "told"),
    [
        ("recommend", True, ("True", "ScalerActive", "active: s0-workload-default")),
        ("off", False, ("Unknown", "UnknownState", "tandem.sh/mode is off")),
    ],
)
async def test_a_mode_that_starts_and_deletes_nothing(
    mode: str, reads: bool, told: tuple[str, str, str]
) -> None:
    async with running() as world:
        body = scaled_job(minReplicaCount=1)
        body["metadata"]["annotations"] = {"tandem.sh/mode": mode}
        await world.work(2)
        await world.apply(body)
        await asyncio.sleep(61)

        assert await jobs(world) == []
        assert await condition(world, "Active") == told
        assert (world.engine.statistics().reads > 0) is reads
        last = (await status(world))["lastDecision"]
        assert (last["currentReplicas"], last["desiredReplicas"]) == (0, 3 if reads else 0)
        assert last["written"] is False


async def test_decisions_are_kept_with_what_led_to_them() -> None:
    async with running() as world:
        await world.apply(scaled_job())
        await asyncio.sleep(1)
        await world.work(2)
        await asyncio.sleep(31)
        kept = world.engine.decisions("ScaledJob", "default", "batch")

        assert kept is not None
        idle, demand = kept
        assert (idle["rule"], idle["currentReplicas"], idle["desiredReplicas"]) == ("Idle", 0, 0)
        assert (demand["rule"], demand["desiredReplicas"], demand["written"]) == ("Demand", 2, True)
        assert [each["value"] for each in demand["triggers"]] == [2]
        assert world.engine.decisions("ScaledObject", "default", "batch") is None
        assert (await status(world))["lastDecision"]["rule"] == "Demand"


async def test_a_dead_source_starts_nothing_and_does_not_stop_the_others() -> None:
    async with running() as world:
        dead = http_trigger(url="http://127.0.0.1:9/")
        await world.apply(scaled_job("batch", dead), scaled_job("both", dead, pods_trigger()))
        await world.work(2)
        await asyncio.sleep(31)
        found = await jobs(world)

        assert [job["metadata"]["labels"]["scaledjob.keda.sh/name"] for job in found] == [
            "both",
            "both",
        ]
        assert (await condition(world, "Ready"))[:2] == ("False", "TriggerError")
        assert (await condition(world, "Ready", "both"))[:2] == ("Unknown", "PartialTriggerError")
        assert (await condition(world, "Active", "both"))[0] == "True"


async def test_a_start_whose_answer_is_lost_is_not_made_twice() -> None:
    """The request came through; the engine does not know, and asks for the same Jobs again."""
    async with running() as world:
        lost, before = 0, world.wire.answered

        def answered(request: Request, response: Response) -> None:
            nonlocal lost
            if is_start(request) and lost < 3:
                lost += 1
                raise Unavailable("connection reset")
            before(request, response)

        world.wire.answered = answered
        await world.work(5)
        await world.apply(scaled_job(**strategy("accurate")))
        await asyncio.sleep(1)
        assert (await condition(world, "Ready"))[:2] == ("False", "KEDAJobCreateFailed")
        await asyncio.sleep(31)

        assert lost == 3
        assert len(await jobs(world)) == 5
        assert (await condition(world, "Ready"))[0] == "True"


async def test_a_late_start_and_its_repetition_are_one() -> None:
    """The listing does not have the Job yet whose start had no answer: its name is tried again."""
    async with running() as world:
        refused = 0

        def fail(request: Request) -> bool:
            nonlocal refused
            refused += is_start(request)
            return is_start(request) and refused == 1

        await world.work(2)
        world.wire.fail = fail
        await world.apply(scaled_job())
        await asyncio.sleep(1)
        (there,) = await jobs(world)
        await asyncio.sleep(31)

        sequences = [j["metadata"]["annotations"]["tandem.sh/sequence"] for j in await jobs(world)]
        assert there["metadata"]["annotations"]["tandem.sh/sequence"] == "2"
        assert sequences == ["1", "2"]


async def test_a_crash_between_starts_neither_loses_nor_doubles_one() -> None:
    async with running() as world:
        await world.work(25)
        world.wire.delay_s = lambda request: 1.0 if is_start(request) else 0.0
        await world.apply(scaled_job())
        await asyncio.sleep(1.5)  # a batch of ten is there, the next is on its way
        sandbox = world.sandbox
        assert len(await jobs(world)) == 10

    async with running(sandbox=sandbox) as world:
        await asyncio.sleep(31)
        assert len(await jobs(world)) == 25
        await asyncio.sleep(60)
        assert len(await jobs(world)) == 25


async def test_a_refused_start_is_told_once_and_tried_at_each_poll() -> None:
    async with running() as world:
        body = scaled_job()
        body["spec"]["jobTargetRef"]["template"]["spec"]["restartPolicy"] = "Never"
        body["spec"]["jobTargetRef"]["parallelism"] = -1
        await world.apply(body)
        await world.work(2)
        await asyncio.sleep(200)

        state, reason, message = await condition(world, "Ready")
        assert (state, reason) == ("False", "KEDAJobCreateFailed")
        assert "parallelism" in message
        told = [reason for reason, _ in await world.events("batch")]
        assert told.count("KEDAJobCreateFailed") == 1
        errors = 'keda_scaled_job_errors_total{namespace="default",scaledJob="batch"}'
        assert f"{errors} 7.0" in generate_latest(world.meters).decode()


async def test_a_refused_manifest_says_why_and_starts_nothing() -> None:
    async with running() as world:
        body = scaled_job()
        body["spec"]["jobTargetRef"]["template"]["spec"]["restartPolicy"] = "Always"
        await world.work(2)
        await world.apply(body)
        await asyncio.sleep(31)

        assert await jobs(world) == []
        state, reason, message = await condition(world, "Ready")
        assert (state, reason) == ("False", "ScaledJobCheckFailed")
        assert message.startswith("spec.jobTargetRef.template.spec.restartPolicy: found 'Always'")

        mended = {"template": {"spec": {"restartPolicy": None}}}
        await world.edit(SCALED_JOBS, "batch", jobTargetRef=mended)
        await asyncio.sleep(1)
        assert len(await jobs(world)) == 2


async def test_status_and_events_of_a_day() -> None:
    async with running() as world:
        await world.apply(scaled_job())
        await asyncio.sleep(1)
        assert (await condition(world, "Active"))[:2] == ("False", "ScalerNotActive")

        await world.work(2)
        await asyncio.sleep(31)
        held = await status(world)
        assert held["externalMetricNames"] == ["s0-workload-default"]
        assert held["triggersActivity"] == {"s0-workload-default": {"isActive": True}}
        assert held["triggersTypes"] == "kubernetes-workload"
        assert held["Paused"] == "False"
        assert "lastActiveTime" in held
        assert all("lastTransitionTime" in found for found in held["conditions"])
        assert {found["type"]: found["status"] for found in held["conditions"]} == {
            "Ready": "True",
            "Active": "True",
            "Fallback": "False",
            "Paused": "False",
        }

        await world.work(0)
        await asyncio.sleep(31)
        assert [reason for reason, _ in await world.events("batch")] == [
            "KEDAScalersStarted",
            "ScaledJobReady",
            "KEDAJobsCreated",
            "ScaledJobActive",
            "ScaledJobInactive",
        ]
        created = dict(await world.events("batch"))["KEDAJobsCreated"]
        asked = "s0-workload-default: 2 at 1 each asks for 2"
        assert created == f"created 2 jobs: {asked}; none in flight; starting 2"


async def test_idle_means_silent() -> None:
    async with running() as world:
        await world.apply(scaled_job(), scaled_job("standing", minReplicaCount=1))
        await asyncio.sleep(120)
        world.wire.writes.clear()
        await asyncio.sleep(600)

        written = {what for _, what in world.wire.writes}
        assert not [what for what in written if "scaledjobs/batch/" in what]
        assert len(world.wire.writes) <= 20, "lastActiveTime of the one that is always active"


async def test_idle_costs_the_api_nothing_and_an_edit_is_seen() -> None:
    async with running() as world:
        await world.work(3)
        await world.apply(scaled_job())
        await asyncio.sleep(1)
        await finish(world, 3)
        await world.work(0)
        await asyncio.sleep(61)
        listed = 0

        def delay(request: Request) -> float:
            nonlocal listed
            listed += request.path == JOBS_PATH
            return 0.0

        world.wire.delay_s = delay
        await asyncio.sleep(600)
        assert listed == 0

        await world.edit(SCALED_JOBS, "batch", successfulJobsHistoryLimit=1)
        await asyncio.sleep(1)
        assert len(await jobs(world)) == 1
        await world.work(2)
        await asyncio.sleep(31)
        assert len(await unfinished(world)) == 2


async def test_a_namesake_of_the_other_kind_is_another_object() -> None:
    async with running() as world:
        await world.work(3)
        await world.apply(deployment("twin"), scaled_object("twin"), scaled_job("twin"))
        await asyncio.sleep(1)
        assert (await world.replicas("twin"), len(await jobs(world))) == (3, 3)

        found = await world.client.get(SCALED_JOBS, "twin", namespace="default")
        world.engine.gone(found)
        metrics = generate_latest(world.meters).decode()
        assert 'type="scaledobject"} 3.0' in metrics
        assert 'type="scaledjob"' not in metrics
        await world.work(5)
        await asyncio.sleep(31)
        assert (await world.replicas("twin"), len(await jobs(world))) == (5, 3)


async def test_credentials_from_the_environment_of_the_job() -> None:
    """The variable is read in the template of the ScaledJob itself; the secret comes later."""
    async with running() as world:
        auth = trigger_authentication(env=[{"parameter": "apiKey", "name": "KEY"}])
        trigger = http_trigger(url="http://127.0.0.1:9/", authMode="apiKey")
        body = scaled_job("batch", trigger | {"authenticationRef": {"name": "creds"}})
        source = {"secretKeyRef": {"name": "rabbit", "key": "uri"}}
        side = {"name": "side", "image": "busybox", "env": [{"name": "KEY", "valueFrom": source}]}
        body["spec"]["jobTargetRef"]["template"]["spec"]["containers"].append(side)
        body["spec"]["envSourceContainerName"] = "side"
        await world.apply(auth, body)
        await asyncio.sleep(31)
        assert "secret default/rabbit does not exist" in (await condition(world, "Ready"))[2]

        await world.apply(secret("rabbit", uri="x"))
        await asyncio.sleep(61)
        assert "connect" in (await condition(world, "Ready"))[2].lower()


async def test_polling_is_as_the_user_says() -> None:
    async with running() as world:
        await world.apply(scaled_job(pollingInterval=60))
        await asyncio.sleep(1)
        await world.work(1)
        await asyncio.sleep(57)
        assert await jobs(world) == []

        await asyncio.sleep(4)
        assert len(await jobs(world)) == 1


async def test_one_that_is_deleted_starts_no_more() -> None:
    async with running() as world:
        await world.apply(scaled_job())
        await asyncio.sleep(1)
        found = await world.client.get(SCALED_JOBS, "batch", namespace="default")
        await world.client.delete(SCALED_JOBS, "batch", namespace="default")
        world.engine.gone(found)
        await world.work(4)
        await asyncio.sleep(61)

        assert await jobs(world) == []


async def test_jobs_are_listed_before_the_queue_is_read() -> None:
    """In the other order a message would be counted twice: in the queue, and by no Job."""
    async with running() as world:
        asked: list[str] = []

        def delay(request: Request) -> float:
            asked.append(request.path)
            return 0.0

        world.wire.delay_s = delay
        await world.apply(scaled_job(**strategy("accurate"), minReplicaCount=1))
        await asyncio.sleep(31)
        asked.clear()
        await asyncio.sleep(30)

        assert asked[:3] == [
            JOBS_PATH,
            "/api/v1/namespaces/default/pods",
            "/api/v1/namespaces/default/pods",
        ]
        assert world.wire.writes


def test_the_path_is_the_resource() -> None:
    assert JOBS.path("default") == JOBS_PATH
