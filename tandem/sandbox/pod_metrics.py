"""metrics.k8s.io/v1beta1 for pods: what metrics-server would say, as a pod's annotations tell it.

    tandem.sh/usage: cpu=250m,memory=64Mi        each container uses that
    tandem.sh/usage.NAME: cpu=1                  but container NAME that, where it says so

A running pod without them is measured, too, and uses nothing. Read-only, as the real one.

Source: https://github.com/kubernetes/metrics/blob/master/pkg/apis/metrics/v1beta1/types.go
"""

from __future__ import annotations

from collections.abc import Mapping

from kube.transport import Request, Response
from kube.values import quantity
from tandem.sandbox.answers import json_answer
from tandem.sandbox.kinds import Kind
from tandem.sandbox.selection import predicate
from tandem.sandbox.state import State
from tandem.sandbox.status import (
    ApiError,
    Json,
    method_not_allowed,
    no_such_resource,
    not_found,
)

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
USAGE = "tandem.sh/usage"
WINDOW = "15s"
NOTHING = {"cpu": "0", "memory": "0"}
KIND = Kind(GROUP, VERSION, "pods", "PodMetrics", verbs=("get", "list"))


def measured(state: State, request: Request) -> Response | None:
    """Answer for the pods of this API; None when the path is another's."""
    match request.path.strip("/").split("/"):
        case ["apis", group, version, *rest] if (group, version) == (GROUP, VERSION) and rest:
            answer = _answer(state, request.query, rest)
        case _:
            return None
    if request.method not in {"GET", "HEAD"} or request.query.get("watch") in {"true", "1"}:
        raise method_not_allowed()
    return json_answer(answer)


def _answer(state: State, query: Mapping[str, str], rest: list[str]) -> Json:
    match rest:
        case ["pods"]:
            return _list(state, query, "")
        case ["namespaces", namespace, "pods"]:
            return _list(state, query, namespace)
        case ["namespaces", namespace, "pods", name]:
            pod = state.store.get("pods.", (namespace, name))
            if pod is None or not _runs(pod.obj):
                raise not_found(KIND, f"{namespace}/{name}")
            names = {"kind": KIND.kind, "apiVersion": KIND.api_version}
            return names | _metrics(pod.obj, state.stamp())
        case _:
            raise no_such_resource()


def _list(state: State, query: Mapping[str, str], namespace: str) -> Json:
    served = state.registry.find("", "v1", "pods")
    assert served is not None, "pods are built in"  # noqa: S101
    table = state.store.table(served.kind.storage)
    matches = predicate(served, query)
    found = [table.items[key].obj for key in table.sorted_keys() if namespace in ("", key[0])]
    items = [
        _metrics(pod, state.stamp())
        for pod in found
        if _runs(pod) and (matches is None or matches(pod))
    ]
    names: Json = {"kind": "PodMetricsList", "apiVersion": KIND.api_version, "metadata": {}}
    return names | {"items": items}


def _runs(pod: Json) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Running")


def _metrics(pod: Json, now: str) -> Json:
    meta = pod["metadata"]
    shown = {"name": meta["name"], "namespace": meta["namespace"], "creationTimestamp": now}
    if meta.get("labels"):
        shown["labels"] = meta["labels"]
    containers = [
        {"name": each["name"], "usage": _usage(meta, each["name"])}
        for each in pod["spec"]["containers"]
    ]
    return {"metadata": shown, "timestamp": now, "window": WINDOW, "containers": containers}


def _usage(meta: Json, container: str) -> dict[str, str]:
    notes = meta.get("annotations") or {}
    found = dict(NOTHING)
    for key in (USAGE, f"{USAGE}.{container}"):
        found |= _amounts(notes.get(key, ""), f"pod {meta['namespace']}/{meta['name']}: {key}")
    return found


def _amounts(text: str, where: str) -> dict[str, str]:
    """Read "cpu=250m,memory=64Mi"."""
    found = {}
    for part in filter(None, text.split(",")):
        name, _, amount = part.partition("=")
        try:
            found[name.strip()] = quantity.canonical(amount.strip())
        except ValueError as error:
            raise ApiError(500, "InternalError", f"{where}: {error}") from error
    return found
