"""How many replicas each ReplicaSet may have next: the arithmetic of a rollout. Pure.

Worked example: 10 replicas, maxSurge 3, maxUnavailable 2, all 10 old ones available. The new set
may grow to 13 - 10 = 3; the old may shrink by 10 - 8 = 2; as new pods become available, the old
follow.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
"""

from __future__ import annotations

from collections.abc import Sequence

from kube.client import Json
from kube.resources import REPLICA_SETS
from tandem.sandbox.controllers.plans import Action, Change, change
from tandem.sandbox.controllers.shares import share
from tandem.sandbox.controllers.things import Thing

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


def wanted(found: Thing) -> int:
    replicas = found.spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def ready_to_serve(rs: Thing) -> int:
    return int(rs.status.get("availableReplicas") or 0)


def surge(deployment: Thing) -> int:
    """How many pods more than wanted a rollout may have: rounded up, 25 % unless given."""
    if (deployment.spec.get("strategy") or {}).get("type") == "Recreate":
        return 0
    return share(_rolling(deployment).get("maxSurge", "25%"), wanted(deployment), up=True)


def unavailable(deployment: Thing) -> int:
    """How many pods fewer: rounded down, 25 % unless given; 1 when both would be 0."""
    if (deployment.spec.get("strategy") or {}).get("type") == "Recreate":
        return 0
    total = wanted(deployment)
    fewer = share(_rolling(deployment).get("maxUnavailable", "25%"), total, up=False)
    return min(total, 1 if fewer == 0 and surge(deployment) == 0 else fewer)


def _rolling(deployment: Thing) -> Json:
    found: Json = (deployment.spec.get("strategy") or {}).get("rollingUpdate") or {}
    return found


def size_marks(deployment: Thing) -> dict[str, str]:
    """Annotations by which a later look knows that the Deployment was scaled meanwhile."""
    total = wanted(deployment)
    return {DESIRED: str(total), MAXIMUM: str(total + surge(deployment))}


def resize(deployment: Thing, rs: Thing, replicas: int) -> Change:
    marks = size_marks(deployment)
    body: Json = {"metadata": {"annotations": marks}}
    if wanted(rs) != replicas:
        body["spec"] = {"replicas": replicas}
    return change(REPLICA_SETS, rs, body)


def resized(deployment: Thing, sets: Sequence[Thing]) -> bool:
    """Was the Deployment scaled since its non-empty sets were sized?"""
    marks = size_marks(deployment).items()
    return any(wanted(rs) > 0 and not marks <= rs.annotations.items() for rs in sets)


def first_replicas(deployment: Thing, old: Sequence[Thing]) -> int:
    """Size of a set that is created now: what the surge leaves."""
    return _grown(deployment, 0, sum(map(wanted, old)))


def _grown(deployment: Thing, size: int, everywhere: int) -> int:
    room = wanted(deployment) + surge(deployment) - everywhere
    return size + max(0, min(room, wanted(deployment) - size))


def rescale(deployment: Thing, new: Thing | None, old: Sequence[Thing]) -> tuple[Action, ...]:
    """Pass a changed size on: to the only set in use, else to all in proportion."""
    sets = [*old, new] if new else list(old)
    used = [rs for rs in sets if wanted(rs) > 0]
    if len(used) <= 1:
        single = used[0] if used else (new or (sets[-1] if sets else None))
        return _sized(deployment, {single.name: wanted(deployment)}, [single]) if single else ()
    if new is not None and ready_to_serve(new) >= wanted(deployment) == wanted(new):
        return _sized(deployment, {rs.name: 0 for rs in old}, old)
    return _sized(deployment, proportional(deployment, used), used)


def _sized(deployment: Thing, sizes: dict[str, int], sets: Sequence[Thing]) -> tuple[Action, ...]:
    marks = size_marks(deployment).items()
    return tuple(
        resize(deployment, rs, sizes[rs.name])
        for rs in sets
        if wanted(rs) != sizes[rs.name] or (wanted(rs) and not marks <= rs.annotations.items())
    )


def proportional(deployment: Thing, used: Sequence[Thing]) -> dict[str, int]:
    """Share the change of size among the sets in use by their sizes; the largest takes the rest."""
    total = sum(map(wanted, used))
    allowed = wanted(deployment) + surge(deployment) if wanted(deployment) else 0
    change_by = allowed - total
    sizes = {rs.name: wanted(rs) for rs in used}
    by_size = sorted(used, key=lambda rs: (-wanted(rs), rs.name))
    left = change_by
    for rs in by_size:
        part = round(wanted(rs) * change_by / total)
        part = max(min(part, left), -wanted(rs)) if left > 0 else max(part, left, -wanted(rs))
        sizes[rs.name] += part
        left -= part
    sizes[by_size[0].name] = max(0, sizes[by_size[0].name] + left)
    return sizes


def roll(deployment: Thing, new: Thing, old: Sequence[Thing]) -> tuple[Action, ...]:
    """One step: grow the new set, or else shrink old ones as far as availability allows."""
    total = wanted(deployment)
    if wanted(new) > total:
        return (resize(deployment, new, total),)
    grown = _grown(deployment, wanted(new), wanted(new) + sum(map(wanted, old)))
    if grown != wanted(new):
        return (resize(deployment, new, grown),)
    sizes = shrunk(deployment, new, old)
    return tuple(
        resize(deployment, rs, sizes[rs.name]) for rs in old if sizes[rs.name] != wanted(rs)
    )


def shrunk(deployment: Thing, new: Thing, old: Sequence[Thing]) -> dict[str, int]:
    """Sizes of the old sets: first without their unavailable pods, then by what may be missing."""
    sizes = {rs.name: wanted(rs) for rs in old}
    least = wanted(deployment) - unavailable(deployment)
    waiting = max(0, wanted(new) - ready_to_serve(new))
    room = sum(sizes.values()) + wanted(new) - least - waiting
    for rs in old:
        useless = max(0, min(room, sizes[rs.name] - ready_to_serve(rs)))
        sizes[rs.name] -= useless
        room -= useless
    spare = sum(min(ready_to_serve(rs), sizes[rs.name]) for rs in old) + ready_to_serve(new) - least
    spare = min(spare, room)
    for rs in old:
        dropped = max(0, min(spare, sizes[rs.name]))
        sizes[rs.name] -= dropped
        spare -= dropped
    return sizes
