"""The row of a pod: ready containers, the reason that matters most, restarts.

Source: printPod of kube-apiserver 1.37 (facts, checked by tests/contract)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tandem.sandbox.printing.ages import age
from tandem.sandbox.status import Json

NONE = "<none>"


def cells(pod: Json, now: datetime) -> list[Any]:
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    statuses = status.get("containerStatuses") or []
    ready = sum(bool(each.get("ready")) for each in statuses)
    return [
        metadata["name"],
        f"{ready}/{len(spec.get('containers') or ())}",
        reason(pod),
        _restarts(statuses, now),
        age(metadata.get("creationTimestamp"), now),
        status.get("podIP") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec, status),
    ]


def _gates(spec: Json, status: Json) -> str:
    gates = [each["conditionType"] for each in spec.get("readinessGates") or ()]
    if not gates:
        return NONE
    conditions = status.get("conditions") or ()
    true = {each["type"] for each in conditions if each["status"] == "True"}
    return f"{sum(gate in true for gate in gates)}/{len(gates)}"


def reason(pod: Json) -> str:
    """Give the word in the STATUS column."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    found = status.get("reason") or status.get("phase") or ""
    if any(_is_gated(each) for each in status.get("conditions") or ()):
        found = "SchedulingGated"
    starting = _initial(spec, status)
    found = starting or _main(status, found)
    if "deletionTimestamp" in pod["metadata"]:
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return str(found)


def _is_gated(condition: Json) -> bool:
    return condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated"


def _initial(spec: Json, status: Json) -> str:
    """Tell how far the init containers are; "" when they are done."""
    total = len(spec.get("initContainers") or ())
    for index, each in enumerate(status.get("initContainerStatuses") or ()):
        state: Json = each.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if (ended and not ended.get("exitCode")) or each.get("started"):
            continue
        if ended:
            return f"Init:{ended.get('reason') or _exit(ended)}"
        if waiting.get("reason") not in {None, "", "PodInitializing"}:
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return ""


def _exit(ended: Json) -> str:
    return (
        f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode')}"
    )


def _main(status: Json, found: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or []):
        state: Json = each.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            found = waiting["reason"]
        elif ended is not None:
            found = ended.get("reason") or _exit(ended)
        elif each.get("ready") and "running" in state:
            running = True
    if found == "Completed" and running:
        ready = any(_is_ready(each) for each in status.get("conditions") or ())
        return "Running" if ready else "NotReady"
    return found


def _is_ready(condition: Json) -> bool:
    return bool(condition["type"] == "Ready" and condition["status"] == "True")


def _restarts(statuses: list[Json], now: datetime) -> str:
    count = sum(each.get("restartCount", 0) for each in statuses)
    ends = sorted(_last_ends(statuses))
    return f"{count} ({age(ends[-1], now)} ago)" if count and ends else str(count)


def _last_ends(statuses: list[Json]) -> Iterator[str]:
    for each in statuses:
        ended = (each.get("lastState") or {}).get("terminated") or {}
        if ended.get("finishedAt"):
            yield ended["finishedAt"]
