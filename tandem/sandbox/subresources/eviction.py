"""/eviction: delete a pod only where its PodDisruptionBudget allows.

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.builtins.checks import matches
from tandem.sandbox.decoding import decode_as
from tandem.sandbox.deleting import DeleteOptions, delete, options_from
from tandem.sandbox.reactions import react
from tandem.sandbox.reading import get
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import ApiError, Json, bad_request
from tandem.sandbox.store import Stored

_BUDGETS = "poddisruptionbudgets.policy"
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = (
    "This pod has more than one PodDisruptionBudget, "
    "which the eviction subresource does not support."
)
_PROCESSING_RETRY_S = 10
CREATED: Json = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": 201,
}


def evict(state: State, call: Call) -> Response:
    options = _read(call)
    stored = get(state, call)
    if not _free_to_go(stored.obj):
        _ask_budget(state, call, stored.obj, options)
    if not options.dry_run:
        stored = _marked(state, call, stored)
    done = delete(state, call, stored, options)
    if not options.dry_run:
        react(state, call.served, done.stored)
    return json_answer(CREATED, 201)


def _read(call: Call) -> DeleteOptions:
    body = decode_as(call, "policy/v1", "Eviction")
    name = (body.get("metadata") or {}).get("name", "")
    if name and name != call.name:
        raise bad_request("name in URL does not match name in Eviction object")
    return options_from(body.get("deleteOptions") or {}, call)


def _free_to_go(pod: Json) -> bool:
    """Whether no budget is asked: the pod has ended, has not started, or is going anyway."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in {"Succeeded", "Failed", "Pending"} or "deletionTimestamp" in pod["metadata"]


def _ask_budget(state: State, call: Call, pod: Json, options: DeleteOptions) -> None:
    budgets = list(_budgets_of(state, pod))
    if len(budgets) > 1:
        raise ApiError(500, "", _SEVERAL)
    if not budgets:
        return
    budget = budgets[0]
    if not _ready(pod) and _unhealthy_may_go(budget.obj):
        return
    _refuse_if_spent(budget.obj)
    if not options.dry_run:
        _spend(state, budget, call.name)


def _budgets_of(state: State, pod: Json) -> Iterator[Stored]:
    metadata = pod["metadata"]
    labels = metadata.get("labels") or {}
    for (namespace, _), stored in state.store.table(_BUDGETS).items.items():
        selector = stored.obj["spec"].get("selector")
        if namespace != metadata["namespace"] or selector is None:
            continue
        if matches(selector, labels):
            yield stored


def _ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _unhealthy_may_go(budget: Json) -> bool:
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status: Json = budget.get("status") or {}
    healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    return bool(needed and healthy >= needed)


def _refuse_if_spent(budget: Json) -> None:
    status: Json = budget.get("status") or {}
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(why, retry_after_s=_PROCESSING_RETRY_S)
    if status.get("disruptionsAllowed", 0) <= 0:
        needed, found = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _too_many(
            f"The disruption budget {name} needs {needed} healthy pods and has {found} currently"
        )


def _too_many(why: str, *, retry_after_s: int | None = None) -> ApiError:
    details = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    return ApiError(429, "TooManyRequests", _REFUSED, details=details, retry_after_s=retry_after_s)


def _spend(state: State, budget: Stored, pod: str) -> None:
    """Take one disruption off the budget, so that the next eviction sees it spent."""
    obj: Json = msgspec.json.decode(budget.encoded())
    obj["status"]["disruptionsAllowed"] -= 1
    obj["status"].setdefault("disruptedPods", {})[pod] = state.stamp()
    metadata = obj["metadata"]
    state.store.put(_BUDGETS, (metadata["namespace"], metadata["name"]), obj)


def _marked(state: State, call: Call, stored: Stored) -> Stored:
    """Tell in the pod's status why it goes, for those that watch it go."""
    obj: Json = msgspec.json.decode(stored.encoded())
    conditions = obj.setdefault("status", {}).setdefault("conditions", [])
    if any(each["type"] == "DisruptionTarget" for each in conditions):
        return stored
    conditions.append(
        {
            "type": "DisruptionTarget",
            "status": "True",
            "lastTransitionTime": state.stamp(),
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
        }
    )
    return state.store.put(call.served.kind.storage, call.key, obj)
