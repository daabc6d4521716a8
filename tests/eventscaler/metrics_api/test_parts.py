"""Parts of the metrics API that need no server: the front proxy's word, memory, keys."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from eventscaler.metrics_api.front_proxy import FrontProxy, front_proxy, spoken_for
from eventscaler.metrics_api.keys import API_SERVICES, NAME, OwnKeys, ServiceName
from eventscaler.metrics_api.recent import Recent
from eventscaler.metrics_api.values import Caller
from kube.certificates import LIFETIME, expires
from kube.client import Client
from kube.values.times import EPOCH
from tandem.sandbox.cluster import Sandbox, SandboxSettings

CONFIGURED = {
    "requestheader-client-ca-file": "PEM",
    "requestheader-allowed-names": '["front-proxy"]',
    "requestheader-username-headers": '["X-Remote-User"]',
    "requestheader-uid-headers": '["X-Remote-Uid"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
}
PROXY = front_proxy(CONFIGURED)
SHOWN = {"subject": ((("organizationName", "x"),), (("commonName", "front-proxy"),))}
HEADERS = (
    ("x-remote-user", "ann"),
    ("X-Remote-Uid", "9"),
    ("X-Remote-Group", "a"),
    ("X-Remote-Group", "b"),
    ("X-Remote-Extra-Acme.com%2Fproject", "p1"),
    ("X-Remote-Extra-acme.com%2fproject", "p2"),
)


def spoken(proxy: FrontProxy, shown: Any, *headers: tuple[str, str]) -> Caller | None:
    return spoken_for(proxy, shown, CIMultiDictProxy(CIMultiDict(headers)))


def test_the_front_proxy_speaks_for_a_caller() -> None:
    assert spoken(PROXY, SHOWN, *HEADERS) == Caller(
        user="ann", uid="9", groups=("a", "b"), extra={"acme.com/project": ("p1", "p2")}
    )


@pytest.mark.parametrize(
    ("proxy", "shown", "headers"),
    [
        pytest.param(PROXY, None, HEADERS, id="no certificate"),
        pytest.param(PROXY, {"subject": ((("commonName", "web"),),)}, HEADERS, id="other name"),
        pytest.param(PROXY, SHOWN, HEADERS[1:], id="no user"),
        pytest.param(front_proxy({}), SHOWN, HEADERS, id="aggregation is off"),
    ],
)
def test_others_do_not(proxy: FrontProxy, shown: Any, headers: Any) -> None:
    assert spoken(proxy, shown, *headers) is None


def test_without_names_every_certificate_of_the_authority_counts() -> None:
    anyone = front_proxy({**CONFIGURED, "requestheader-allowed-names": ""})

    assert spoken(anyone, {"subject": ((("commonName", "web"),),)}, *HEADERS) is not None


def test_a_list_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="want a JSON list of names"):
        front_proxy({"requestheader-allowed-names": '"x"'})


def test_a_memory_forgets_by_time_and_by_number() -> None:
    recent = Recent[str, int](lasts_s=10, limit=2)
    recent.put("a", 1, now=0)
    recent.put("b", 2, now=1)
    recent.put("a", 3, now=2)
    recent.put("c", 4, now=3)

    assert recent.get("b", now=3) is None, "the oldest was given up"
    assert recent.get("a", now=3) == 3
    assert recent.get("a", now=12) is None


OURS = ServiceName("tandem", "metrics")


class Clock:
    def __init__(self) -> None:
        self.time = EPOCH

    def __call__(self) -> datetime:
        return self.time


async def asked_of(namespace: str, clock: Clock) -> tuple[Client, OwnKeys]:
    """Keys for a server, in a cluster whose API Service names a Service of *namespace*."""
    client = Client(Sandbox(SandboxSettings(), clock).transport())
    spec = {
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": namespace, "name": "metrics"},
    }
    body = {"apiVersion": API_SERVICES.api_version, "kind": "APIService", "spec": spec}
    await client.create(API_SERVICES, body | {"metadata": {"name": NAME}})
    return client, OwnKeys(client, OURS, clock)


async def test_an_own_certificate_is_published_once_and_made_anew_before_it_ends() -> None:
    clock = Clock()
    client, keys = await asked_of("tandem", clock)

    first = await keys.current()
    made = await client.get(API_SERVICES, NAME)
    again = await keys.current()
    unchanged = await client.get(API_SERVICES, NAME)
    clock.time += LIFETIME - timedelta(days=20)
    renewed = await keys.current()
    spec = (await client.get(API_SERVICES, NAME))["spec"]

    assert first == again
    assert base64.b64decode(made["spec"]["caBundle"]) == first.authority
    assert unchanged["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert expires(renewed.certificate) > expires(first.certificate)
    assert base64.b64decode(spec["caBundle"]) == renewed.authority
    assert "insecureSkipTLSVerify" not in spec


async def test_somebody_elses_api_service_is_left_alone() -> None:
    client, keys = await asked_of("keda", Clock())

    await keys.current()

    assert "caBundle" not in (await client.get(API_SERVICES, NAME))["spec"]
