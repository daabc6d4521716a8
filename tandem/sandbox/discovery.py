"""Discovery: what is served, for clients that look before they ask. Also /version and health.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

from collections.abc import Mapping

from kube.transport import Request, Response
from tandem.sandbox import pod_metrics
from tandem.sandbox.answers import json_answer, text_answer
from tandem.sandbox.kinds import Kind
from tandem.sandbox.openapi import openapi
from tandem.sandbox.registry import Served
from tandem.sandbox.state import State
from tandem.sandbox.status import Json, method_not_allowed

VERSION = "v1.37.2"
_HEALTH = {"/healthz", "/livez", "/readyz"}


def discover(state: State, request: Request) -> Response | None:
    """Answer a discovery or health request; None when the path is none of these."""
    path = request.path.rstrip("/") or "/"
    answer = _health(path) or _versions(state, path) or openapi(state, request)
    if answer is not None and request.method not in {"GET", "HEAD"}:
        raise method_not_allowed()
    return answer


def _health(path: str) -> Response | None:
    if path in _HEALTH:
        return text_answer("ok")
    if path == "/version":
        return json_answer(version())
    if path == "/":
        return json_answer({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v3"]})
    return None


def version() -> Json:
    return {
        "major": "1",
        "minor": "37",
        "gitVersion": f"{VERSION}+tandem-sandbox",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _versions(state: State, path: str) -> Response | None:
    match path.strip("/").split("/"):
        case ["api"]:
            return json_answer(_core_versions())
        case ["api", "v1"]:
            return json_answer(resource_list(state, "", "v1"))
        case ["apis"]:
            groups = [group_json(name, found) for name, found in groups_of(state).items() if name]
            return json_answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        case ["apis", group] if group in groups_of(state):
            names = {"kind": "APIGroup", "apiVersion": "v1"}
            return json_answer(names | group_json(group, groups_of(state)[group]))
        case ["apis", group, its_version] if its_version in groups_of(state).get(group, []):
            return json_answer(resource_list(state, group, its_version))
    return None


def _core_versions() -> Json:
    address = {"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}
    return {
        "kind": "APIVersions",
        "apiVersion": "v1",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [address],
    }


def groups_of(state: State) -> Mapping[str, list[str]]:
    """Give the versions of each group, the preferred first."""
    groups: dict[str, list[str]] = {}
    for group, its_version in state.registry.versions():
        groups.setdefault(group, []).append(its_version)
    return groups | {pod_metrics.GROUP: [pod_metrics.VERSION]}


def group_json(name: str, versions: list[str]) -> Json:
    shown = [{"groupVersion": f"{name}/{each}", "version": each} for each in versions]
    return {"name": name, "versions": shown, "preferredVersion": shown[0]}


def resource_list(state: State, group: str, its_version: str) -> Json:
    resources: list[Json] = []
    for served in state.registry.of_version(group, its_version):
        resources += _resources(served)
    if group == pod_metrics.GROUP:
        resources.append(_resource(pod_metrics.KIND))
    shown = f"{group}/{its_version}" if group else its_version
    names = {"kind": "APIResourceList", "apiVersion": "v1"}
    return names | {"groupVersion": shown, "resources": resources}


def _resources(served: Served) -> list[Json]:
    subs = served.kind.subs
    return [_resource(served.kind), *(_subresource(served, name) for name in sorted(subs))]


def _resource(kind: Kind) -> Json:
    entry: Json = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    return entry


def _subresource(served: Served, name: str) -> Json:
    sub = served.kind.subs[name]
    entry: Json = {
        "name": f"{served.kind.plural}/{name}",
        "singularName": "",
        "namespaced": served.kind.namespaced,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }
    if sub.version:
        entry |= {"group": sub.group, "version": sub.version}
    return entry
