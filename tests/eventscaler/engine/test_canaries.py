"""A canary in every kind of source, in triggers that work and that fail: none is heard anywhere.

Searched is all that the process says (at debug level, whatever library says it), every Event, the
status of every object, the metrics, and the texts of the faults that credentials end in.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web
from prometheus_client import generate_latest

from eventscaler.auth import AuthFault, AuthSettings, Given, Objects, Where, Workload
from eventscaler.auth.identities import ROLE
from eventscaler.auth.sources import fetch
from eventscaler.decode import Source, authentication
from eventscaler.engine import EventSettings
from kube.client import Json
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    SCALED_OBJECTS,
    SERVICE_ACCOUNTS,
    TRIGGER_AUTHENTICATIONS,
)
from kube.scale import Target
from scalers.io import IO
from tests.eventscaler.auth.tools import Clock
from tests.eventscaler.engine.test_sources import NOWHERE, REGION, logged
from tests.eventscaler.manifests import (
    config_map,
    deployment,
    scaled_object,
    secret,
    trigger_authentication,
)
from tests.eventscaler.world import World, running
from tests.scalers.servers import served

__all__ = ["logged"]  # a fixture

SONG = "c4n4ryThatNeverSingsIn"
TOKEN = "sandbox.default.reader."  # how the sandbox's tokens of that account begin
ARN = "arn:aws:iam::123456789012:role/reader"
CLUSTER_KIND = "ClusterTriggerAuthentication"


def canary(cage: str) -> str:
    """A secret that says where it was planted."""
    return f"{SONG}{cage.title().replace('-', '')}"


@dataclass
class Planted:
    """How one kind of source gives a trigger the parameters that it asks for."""

    spec: Json
    objects: list[Json] = field(default_factory=list)
    env: list[Json] = field(default_factory=list)
    env_from: list[Json] = field(default_factory=list)
    cluster: bool = False


def variable(parameter: str) -> str:
    return f"V_{parameter}"


def in_secret(name: str, values: dict[str, str]) -> Planted:
    refs = [{"parameter": key, "name": name, "key": key} for key in values]
    return Planted({"secretTargetRef": refs}, [secret(name, **values)])


def in_config_map(name: str, values: dict[str, str]) -> Planted:
    refs = [{"parameter": key, "name": name, "key": key} for key in values]
    return Planted({"configMapTargetRef": refs}, [config_map(name, **values)])


def in_env(name: str, values: dict[str, str]) -> Planted:
    refs = [{"parameter": key, "name": variable(key)} for key in values]
    env = [{"name": variable(key), "value": value} for key, value in values.items()]
    return Planted({"env": refs}, env=env)


def in_env_of_a_secret(name: str, values: dict[str, str]) -> Planted:
    refs = [{"parameter": key, "name": variable(key)} for key in values]
    env = [
        {"name": variable(key), "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}
        for key in values
    ]
    return Planted({"env": refs}, [secret(name, **values)], env)


def in_env_from(name: str, values: dict[str, str]) -> Planted:
    refs = [{"parameter": key, "name": variable(key)} for key in values]
    bulk = secret(name, **{variable(key): value for key, value in values.items()})
    return Planted({"env": refs}, [bulk], env_from=[{"secretRef": {"name": name}}])


def in_cluster_secret(name: str, values: dict[str, str]) -> Planted:
    refs = [{"parameter": key, "name": name, "key": key} for key in values]
    bulk = secret(name, "tandem", **values)
    return Planted({"secretTargetRef": refs}, [bulk], cluster=True)


CAGES = {
    "secret": in_secret,
    "config-map": in_config_map,
    "env": in_env,
    "env-secret": in_env_of_a_secret,
    "env-from": in_env_from,
    "cluster-secret": in_cluster_secret,
}


def triggers(echo: str, song: str) -> dict[str, tuple[Json, dict[str, str]]]:
    """Triggers with *song* as credentials: one is answered, the others fail in their own ways."""
    api = {"valueLocation": "n", "targetValue": "5", "authModes": "bearer"}
    amqp = {"queueName": "q", "mode": "QueueLength", "value": "5"}
    sqs = {"queueURL": f"{echo}/1/q", "awsRegion": REGION, "awsEndpoint": echo}
    keys = {"awsAccessKeyID": f"AKIA{song}", "awsSecretAccessKey": song, "awsSessionToken": song}
    return {
        "good": (of("metrics-api", api | {"url": f"{echo}/good"}), {"bearerToken": song}),
        "echo": (of("metrics-api", api | {"url": echo}), {"bearerToken": song}),
        "dead": (of("metrics-api", api | {"url": f"http://{NOWHERE}"}), {"bearerToken": song}),
        "odd": (of("rabbitmq", amqp), {"host": f"amqp//user:{song}@{NOWHERE}:x/"}),
        "amqp": (of("rabbitmq", amqp), {"host": f"amqp://user:{song}@{NOWHERE}/v"}),
        "sqs": (of("aws-sqs-queue", sqs), keys),
    }


def of(kind: str, metadata: dict[str, str]) -> Json:
    return {"type": kind, "metadata": metadata}


async def echo(request: web.Request) -> web.Response:
    """Give a number to those who ask for it; refuse others, and repeat all that they sent."""
    if request.path == "/good":
        return web.json_response({"n": 5})
    text = f"{request.url} {dict(request.headers)} {await request.text()}"
    return web.Response(text=text, status=401)


def manifests(name: str, trigger: Json, planted: Planted) -> list[Json]:
    body = deployment(name, env=planted.env)
    spec = body["spec"]["template"]["spec"]
    spec["containers"][0]["envFrom"] = planted.env_from
    spec["serviceAccountName"] = "reader"
    kind = CLUSTER_KIND if planted.cluster else "TriggerAuthentication"
    trigger = trigger | {"authenticationRef": {"name": name, "kind": kind}}
    auth = trigger_authentication(name, cluster=planted.cluster, **planted.spec)
    return [*planted.objects, auth, body, scaled_object(name, trigger, pollingInterval=1)]


def scene(url: str, root: Path) -> dict[str, list[Json]]:
    """The objects of each trigger in each kind of source, by the ScaledObject's name."""
    found = {}
    for cage, plant in CAGES.items():
        for kind, (trigger, values) in triggers(url, canary(cage)).items():
            name = f"{cage}-{kind}"
            found[name] = manifests(name, trigger, plant(name, values))
    for kind, (trigger, values) in triggers(url, canary("file")).items():
        name = f"file-{kind}"
        (root / f"{name}.json").write_text(json.dumps(values))
        planted = Planted({"filePath": f"{name}.json"}, cluster=True)
        found[name] = manifests(name, trigger, planted)
    bound = [{"parameter": "bearerToken", "serviceAccountName": "reader"}]
    for kind in ("good", "echo", "dead"):
        trigger, _ = triggers(url, "")[kind]
        planted = Planted({"boundServiceAccountToken": bound})
        found[f"token-{kind}"] = manifests(f"token-{kind}", trigger, planted)
    role = Planted({"podIdentity": {"provider": "aws", "identityOwner": "workload"}})
    found["role-sqs"] = manifests("role-sqs", triggers(url, "")["sqs"][0], role)
    return found


@pytest.mark.timeout(180)
async def test_no_canary_is_heard(
    logged: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "identity").write_text(canary("web-identity"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "identity"))
    monkeypatch.setenv("AWS_ROLE_ARN", ARN)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    settings = EventSettings(auth=AuthSettings(file_root=str(tmp_path)))
    async with served({"/{any:.*}": echo}) as url, running(settings) as world:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        objects = await asyncio.to_thread(scene, url, tmp_path)
        await world.client.create(NAMESPACES, {"metadata": {"name": "tandem"}})
        account = {"metadata": {"name": "reader", "annotations": {ROLE: ARN}}}
        await world.client.create(SERVICE_ACCOUNTS, account, namespace="default")
        for bodies in objects.values():
            await world.apply(*bodies)
        for name in objects:
            await told(world, name, "True" if name.endswith("-good") else "False")
        shown = await everything_shown(world)

    shown["log"] = logged.getvalue()
    assert [text for text in shown.values() if "default/ScaledObject/file-echo" in text]
    assert leaks(shown) == []


async def told(world: World, name: str, ready: str) -> None:
    """Until the trigger was read, or failed and was told of by an Event."""
    async with asyncio.timeout(60):
        while (await world.condition("Ready", name))[0] != ready:
            await asyncio.sleep(0.1)
        while ready == "False" and not await world.events(name):
            await asyncio.sleep(0.1)


async def everything_shown(world: World) -> dict[str, str]:
    """Events and metrics, and of other objects the status: their specs are the user's own."""
    found = {"metrics": generate_latest(world.meters).decode()}
    found["Event"] = "\n".join(json.dumps(body) for body in await world.client.items(EVENTS))
    for resource in (
        SCALED_OBJECTS,
        TRIGGER_AUTHENTICATIONS,
        CLUSTER_TRIGGER_AUTHENTICATIONS,
        DEPLOYMENTS,
    ):
        bodies = await world.client.items(resource)
        found[resource.kind] = "\n".join(
            json.dumps([body.get("status"), body["metadata"]]) for body in bodies
        )
    return found


def leaks(texts: dict[str, str]) -> list[str]:
    return [
        f"{where}: {line[:300]}"
        for where, text in texts.items()
        for line in text.splitlines()
        if reveals(line)
    ]


def reveals(text: str) -> bool:
    """Whether a canary or a token is in *text*, plainly, percent-encoded, or in base64."""
    forms = set()
    for song in (SONG, TOKEN):
        encoded = [base64.b64encode(b"x" * pad + song.encode()).decode() for pad in range(3)]
        forms |= {song, quote(song), *(each[4:-4] for each in encoded)}
    return any(form in text for form in forms)


def test_a_canary_that_sings_is_heard() -> None:
    for cage in CAGES:
        for prefix in ("", "u:", "user:"):
            assert reveals(base64.b64encode(f"{prefix}{canary(cage)}".encode()).decode())
    assert reveals(f"Bearer {TOKEN}8d72")
    assert not reveals("all is well")


# ---------------------------------------------------------------- the texts of faults


def faulty() -> Iterator[tuple[str, Source]]:
    """Sources that hold a canary and cannot yield what they are asked for."""
    missing = [{"parameter": "p", "name": "holder", "key": "nope"}]
    vault: Json = {"address": f"http://{NOWHERE}", "authentication": "token"}
    vault |= {"credential": {"token": canary("vault")}}
    vault |= {"secrets": [{"parameter": "p", "path": "kv/a", "key": "k"}]}
    ref = {"valueFrom": {"secretKeyRef": {"name": "holder", "key": "canary"}}}
    oauth2: Json = {"clientId": "me", "clientSecret": ref, "tokenUrl": f"http://{NOWHERE}"}
    azure: Json = {"vaultUri": f"http://{NOWHERE}", "secrets": [{"parameter": "p", "name": "n"}]}
    azure |= {"credentials": {"clientId": "c", "tenantId": "t", "clientSecret": ref}}
    gcp: Json = {"secrets": [{"parameter": "p", "id": "i"}], "credentials": {"clientSecret": ref}}
    aws: Json = {"region": REGION, "secrets": [{"parameter": "p", "name": "n"}]}
    aws |= {"credentials": {"accessKey": ref, "accessSecretKey": ref}}
    specs: dict[str, Json] = {
        "secret": {"secretTargetRef": missing},
        "config map": {"configMapTargetRef": missing},
        "env": {"env": [{"parameter": "p", "name": "NOPE"}]},
        "vault": {"hashiCorpVault": vault},
        "oauth2": {"oauth2": oauth2},
        "azure": {"azureKeyVault": azure},
        "gcp": {"gcpSecretManager": gcp},
        "aws": {"awsSecretManager": aws},
        "file": {"filePath": "canary.json"},
    }
    for name, spec in specs.items():
        value, faults = authentication(trigger_authentication(cluster=True, **spec))
        assert value is not None, faults
        yield name, value.sources[0]


GIVEN: Given = {
    (kind, "default", "holder"): {"canary": canary(kind)} for kind in ("Secret", "ConfigMap")
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in faulty()])
async def test_a_fault_tells_no_canary(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in the exceptions behind it, as a traceback would show them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://{NOWHERE}")
    await asyncio.to_thread((tmp_path / "canary.json").write_text, canary("file"))
    objects = Objects(None, GIVEN)
    body = deployment(env=[{"name": "CANARY", "value": canary("env")}])
    target = Target("default", "apps/v1", "Deployment", "orders")
    io_ = IO(Clock())
    where = Where(
        home="default",
        namespace="default",
        objects=objects,
        workload=Workload(None, None, target, objects, body),
        io=io_,
        settings=AuthSettings(file_root=str(tmp_path)),
    )
    try:
        with pytest.raises(AuthFault) as fault:
            await fetch(source, where)
    finally:
        await io_.close()

    shown = "".join(traceback.format_exception(fault.value)) + repr(fault.value) + repr(source)
    assert not reveals(shown)
