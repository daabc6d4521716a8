"""The statuses that a simulated kubelet writes, as strategic patches. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from kube.client import Json
from kube.values.times import seconds
from tandem.sandbox.controllers.things import Thing, condition, is_true

EXIT_FAILED = 1


def init_containers(pod: Thing) -> list[Json]:
    """Those that must end before the others start; sidecars do not end."""
    found = pod.spec.get("initContainers") or []
    return [each for each in found if each.get("restartPolicy") != "Always"]


def inits_done(pod: Thing) -> int:
    """How many init containers the status shows as ended."""
    states = pod.status.get("initContainerStatuses") or []
    return sum("terminated" in (each.get("state") or {}) for each in states)


def starting(pod: Thing, node: Thing, now: datetime, done: int) -> Json:
    """The pod has reached its node; *done* of its init containers have ended."""
    reason = "PodInitializing" if init_containers(pod) else "ContainerCreating"
    waiting = {"waiting": {"reason": reason}}
    return {
        "phase": "Pending",
        "startTime": pod.status.get("startTime") or seconds(now),
        **_place(node),
        "initContainerStatuses": _inits(pod, now, done) or None,
        "containerStatuses": [_container(c, waiting, up=False) for c in _containers(pod)],
        "conditions": _conditions(pod, now, initialized=not init_containers(pod), is_ready=False),
    }


def running(pod: Thing, node: Thing, now: datetime, *, is_ready: bool) -> Json:
    is_ready = is_ready and gates_open(pod)
    state = {"running": {"startedAt": seconds(now)}}
    return {
        "phase": "Running",
        "startTime": pod.status.get("startTime") or seconds(now),
        **_place(node),
        **_address(pod),
        "initContainerStatuses": _inits(pod, now, len(init_containers(pod))) or None,
        "containerStatuses": [_container(c, state, up=is_ready) for c in _containers(pod)],
        "conditions": _conditions(pod, now, initialized=True, is_ready=is_ready),
    }


def made_ready(pod: Thing, now: datetime) -> Json:
    states: list[Json] = pod.status.get("containerStatuses") or []
    return {
        "containerStatuses": [{**each, "ready": True} for each in states],
        "conditions": _conditions(pod, now, initialized=True, is_ready=True),
    }


def ended(pod: Thing, now: datetime, *, failed: bool) -> Json:
    reason = "Error" if failed else "Completed"
    code = EXIT_FAILED if failed else 0
    states = []
    for each in pod.status.get("containerStatuses") or []:
        started = ((each.get("state") or {}).get("running") or {}).get("startedAt") or seconds(now)
        end = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": seconds(now)}
        state = {"running": None, "terminated": end}
        states.append({**each, "ready": False, "started": False, "state": state})
    why = "" if failed else "PodCompleted"
    return {
        "phase": "Failed" if failed else "Succeeded",
        "containerStatuses": states,
        "conditions": _conditions(pod, now, initialized=True, is_ready=False, reason=why),
    }


def gates_open(pod: Thing) -> bool:
    """Are all conditions of the readinessGates true?"""
    gates = pod.spec.get("readinessGates") or []
    return all(is_true(pod, gate["conditionType"]) for gate in gates)


def _containers(pod: Thing) -> list[Json]:
    return list(pod.spec.get("containers") or [])


def _container(container: Json, state: Json, *, up: bool) -> Json:
    image = str(container.get("image") or "")
    runs = "running" in state
    digest = hashlib.sha256(image.encode()).hexdigest()
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"{image}@sha256:{digest}" if runs else "",
        "ready": up,
        "started": runs,
        "restartCount": 0,
        "state": {"waiting": None, **state} if runs else state,
    }


def _inits(pod: Thing, now: datetime, done: int) -> list[Json]:
    """Init containers in their order: ended, the one that runs, those that wait."""
    shown: list[Json] = []
    before = 0
    for container in pod.spec.get("initContainers") or []:
        sidecar = container.get("restartPolicy") == "Always"
        state = _init_state(now, before, done, sidecar=sidecar)
        status = _container(container, state, up=sidecar and before <= done)
        shown.append({**status, "state": {"waiting": None, "running": None, **state}})
        before += not sidecar
    return shown


def _init_state(now: datetime, before: int, done: int, *, sidecar: bool) -> Json:
    stamp = seconds(now)
    if sidecar:
        return {"running": {"startedAt": stamp}} if before <= done else _WAITING
    if before < done:
        return {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": stamp}}
    return {"running": {"startedAt": stamp}} if before == done else _WAITING


_WAITING: Json = {"waiting": {"reason": "PodInitializing"}}


def _conditions(
    pod: Thing, now: datetime, *, initialized: bool, is_ready: bool, reason: str = ""
) -> list[Json]:
    unready = reason or "ContainersNotReady"
    inits = "" if initialized else "ContainersNotInitialized"
    wanted = (
        ("PodReadyToStartContainers", True, ""),
        ("Initialized", initialized, inits),
        ("Ready", is_ready, "" if is_ready else unready),
        ("ContainersReady", is_ready, "" if is_ready else unready),
        ("PodScheduled", True, ""),
    )
    return [_condition(pod, now, kind, holds, why) for kind, holds, why in wanted]


def _condition(pod: Thing, now: datetime, kind: str, holds: bool, reason: str) -> Json:  # noqa: FBT001 the value of the condition
    status = "True" if holds else "False"
    was = condition(pod, kind)
    since = was.get("lastTransitionTime") if was.get("status") == status else None
    said: Json = {"type": kind, "status": status, "lastTransitionTime": since or seconds(now)}
    return {**said, "reason": reason or None}


def _place(node: Thing) -> Json:
    addresses: list[Json] = node.status.get("addresses") or []
    internal = (each["address"] for each in addresses if each.get("type") == "InternalIP")
    ip = next(internal, None) or _ip("172.16", node.uid or node.name)
    return {"hostIP": ip, "hostIPs": [{"ip": ip}]}


def _address(pod: Thing) -> Json:
    ip = _ip("10.244", pod.uid)
    return {"podIP": ip, "podIPs": [{"ip": ip}]}


def _ip(network: str, word: str) -> str:
    """An address that is always the same for the same word; nobody routes it."""
    digest = hashlib.sha256(word.encode()).digest()
    return f"{network}.{digest[0]}.{1 + digest[1] % 254}"
