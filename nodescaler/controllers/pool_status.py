"""What a pool's status should say. Pure; written only when it differs from what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kube.client import Json
from kube.values import conditions
from kube.values.conditions import Condition, Truth
from nodescaler.clouds.offers import is_accepted, quantities
from nodescaler.core.labels import INSTANCE_TYPE, hint
from nodescaler.core.model import InstanceType, NodePool
from nodescaler.core.resources import Resources

VALIDATED = "ValidationSucceeded"
CLASS_READY = "NodeClassReady"
READY = "Ready"
NO_TYPES = "NoCompatibleInstanceTypes"
NOTHING: Resources = {"cpu": 0, "memory": 0, "pods": 0, "ephemeral-storage": 0, "nodes": 0}


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition's outcome."""

    ok: bool
    reason: str
    message: str = ""

    @property
    def truth(self) -> Truth:
        return "True" if self.ok else "False"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a pool may launch nodes, and of which types."""

    validated: Finding
    class_ready: Finding
    types: tuple[InstanceType, ...] = ()

    @property
    def worst(self) -> Finding | None:
        return next((each for each in (self.validated, self.class_ready) if not each.ok), None)


def allowed_types(pool: NodePool, types: Sequence[InstanceType]) -> tuple[InstanceType, ...]:
    """The types of which the pool accepts at least one offering."""
    return tuple(
        each
        for each in types
        if any(is_accepted(each.labels_of(way), pool.requirements) for way in each.offerings)
    )


def nothing_to_buy(pool: NodePool, types: Sequence[InstanceType]) -> Finding:
    """Why a pool that accepts no offer at all does not, with the nearest name where one is."""
    names = [each.name for each in types]
    asked = pool.requirements.get(INSTANCE_TYPE)
    unknown = sorted(asked.values - set(names)) if asked is not None else []
    near = hint(unknown[0], names) if unknown else ""
    message = f"allows no instance type of the catalogue: {pool.requirements}{near}"
    return Finding(ok=False, reason=NO_TYPES, message=message)


def pool_status(body: Json, verdict: Verdict, used: Resources, now: datetime) -> Json:
    """The next status of the pool whose object is *body*."""
    was = body.get("status") or {}
    worst = verdict.worst
    ready = Finding(ok=True, reason=READY) if worst is None else worst
    found = conditions.read(was.get("conditions") or ())
    for kind, finding in (
        (VALIDATED, verdict.validated),
        (CLASS_READY, verdict.class_ready),
        (READY, ready),
    ):
        generation = body["metadata"].get("generation")
        new = Condition(kind, finding.truth, finding.reason, finding.message, now, generation)
        found = conditions.with_condition(found, new)
    return {
        "conditions": conditions.write(found),
        "resources": {
            name: text if name != "nodes" else str(used.get("nodes", 0))
            for name, text in quantities({**NOTHING, **used}).items()
        },
        "nodes": used.get("nodes", 0),
    }


def differs(body: Json, status: Json) -> bool:
    """Whether writing *status* over the object's own would change anything."""
    was = body.get("status") or {}
    return any(was.get(key) != value for key, value in status.items())
