"""Whatever is asked, the answer is a refusal in words or a success: never a crash, never a 500."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.transport import Request, Response
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.sandbox.api.calls import CRDS, MAPS, PODS, START, Calls, config_map

Json = dict[str, Any]

APPS = "/apis/apps/v1/namespaces/default"
DEPLOYMENTS = f"{APPS}/deployments"
SCALED = "/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects"
TEMPLATE: Json = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}]},
}
DEPLOYMENT = {
    "metadata": {"name": "a", "finalizers": ["a/b"]},
    "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
}
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "b", "uid": "u"}
POD = {
    "metadata": {"name": "a", "ownerReferences": [OWNER]},
    "spec": TEMPLATE["spec"] | {"tolerations": [{"key": "a", "operator": "Exists"}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
TRIGGER = {"type": "cron", "metadata": {"timezone": "UTC"}}
OBJECT = {
    "metadata": {"name": "a", "labels": {"a": "b"}, "annotations": {"a": "b"}},
    "spec": {"scaleTargetRef": {"name": "web"}, "triggers": [TRIGGER]},
}
RULE = {"rule": "self.n > 0", "message": "m"}
SIZE = {"type": "integer", "default": 1, "minimum": 1, "enum": [1, 2]}
NAMES = {"type": "array", "items": {"type": "string", "pattern": "a"}}
SPEC = {"type": "object", "properties": {"n": SIZE, "l": NAMES}, "x-kubernetes-validations": [RULE]}
DEFINITION = {
    "metadata": {"name": "ws.x.io"},
    "spec": {
        "group": "x.io",
        "names": {"plural": "ws", "kind": "W"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}},
                "subresources": {"scale": {"specReplicasPath": ".spec.n"}},
                "additionalPrinterColumns": [{"name": "N", "type": "integer", "jsonPath": ".n"}],
            }
        ],
    },
}
BODIES: list[tuple[str, Any]] = [
    (PODS, POD),
    (MAPS, config_map("a", k="v")),
    (DEPLOYMENTS, DEPLOYMENT),
    (SCALED, OBJECT),
    (CRDS, DEFINITION),
    (f"{PODS}/a/eviction", {"metadata": {"name": "a"}, "deleteOptions": {"preconditions": {}}}),
    (f"{PODS}/a/binding", {"metadata": {"name": "a"}, "target": {"name": "n"}}),
    (f"{DEPLOYMENTS}/a/scale", {"metadata": {"name": "a"}, "spec": {"replicas": 1}}),
    (
        "/api/v1/namespaces/default/serviceaccounts/default/token",
        {"spec": {"expirationSeconds": 600}},
    ),
]
ODD: list[Any] = [None, True, 0, -1, 1.5, 10**30, "", "x", "(", "\u0663", [], {}, [None], {"a": 1}]
LONG = "9" * 5000
OUR_OWN = (  # what upstream answers with 500 as well
    "resourceVersion should not be set on objects to be created",
    "target.name: Required value",
    "the spec replicas field",
)


@pytest.fixture(scope="module")
def calls() -> Calls:
    """One server with an object of each kind; faults must not depend on what is stored."""
    calls = Calls()
    calls.api = Sandbox(SandboxSettings(), lambda: START).api
    for path, body in BODIES[:4]:
        calls.ok("POST", path, body)
    return calls


def check(calls: Calls, request: Request) -> None:
    answer = calls.api.handle(request)
    assert answer.status < 500 or _upstream(answer), answer


def _upstream(answer: Any) -> bool:
    return isinstance(answer, Response) and any(each in answer.body.decode() for each in OUR_OWN)


def places(body: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, as the keys that lead there."""
    found = [above]
    if isinstance(body, dict | list):
        for key in body if isinstance(body, dict) else range(len(body)):
            found += places(body[key], (*above, key))
    return found


def replaced(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = body.copy()
    copy[place[0]] = replaced(body[place[0]], place[1:], value)
    return copy


MEDIA = [
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
    "text/plain; charset=\u00fc",
    "",
]


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_any_value_in_any_place_is_answered(calls: Calls, path: str, body: Any) -> None:
    one = path if path.count("/") > 6 else f"{path}/a"
    dry = {"dryRun": "All", "fieldManager": "m", "force": "true"}
    for place in places(body):
        for value in ODD:
            sent = json.dumps(replaced(body, place, value)).encode()
            check(calls, Request("POST", path, dry, sent))
            check(calls, Request("PUT", one, dry, sent))
            check(calls, Request("DELETE", one, dry, sent))
            for media in MEDIA[2:6]:
                check(calls, Request("PATCH", one, dry, sent, content_type=media))


WORDS = ["api", "apis", "v1", "apps", "keda.sh", "v1alpha1", "namespaces", "default", "pods", "a"]
SEGMENTS = st.sampled_from(
    [
        *WORDS,
        *("deployments", "scaledobjects", "status", "scale", "log", "finalize", "..", "%2f", "é"),
        *("openapi", "v2", "v3", "customresourcedefinitions", "apiextensions.k8s.io", "watch"),
    ]
)
NUMBERS = ["0", "-1", "1", "x", LONG, "\u0663", "1e9", "", "true"]
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "watch": st.sampled_from(["1", "true", "false", "x"]),
        "limit": st.sampled_from(NUMBERS),
        "resourceVersion": st.sampled_from(NUMBERS),
        "timeoutSeconds": st.sampled_from(NUMBERS),
        "gracePeriodSeconds": st.sampled_from(NUMBERS),
        "sendInitialEvents": st.sampled_from(NUMBERS),
        "resourceVersionMatch": st.sampled_from(["Exact", "NotOlderThan", "x"]),
        "continue": st.sampled_from(["x", "W1tbWw", "eyJ2IjoxfQ", "\u00e9", "W" * 6000]),
        "labelSelector": st.text("a=!,() in\u00e9", max_size=12),
        "fieldSelector": st.text("a=!,.metadata", max_size=12),
        "dryRun": st.sampled_from(["All", "x"]),
        "fieldValidation": st.sampled_from(["Strict", "Warn", "x"]),
        "propagationPolicy": st.sampled_from(["Orphan", "x"]),
    },
)
RAW = st.sampled_from(
    [
        b"{",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b"k8s\x00\xff\xff",
        b"k8s\x00" + b"\xff" * 300,
        b"? {a: b}\n: c",
        b"a: &a [*a]",
        b"a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]",
        b"- " * 5_000,
        b"2001-99-99",
        b"a: 2001-01-01",
        b"metadata: {name: a, labels: {1: 2001-01-01}}",
        b'{"metadata":{"name":"\\ud800"}}',
        b"9" * 5000,
    ]
) | st.binary(max_size=40)


METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
PATHS = st.lists(SEGMENTS, max_size=9).map("/".join) | st.sampled_from([PODS, f"{SCALED}/a"])
ACCEPTED = ["*/*", "application/json;as=Table;v=v1", "a;b=c;;", "application/yaml", "x"]
REQUESTS = st.builds(
    Request,
    METHODS,
    PATHS.map(lambda path: "/" + path.lstrip("/")),
    QUERIES,
    st.none() | RAW,
    content_type=st.sampled_from(MEDIA),
    accept=st.sampled_from(ACCEPTED),
)


@settings(max_examples=400)
@given(REQUESTS)
def test_any_request_is_answered(calls: Calls, request: Request) -> None:
    check(calls, request)


def test_too_much_is_refused_by_its_size(calls: Calls) -> None:
    body = json.dumps(config_map("a", k="v" * 4_000_000)).encode()

    answer = calls.api.handle(Request("POST", MAPS, {}, body))

    assert answer.status == 413


async def test_watchers_that_vanish_leave_nothing_behind() -> None:
    sandbox = Sandbox(SandboxSettings(crds=()), lambda: START)
    url = await sandbox.serve()
    before = len(asyncio.all_tasks())
    query = {"watch": "1", "timeoutSeconds": "600"}
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        for _ in range(10):
            watches = [await session.get(MAPS, params=query) for _ in range(100)]
            for watch in watches:
                watch.close()
        async with session.post(MAPS, json=config_map("a")) as created:
            assert created.status == 201
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0)
    await sandbox.close()


def test_memory_is_bounded_by_the_window_not_by_the_writes() -> None:
    calls = Calls(window=50)
    calls.ok("POST", MAPS, config_map("a", k="0"))
    table = calls.api.state.store.table("configmaps.")

    for number in range(1000):
        calls.ok("PUT", f"{MAPS}/a", config_map("a", k=str(number)))
        assert len(table.history) < 2 * 50


@pytest.mark.parametrize("media", ["application/yaml", "application/apply-patch+yaml"])
def test_deep_yaml_is_refused_before_it_overflows_the_stack(calls: Calls, media: str) -> None:
    deep = Request("PATCH" if "patch" in media else "PUT", f"{MAPS}/a", {}, b"[" * 100_000)

    answer = calls.api.handle(replace(deep, content_type=media))

    assert answer.status == 400
