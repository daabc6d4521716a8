"""The metrics API as the real API server and its callers see it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from eventscaler.metrics_api.keys import API_SERVICES, NAME, FileKeys, OwnKeys
from eventscaler.metrics_api.values import API_VERSION
from kube.certificates import self_signed
from kube.client import Client, Json
from kube.resources import Resource
from tandem.clock import now
from tests import control_plane
from tests.aggregation import aggregate
from tests.charts.helm import Tool, environ_of
from tests.contract.http import Api
from tests.control_plane import ControlPlane, kubeconfig
from tests.eventscaler.metrics_api.served import (
    METRICS,
    SERVICE,
    Numbers,
    cluster_of,
    direct,
    metrics_server,
    token_of,
    trusting,
)

SELECT = "labelSelector=scaledobject.keda.sh%2Fname%3Dorders"
METRIC = f"{METRICS}/namespaces/default/s0-queue"
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
BINDINGS = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    programs = control_plane.assets()
    if programs is None:
        pytest.skip(control_plane.missing())
    found = ControlPlane(programs, tmp_path_factory.mktemp("metrics"))
    yield found
    found.stop()


@pytest.fixture
async def client(plane: ControlPlane) -> AsyncIterator[Client]:
    client = cluster_of(plane).client()
    yield client
    await client.close()


def keys_of(plane: ControlPlane) -> FileKeys:
    return FileKeys(*plane.aggregated)


async def test_a_metric_by_way_of_the_api_server(
    plane: ControlPlane, client: Client, kubectl: Path, tmp_path: Path
) -> None:
    """The server makes its own certificate, and the API server learns to trust it from us."""
    held: dict[str, float | str] = {"s0-queue": 12.5, "s1-q": "no"}
    numbers = Numbers({("default", "orders", name): found for name, found in held.items()})
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig(plane.url, token=plane.token, authority=plane.authority))
    ctl = Tool(kubectl, environ_of(tmp_path, config))
    wrong = plane.authority.read_bytes()
    async with (
        cluster_of(plane).http() as session,
        metrics_server(client, numbers, OwnKeys(client, SERVICE, now)) as port,
    ):
        api = Api(session)
        await aggregate(api, "external.metrics.k8s.io", "v1beta1", port, wrong)
        found = (await api.get(METRIC, labelSelector="scaledobject.keda.sh/name=orders")).ok()
        blind = await api.get(f"{METRICS}/namespaces/default/s1-q?{SELECT}")
        unknown = await api.get(f"{METRICS}/namespaces/default/s2-none?{SELECT}")
        nobodys = await api.get(METRIC)
        raw = await on_a_thread(ctl, "get", "--raw", f"{METRIC}?{SELECT}")
        listed = await on_a_thread(ctl, "api-resources", "--api-group=external.metrics.k8s.io")
        await api.eventually("/openapi/v3", lambda found: f"apis/{API_VERSION}" in found["paths"])
        await client.delete(API_SERVICES, NAME)

    assert found["kind"] == "ExternalMetricValueList"
    assert found["items"] == [
        {
            "metricName": "s0-queue",
            "metricLabels": {"scaledobject.keda.sh/name": "orders"},
            "timestamp": "2026-05-01T12:00:00Z",
            "value": "12500m",
        }
    ]
    assert blind.refused(503, "ServiceUnavailable")["message"] == "no"
    assert "has no metric s2-none" in unknown.refused(404, "NotFound")["message"]
    assert "want scaledobject.keda.sh/name=NAME" in nobodys.refused(400, "BadRequest")["message"]
    assert json.loads(raw)["items"][0]["value"] == "12500m"
    assert "externalmetrics" in listed


async def on_a_thread(tool: Tool, *args: str) -> str:
    return await asyncio.to_thread(tool, *args)


async def test_who_may_not_is_told_so(plane: ControlPlane, client: Client) -> None:
    numbers = Numbers({("default", "orders", "s0-queue"): 3})
    tls = trusting(plane.authority.read_bytes())
    tokens = {"nobody": "", "liar": "x.y.z"}
    tokens |= {who: await token_of(client, who) for who in ("stranger", "reader")}
    await client.create(ROLES, reading("readers"))
    await client.create(BINDINGS, bound("readers", "reader"))
    answers: dict[str, tuple[int, str]] = {}
    async with metrics_server(client, numbers, keys_of(plane)) as port:
        for who, token in tokens.items():
            async with (
                direct(port, tls, token) as session,
                session.get(f"{METRIC}?{SELECT}") as answer,
            ):
                body: Json = await answer.json()
                told = body.get("message") or body["items"][0]["value"]
                answers[who] = (answer.status, str(told))
        async with direct(port, tls) as session, session.get("/readyz") as answer:
            answers["kubelet"] = (answer.status, await answer.text())

    counted = {
        code: numbers.meters.get_sample_value("tandem_metrics_api_requests_total", {"code": code})
        for code in ("200", "401", "403")
    }
    assert counted == {"200": 1, "401": 2, "403": 1}
    assert answers["nobody"] == (401, "found no bearer token and no front proxy")
    assert answers["liar"] == (401, "the cluster does not know this token")
    status, message = answers["stranger"]
    assert status == 403
    assert message.startswith(
        "user 'system:serviceaccount:default:stranger' may not list s0-queue in default"
    )
    assert answers["reader"] == (200, "3")
    assert answers["kubelet"] == (200, "ok")


async def test_headers_count_only_under_the_front_proxys_certificate(
    plane: ControlPlane, client: Client
) -> None:
    numbers = Numbers({("default", "orders", "s0-queue"): 3})
    spoken = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}
    statuses: dict[str, int] = {}
    async with metrics_server(client, numbers, keys_of(plane)) as port:
        for who, shown in certificates_of(plane).items():
            tls = trusting(plane.authority.read_bytes())
            if shown:
                tls.load_cert_chain(*shown)
            async with (
                direct(port, tls) as session,
                session.get(f"{METRIC}?{SELECT}", headers=spoken) as answer,
            ):
                statuses[who] = answer.status

    assert statuses == {"without": 401, "another of the authority": 401, "the proxy": 200}


def certificates_of(plane: ControlPlane) -> dict[str, tuple[Path, Path] | None]:
    return {
        "without": None,
        "another of the authority": plane.aggregated,
        "the proxy": (plane.folder / "proxy.crt", plane.folder / "proxy.key"),
    }


async def test_a_rotated_certificate_is_shown_to_the_next_caller(
    plane: ControlPlane, client: Client, tmp_path: Path
) -> None:
    keys = FileKeys(tmp_path / "tls.crt", tmp_path / "tls.key")
    first, second = self_signed(["localhost"], now()), self_signed(["localhost"], now())
    keys.certificate.write_bytes(first.certificate)
    keys.key.write_bytes(first.key)
    async with metrics_server(client, Numbers(), keys, look_s=0.02) as port:
        async with direct(port, trusting(first.authority)) as session:
            await session.get("/livez")
        keys.certificate.write_bytes(second.certificate)
        keys.key.write_bytes(second.key)
        await until_trusted(port, second.authority)
        async with direct(port, trusting(first.authority)) as session:
            with pytest.raises(ssl.SSLError):
                await session.get("/livez")


async def until_trusted(port: int, authority: bytes) -> None:
    async with asyncio.timeout(20):
        while True:
            async with direct(port, trusting(authority)) as session:
                try:
                    await session.get("/livez")
                except ssl.SSLError:
                    await asyncio.sleep(0.02)
                else:
                    return


def reading(name: str) -> Json:
    rule = {"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"], "verbs": ["list"]}
    return {
        "apiVersion": ROLES.api_version,
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [rule],
    }


def bound(role: str, account: str) -> Json:
    return {
        "apiVersion": ROLES.api_version,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role},
        "roleRef": {"apiGroup": ROLES.group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
    }
