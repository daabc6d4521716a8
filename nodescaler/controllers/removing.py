"""Delete a NodeClaim that a decision names, and tell why; the claim's lifecycle does the rest."""

from __future__ import annotations

from kube.errors import Conflict, NotFound
from kube.resources import NODE_CLAIMS
from nodescaler.controllers.kit import Kit, about_claim
from nodescaler.core.model import ClaimState


async def remove(kit: Kit, claim: ClaimState, reason: str, why: str) -> bool:
    """Whether the claim was deleted; False when it had gone, or another has its name by now."""
    try:
        await kit.client.delete(NODE_CLAIMS, claim.name, uid=claim.uid)
    except (NotFound, Conflict):
        return False
    kit.metrics.claims_disrupted.labels(claim.pool, reason).inc()
    kit.recorder.emit(
        about_claim(claim),
        type="Normal",
        reason="DisruptionTerminating",
        message=f"{reason}: {why}",
    )
    return True
