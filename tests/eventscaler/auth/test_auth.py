"""Parameters from secrets, config maps and a container's environment, and what is said of gaps."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from eventscaler.auth import (
    AuthFault,
    AuthSettings,
    Environment,
    Objects,
    Resolver,
    Where,
    Workload,
)
from eventscaler.auth.resolver import key_of
from eventscaler.decode import AuthRef, authentication
from kube.client import Client, Json
from kube.resources import CONFIG_MAPS, SECRETS
from kube.scale import Target
from kube.transport import Request, Response, Stream
from scalers.io import IO
from tests.eventscaler.manifests import SECRET, deployment, trigger_authentication

GIVEN = {
    ("Secret", "default", "rabbit"): {"uri": SECRET, "BULK_USER": "bob", "B": "from secret"},
    ("Secret", "tandem", "rabbit"): {"uri": "of the operator"},
    ("ConfigMap", "default", "settings"): {"vhost": "/", "A": "from map", "B": "from map"},
}
PARAMETER = {"parameter": "host", "name": "rabbit", "key": "uri"}


def workload(*env: Json, env_from: Any = ()) -> Json:
    body = deployment("web", env=env)
    containers = body["spec"]["template"]["spec"]["containers"]
    containers[0]["envFrom"] = list(env_from)
    containers.append({"name": "side", "env": [{"name": "ONLY", "value": "side"}]})
    return body


def environment(*env: Json, env_from: Any = ()) -> Environment:
    return Environment(workload(*env, env_from=env_from), "default", Objects(None, GIVEN))


def ref(field: str, name: str, key: str, **more: Any) -> Json:
    return {"valueFrom": {field: {"name": name, "key": key} | more}}


@pytest.mark.parametrize(
    ("env", "env_from", "expected"),
    [
        pytest.param([{"name": "A", "value": "plain"}], [], "plain", id="value"),
        pytest.param([{"name": "A"}], [], "", id="empty"),
        pytest.param(
            [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}], [], "2", id="later wins"
        ),
        pytest.param(
            [{"name": "A"} | ref("secretKeyRef", "rabbit", "uri")], [], SECRET, id="secret"
        ),
        pytest.param(
            [{"name": "A"} | ref("configMapKeyRef", "settings", "vhost")], [], "/", id="config map"
        ),
        pytest.param(
            [{"name": "H", "value": "mq"}, {"name": "A", "value": "amqp://$(H):$(NO)/$$(H)"}],
            [],
            "amqp://mq:$(NO)/$(H)",
            id="references",
        ),
        pytest.param(
            [{"name": "A", "value": "$(H)"}, {"name": "H", "value": "later"}],
            [],
            "$(H)",
            id="only to what comes before",
        ),
        pytest.param([{"name": "A", "value": "$(A)"}], [], "$(A)", id="never to itself"),
        pytest.param([], [{"configMapRef": {"name": "settings"}}], "from map", id="envFrom"),
        pytest.param(
            [{"name": "A", "value": "own"}],
            [{"configMapRef": {"name": "settings"}}],
            "own",
            id="env beats envFrom",
        ),
    ],
)
async def test_environment(env: list[Json], env_from: list[Json], expected: str) -> None:
    assert await environment(*env, env_from=env_from).value("A") == expected


async def test_later_env_from_beats_earlier_and_prefixes_count() -> None:
    sources = [
        {"configMapRef": {"name": "settings"}},
        {"secretRef": {"name": "rabbit"}},
        {"prefix": "P_", "secretRef": {"name": "rabbit"}},
    ]
    found = environment(env_from=sources)

    assert await found.value("B") == "from secret"
    assert await found.value("P_BULK_USER") == "bob"
    assert await found.optional("C") is None


async def test_another_container() -> None:
    assert await environment().value("ONLY", "side") == "side"


@pytest.mark.parametrize(
    ("env", "container", "message"),
    [
        ([], "", "container 'main' of deployment default/web sets no 'A'"),
        ([], "nope", "deployment default/web has no container 'nope'; it has main, side"),
        (
            [{"name": "A"} | ref("secretKeyRef", "gone", "uri")],
            "",
            "there is no cluster to read secret default/gone from",
        ),
        (
            [{"name": "A"} | ref("secretKeyRef", "rabbit", "url")],
            "",
            "secret default/rabbit has no key 'url'",
        ),
        (
            [{"name": "A"} | ref("secretKeyRef", "rabbit", "url", optional=True)],
            "",
            "container 'main' of deployment default/web sets no 'A'",
        ),
        (
            [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "",
            "'A' of deployment default/web comes from fieldRef, which only a running pod knows",
        ),
    ],
)
async def test_what_an_environment_lacks(env: list[Json], container: str, message: str) -> None:
    with pytest.raises(AuthFault) as fault:
        await environment(*env).value("A", container)

    assert str(fault.value) == message


async def test_no_pod_template_no_environment() -> None:
    bare = Environment({"kind": "Pod", "metadata": {"name": "a"}}, "default", Objects(None))

    with pytest.raises(AuthFault, match="pod default/a has no pod template"):
        await bare.value("A")


TARGET = Target("default", "apps/v1", "Deployment", "web")


class Around(Workload):
    """A workload whose body is at hand."""

    def __init__(self, body: Json, objects: Objects) -> None:
        super().__init__(None, None, TARGET, objects)
        self._found = body


def where(objects: Objects, body: Json | None = None, **more: Any) -> Where:
    target = Workload(None, None, TARGET, objects) if body is None else Around(body, objects)
    io = IO(lambda: datetime.now(UTC))
    place = {"home": "default", "namespace": "default"}
    return Where(objects=objects, workload=target, io=io, **(place | more))


async def resolved(ref_: AuthRef, body: Json, env: Json | None = None) -> dict[str, str]:
    value, faults = authentication(body)
    resolver = Resolver(AuthSettings())
    resolver.put(key_of(ref_, "default"), value or faults)
    found = await resolver.resolve(ref_, where(Objects(None, GIVEN), env))
    return {name: secret.reveal() for name, secret in found.values.items()}


async def test_later_sources_win() -> None:
    body = trigger_authentication(
        env=[{"parameter": "host", "name": "A"}, {"parameter": "user", "name": "A"}],
        configMapTargetRef=[{"parameter": "host", "name": "settings", "key": "vhost"}],
        secretTargetRef=[PARAMETER],
    )
    env = workload({"name": "A", "value": "env"})

    assert await resolved(AuthRef("creds"), body, env) == {"host": SECRET, "user": "env"}


async def test_the_cluster_kind_reads_in_the_operators_namespace() -> None:
    body = trigger_authentication(cluster=True, secretTargetRef=[PARAMETER])
    cluster = AuthRef("creds", "ClusterTriggerAuthentication")

    assert await resolved(cluster, body) == {"host": "of the operator"}


async def test_env_without_a_workload_is_a_fault() -> None:
    body = trigger_authentication(env=[{"parameter": "host", "name": "A"}])

    with pytest.raises(AuthFault, match="there is no cluster to read deployment default/web from"):
        await resolved(AuthRef("creds"), body)


async def test_nothing_secret_is_in_a_text() -> None:
    objects = Objects(None, GIVEN)
    assert await objects.key(SECRETS, "default", "rabbit", "uri") == SECRET
    value, _ = authentication(trigger_authentication(secretTargetRef=[PARAMETER]))
    assert value is not None
    resolver = Resolver(AuthSettings())
    resolver.put(key_of(AuthRef("creds"), "default"), value)
    found = await resolver.resolve(AuthRef("creds"), where(objects))

    assert SECRET not in f"{found} {value} {found.values['host']!r}"
    with pytest.raises(AuthFault) as fault:
        await objects.key(CONFIG_MAPS, "default", "settings", "nope")
    assert str(fault.value) == "configmap default/settings has no key 'nope'"


async def test_a_refused_secret_is_asked_for_once() -> None:
    """Many parameters of one Secret, one question: until the next resolution."""
    asked: list[str] = []

    class Denying:
        async def send(self, request: Request, *, timeout_s: float) -> Response:
            asked.append(request.path)
            return Response(403, b"{}", {})

        def stream(
            self, request: Request, *, timeout_s: float
        ) -> AbstractAsyncContextManager[Stream]:
            raise NotImplementedError

        async def close(self) -> None:
            return

    objects = Objects(Client(Denying()))
    for key in ("user", "password"):
        with pytest.raises(AuthFault, match="may not be read by this operator"):
            await objects.key(SECRETS, "default", "rabbit", key)
    assert asked == ["/api/v1/namespaces/default/secrets/rabbit"]
