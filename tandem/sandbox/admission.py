"""What admission plugins of kube-apiserver do to new pods: priority, and patience with bad nodes.

Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/ (Priority,
DefaultTolerationSeconds)
"""

from __future__ import annotations

from tandem.sandbox.builtins.defaulting import fill, section
from tandem.sandbox.kinds import Kind
from tandem.sandbox.state import State
from tandem.sandbox.status import Json, forbidden

PRIORITY_CLASSES = "priorityclasses.scheduling.k8s.io"
_PATIENCE_S = 300
_BAD_NODES = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit_pod(state: State, kind: Kind, pod: Json) -> None:
    """Fill in what the plugins fill in.

    Raises:
        ApiError: 403, there is no such priority class.
    """
    spec = section(pod, "spec")
    _set_priority(state, kind, pod["metadata"].get("name", ""), spec)
    _tolerate_bad_nodes(spec)


def _set_priority(state: State, kind: Kind, name: str, spec: Json) -> None:
    wanted = spec.get("priorityClassName") or _default_class(state)
    if not wanted:
        fill(spec, {"priority": 0, "preemptionPolicy": "PreemptLowerPriority"})
        return
    found = state.store.get(PRIORITY_CLASSES, ("", wanted))
    if found is None:
        raise forbidden(kind, name, f"no PriorityClass with name {wanted} was found")
    spec["priorityClassName"] = wanted
    spec["priority"] = found.obj.get("value", 0)
    spec["preemptionPolicy"] = found.obj.get("preemptionPolicy", "PreemptLowerPriority")


def _default_class(state: State) -> str:
    """Name the class that pods get unasked: the lowest that is marked so, the first by name."""
    marked = [
        (stored.obj.get("value", 0), str(stored.obj["metadata"]["name"]))
        for stored in state.store.table(PRIORITY_CLASSES).items.values()
        if stored.obj.get("globalDefault")
    ]
    return min(marked)[1] if marked else ""


def _tolerate_bad_nodes(spec: Json) -> None:
    found: list[Json] = list(spec.get("tolerations") or ())
    for key in _BAD_NODES:
        if not any(_tolerates(each, key) for each in found):
            found.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _PATIENCE_S,
                }
            )
    spec["tolerations"] = found


def _tolerates(toleration: Json, key: str) -> bool:
    return toleration.get("key", key) in {key, ""} and toleration.get("effect", "") in {
        "",
        "NoExecute",
    }
