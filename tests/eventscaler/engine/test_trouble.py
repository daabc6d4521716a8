"""What goes wrong stays with the object it concerns, is said clearly, and never scales in."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import generate_latest

from eventscaler.engine import EventSettings
from kube.client import Json
from kube.resources import SCALED_OBJECTS, SECRETS, TRIGGER_AUTHENTICATIONS
from kube.transport import Request, Response
from tests.eventscaler.manifests import (
    SECRET,
    deployment,
    http_trigger,
    pods_trigger,
    scaled_object,
    secret,
    trigger_authentication,
)
from tests.eventscaler.world import running

pytestmark = pytest.mark.looptime


def pods_fail(request: Request) -> bool:
    return request.method == "GET" and request.path.endswith("/pods")


async def test_blind_is_not_zero() -> None:
    """The source dies while nine replicas run: they stay, for as long as it is dead."""
    async with running() as world:
        await world.work(9)
        await world.apply(deployment(), scaled_object(cooldownPeriod=10))
        await asyncio.sleep(1)
        world.wire.fail = pods_fail
        await asyncio.sleep(3600)

        assert await world.replicas() == 9
        status, reason, message = await world.condition("Ready")
        assert (status, reason) == ("False", "TriggerError")
        assert message.startswith("trigger 's0-workload-default': no pods of namespace default:")
        assert (await world.condition("Active"))[:2] == ("Unknown", "UnknownState")

        world.wire.fail = lambda _: False
        await asyncio.sleep(31)
        assert await world.condition("Ready") == (
            "True",
            "ScaledObjectReady",
            "the target can be scaled and every trigger answers",
        )


async def test_a_lasting_failure_is_written_once() -> None:
    async with running() as world:
        await world.apply(deployment(replicas=2), scaled_object())
        await asyncio.sleep(1)
        world.wire.fail = pods_fail
        await asyncio.sleep(120)
        world.wire.writes.clear()
        await asyncio.sleep(600)

        assert world.wire.writes == []
        assert [reason for reason, _ in await world.events()].count("KEDAScalerFailed") == 1


async def test_one_slow_object_delays_nobody() -> None:
    """Its target takes twenty seconds to answer; the other is scaled at once."""
    async with running() as world:
        await world.work(3)
        world.wire.delay_s = lambda request: 20.0 if "/slow/scale" in request.path else 0.0
        await world.apply(deployment("slow"), deployment("orders"))
        await world.apply(scaled_object("slow"), scaled_object("orders"))
        await asyncio.sleep(0.5)

        assert (await world.replicas("orders"), await world.replicas("slow")) == (3, 0)
        await asyncio.sleep(45)
        assert await world.replicas("slow") == 3


async def test_the_api_goes_away_and_comes_back() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        await world.work(5)
        world.wire.fail = lambda _: True
        await asyncio.sleep(300)
        world.wire.fail = lambda _: False
        await asyncio.sleep(31)

        assert await world.replicas() == 5


async def test_the_api_is_away_at_the_start() -> None:
    async with running() as world:
        await world.work(5)
        await world.apply(deployment(), scaled_object())
        sandbox = world.sandbox
    async with running(sandbox=sandbox) as world:
        world.wire.fail = lambda _: True
        await asyncio.sleep(100)
        world.wire.fail = lambda _: False
        await asyncio.sleep(45)

        assert await world.replicas() == 5


async def test_a_refused_write_is_told_and_tried_again() -> None:
    async with running() as world:
        await world.work(2)
        world.wire.fail = lambda request: request.method == "PUT"
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(100)
        failed = [text for reason, text in await world.events() if reason.endswith("Failed")]
        assert len(failed) == 1
        assert failed[0].startswith("could not scale Deployment default/orders from 0 to 2: ")

        world.wire.fail = lambda _: False
        await asyncio.sleep(31)
        assert await world.replicas() == 2


BAD: dict[str, tuple[Json, str, str]] = {
    "no such target": (
        scaled_object("orders", scaleTargetRef={"name": "nobody"}),
        "ScaledObjectCheckFailed",
        "target default/Deployment/nobody does not exist or has no /scale",
    ),
    "no such kind": (
        scaled_object("orders", scaleTargetRef={"apiVersion": "a.b/v1", "kind": "C", "name": "d"}),
        "ScaledObjectCheckFailed",
        "the cluster does not serve 'a.b/v1', wanted for kind 'C'",
    ),
    "unknown trigger": (
        scaled_object("orders", {"type": "rabitmq", "metadata": {}}),
        "ScaledObjectCheckFailed",
        (
            "spec.triggers[0].type: 'rabitmq' is not a trigger type; did you mean 'rabbitmq'?"
        ),
    ),
    "negative threshold": (
        scaled_object("orders", http_trigger(targetValue="-5")),
        "ScaledObjectCheckFailed",
        "spec.triggers[0].metadata.targetValue: 'targetValue' must be above 0, got -5",
    ),
    "a formula of nothing": (
        scaled_object("orders", advanced={"scalingModifiers": {"formula": "b", "target": "1"}}),
        "ScaledObjectCheckFailed",
        "formula: found 'b', want character 1: 'b' is not a trigger; named triggers: none",
    ),
    "no such authentication": (
        scaled_object("orders", pods_trigger(authenticationRef={"name": "creds"})),
        "TriggerError",
        "trigger 's0-kubernetes-workload': TriggerAuthentication default/creds does not exist",
    ),
    "no such container variable": (
        scaled_object("orders", {"type": "rabbitmq", "metadata": {
            "queueName": "q", "mode": "QueueLength", "value": "5", "hostFromEnv": "HOST"}}),
        "ScaledObjectCheckFailed",
        "'hostFromEnv' names 'HOST', which the target's container does not set",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_object_gets_one_clear_condition_and_event(name: str) -> None:
    """And every other object goes on working."""
    bad, reason, message = BAD[name]
    async with running() as world:
        await world.work(3)
        await world.apply(deployment("orders", replicas=2), bad)
        await world.apply(deployment("fine"), scaled_object("fine"))
        await asyncio.sleep(300)

        ready = await world.condition("Ready")
        assert ready[:2] == ("False", reason)
        assert message in ready[2]
        assert len([text for _, text in await world.events() if message in text]) == 1
        assert await world.replicas("orders") == 2
        assert await world.replicas("fine") == 3


async def test_a_workload_has_one_scaled_object_and_the_heir_takes_over() -> None:
    """Two would undo each other's counts for ever."""
    async with running() as world:
        await world.work(2)
        await world.work(5, app="other")
        heir = scaled_object("zz", pods_trigger("other"), scaleTargetRef={"name": "orders"})
        await world.apply(deployment(), scaled_object(), heir)
        await asyncio.sleep(60)

        assert await world.replicas() == 2
        assert await world.condition("Ready", "zz") == (
            "False",
            "ScaledObjectCheckFailed",
            "default/Deployment/orders is scaled by ScaledObject/orders already",
        )
        await world.client.delete(SCALED_OBJECTS, "orders", namespace="default")
        world.engine.gone(scaled_object())
        await asyncio.sleep(16)
        assert await world.replicas() == 5
        assert (await world.condition("Ready", "zz"))[0] == "True"


async def test_an_unknown_metadata_key_is_told_and_harms_nothing() -> None:
    trigger = pods_trigger()
    trigger["metadata"]["valu"] = "3"
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object("orders", trigger))
        await asyncio.sleep(1)

        assert await world.replicas() == 2
        told = dict(await world.events())["KEDAScalerInfo"]
        assert told == (
            "spec.triggers[0].metadata.valu: 'valu' is not a key of this trigger; "
            "did you mean 'value'?"
        )


async def test_an_unknown_metadata_key_is_refused_when_strict() -> None:
    trigger = pods_trigger()
    trigger["metadata"]["valu"] = "3"
    async with running(EventSettings(strict=True)) as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object("orders", trigger))
        await asyncio.sleep(1)

        assert await world.replicas() == 0
        assert (await world.condition("Ready"))[1] == "ScaledObjectCheckFailed"


async def test_a_missing_secret_is_named_and_mends_itself() -> None:
    authenticated = pods_trigger(authenticationRef={"name": "creds"})
    creds = trigger_authentication(
        secretTargetRef=[{"parameter": "username", "name": "rabbit", "key": "uri"}]
    )
    async with running() as world:
        await world.work(2)
        await world.apply(deployment(), scaled_object("orders", authenticated))
        await asyncio.sleep(1)
        assert (await world.condition("Ready"))[2].endswith("default/creds does not exist")

        await world.apply(creds)
        await asyncio.sleep(1)
        assert (await world.condition("Ready"))[2].endswith("secret default/rabbit does not exist")

        await world.apply(secret("rabbit", url=SECRET))
        await asyncio.sleep(31)
        assert (await world.condition("Ready"))[2].endswith(
            "secret default/rabbit has no key 'uri'"
        )

        data = secret("rabbit", uri=SECRET)["data"]
        await world.client.patch(SECRETS, "rabbit", {"data": data}, namespace="default")
        await asyncio.sleep(31)
        assert await world.replicas() == 2
        assert (await world.condition("Ready"))[0] == "True"
        assert SECRET not in str(await world.events()) + str(await world.status())


async def test_an_edited_authentication_is_used_at_once() -> None:
    authenticated = pods_trigger(authenticationRef={"name": "creds"})
    async with running() as world:
        await world.work(2)
        later = trigger_authentication(hashiCorpVault={"address": "vault:8200"})
        later["spec"]["hashiCorpVault"] |= {"authentication": "token", "secrets": [
            {"parameter": "a", "path": "b", "key": "c"}]}  # fmt: skip
        await world.apply(later, deployment(), scaled_object("orders", authenticated))
        await asyncio.sleep(1)
        assert (await world.condition("Ready"))[2].endswith(
            "TriggerAuthentication default/creds: spec.hashiCorpVault.address: "
            "found 'vault:8200', want a URL that begins with http:// or https://"
        )

        empty = {"spec": {"hashiCorpVault": None}}
        edited = await world.client.patch(
            TRIGGER_AUTHENTICATIONS, "creds", empty, namespace="default"
        )
        world.engine.changed(edited)
        await asyncio.sleep(0.1)
        assert await world.replicas() == 2

        world.engine.gone(edited)
        await asyncio.sleep(0.1)
        assert (await world.condition("Ready"))[2].endswith("default/creds does not exist")


async def test_secrets_are_read_again_now_and_then() -> None:
    creds = trigger_authentication(
        secretTargetRef=[{"parameter": "username", "name": "rabbit", "key": "uri"}]
    )
    reads: list[float] = []
    async with running(EventSettings(refresh_s=100)) as world:

        def note(request: Request) -> bool:
            if "/secrets/" in request.path and request.method == "GET":
                reads.append(asyncio.get_running_loop().time())
            return False

        world.wire.fail = note
        await world.apply(creds, secret("rabbit", uri=SECRET), deployment())
        await world.apply(
            scaled_object("orders", pods_trigger(authenticationRef={"name": "creds"}))
        )
        await asyncio.sleep(330)

        assert 3 <= len(reads) <= 4


async def test_a_list_does_not_bring_back_what_was_deleted_meanwhile() -> None:
    """The deletion is told between the making of the list and its arrival."""
    async with running() as world:
        await world.work(3)
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        body = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")

        def told(request: Request, _: Response) -> None:
            if request.method == "GET" and request.path.endswith("/scaledobjects"):
                world.engine.gone(body | {"kind": "ScaledObject"})

        world.wire.answered = told
        await world.engine.resync()
        assert world.engine.statistics().objects == 0


async def test_an_edit_while_credentials_are_read_is_not_forgotten() -> None:
    """The Secret answers late; by then the triggers are others, which need no Secret."""
    async with running() as world:
        await world.work(4)
        await world.apply(
            secret("rabbit", uri="x"),
            trigger_authentication(
                secretTargetRef=[{"parameter": "apiKey", "name": "rabbit", "key": "uri"}]
            ),
            deployment(),
        )
        world.wire.delay_s = lambda request: 5.0 if "/secrets/" in request.path else 0.0
        old = pods_trigger("nothing", authenticationRef={"name": "creds"})
        await world.apply(scaled_object("orders", old))
        await asyncio.sleep(1)
        await world.edit(SCALED_OBJECTS, "orders", triggers=[pods_trigger()])
        await asyncio.sleep(60)
        assert await world.replicas() == 4


async def test_a_deleted_object_leaves_no_series() -> None:
    """It is deleted while its sample is under way, which counts what it read."""
    async with running() as world:
        await world.apply(deployment(), scaled_object())
        await asyncio.sleep(1)
        body = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        world.wire.delay_s = lambda request: 5.0 if request.path.endswith("/pods") else 0.0
        await asyncio.sleep(31)
        world.engine.gone(body | {"kind": "ScaledObject"})
        await asyncio.sleep(30)
        assert b"orders" not in generate_latest(world.meters)


async def test_a_name_with_a_path_in_it_reads_no_other_namespace() -> None:
    async with running() as world:
        await world.work(3)
        await world.apply(deployment("victim"))
        body = scaled_object("orders", scaleTargetRef={"name": "x/../victim"})
        await world.apply(body)
        await asyncio.sleep(5)
        assert await world.replicas("victim") == 0
        assert "which no object can be named" in (await world.condition("Ready"))[2]


async def test_a_trigger_that_was_taken_out_leaves_no_series() -> None:
    async with running() as world:
        await world.apply(deployment(), scaled_object("orders", pods_trigger(name="former")))
        await asyncio.sleep(1)
        assert b"former" in generate_latest(world.meters)
        await world.edit(SCALED_OBJECTS, "orders", triggers=[pods_trigger(name="latter")])
        await asyncio.sleep(31)
        shown = generate_latest(world.meters)
        assert (b"former" in shown, b"latter" in shown) == (False, True)
