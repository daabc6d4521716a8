"""Playing the kubelet: cases with controllers have nodes, but nothing runs on them."""

from __future__ import annotations

from typing import Any

from tests.contract.http import Api, Json
from tests.contract.places import NODES, Space, node

ROOM = {"cpu": "4", "memory": "8Gi", "pods": "110"}


async def ready_node(
    api: Api, space: Space, name: str, *, labels: Json | None = None, **spec: Any
) -> str:
    """A node that takes pods of this space only by their selector; returns its name.

    `room` among the keywords is its allocatable, over a default of 4 CPUs, 8 GiB and 110 pods.
    """
    full = space.node_name(name)
    room = ROOM | spec.pop("room", {})
    body = node(full, space, labels={"kubernetes.io/hostname": full} | (labels or {}), **spec)
    (await api.post(NODES, body)).ok()
    conditions = [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]
    status = {"capacity": room, "allocatable": room, "conditions": conditions}
    (await api.patch(f"{NODES}/{full}/status", {"status": status})).ok()
    await api.eventually(f"{NODES}/{full}", lambda found: not _waiting(found))
    return full


def _waiting(found: Json) -> bool:
    taints = found["spec"].get("taints", [])
    return any(t["key"] == "node.kubernetes.io/not-ready" for t in taints)


async def set_ready(api: Api, space: Space, name: str, *, ready: bool = True) -> None:
    """Say what a kubelet says of a running pod."""
    state = "True" if ready else "False"
    since = "2026-01-02T03:04:05Z"
    conditions = [
        {"type": kind, "status": state, "lastTransitionTime": since}
        for kind in ("Ready", "ContainersReady")
    ]
    status = {"phase": "Running", "conditions": conditions, "startTime": since}
    path = space("pods", name, "status")
    (await api.patch(path, {"status": status}, "strategic")).ok()


async def finish(api: Api, space: Space, name: str, phase: str) -> None:
    (await api.patch(space("pods", name, "status"), {"status": {"phase": phase}})).ok()


async def pods_of(api: Api, space: Space, count: int, selector: str = "") -> list[Json]:
    """Exactly *count* pods, once there are so many that are not being deleted."""
    path = f"{space('pods')}?labelSelector={selector}"

    def enough(listed: Json) -> bool:
        return len(alive(listed)) == count == len(listed["items"])

    return alive(await api.eventually(path, enough))


def alive(listed: Json) -> list[Json]:
    return [i for i in listed["items"] if "deletionTimestamp" not in i["metadata"]]


def names(objects: list[Json]) -> list[str]:
    return sorted(o["metadata"]["name"] for o in objects)


def condition(obj: Json, kind: str) -> Json:
    """The condition *kind*, or an empty one."""
    found: list[Json] = obj.get("status", {}).get("conditions") or []
    return next((c for c in found if c["type"] == kind), {})
