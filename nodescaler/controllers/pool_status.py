"""What a pool's status should say. Pure; written only when it differs from what is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kube.client import Json
from kube.values import conditions
from kube.values.conditions import Condition, Truth
from nodescaler.clouds.offers import quantities
from nodescaler.core.model import InstanceType
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
