"""What to do next for one NodeClaim: launch, wait, register, initialise, or give up.

    (created) --launch--> Launched --node joins--> Registered --ready, clean--> Initialized

Each call looks at the claim and its node afresh, so a restart at any line resumes where it was.

Pure: the caller passes the time. Source of the time limits and of the order:
https://karpenter.sh/docs/concepts/nodeclaims/
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nodescaler.core.model import ClaimState, NodeState
from nodescaler.core.taints import is_ephemeral

LAUNCHED = "Launched"
REGISTERED = "Registered"
INITIALIZED = "Initialized"
READY = "Ready"

ORDINARY = frozenset({"cpu", "memory", "pods", "ephemeral-storage"})


class Action(StrEnum):
    TERMINATE = "terminate"  # it is being deleted: drain and terminate (core.drain)
    LAUNCH = "launch"  # ask the cloud for the instance, with the claim's UID as token
    REGISTER = "register"  # the node joined: sync labels and taints, drop `unregistered`
    INITIALISE = "initialise"  # mark Initialized and Ready
    WAIT = "wait"  # nothing to do before something changes or `retry_after_s` passes
    GIVE_UP = "give up"  # delete the claim; its pods are planned again
    DONE = "done"  # Initialized


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and the condition that says why.

    Attributes:
        condition: type of the condition that is not True yet.
        reason: CamelCase, for the condition.
        retry_after_s: when to look again although nothing changed; None: only on a change.
    """

    action: Action
    condition: str
    reason: str
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a claim may take, in seconds."""

    launch_s: float = 300.0
    registration_s: float = 900.0


def next_step(
    claim: ClaimState, node: NodeState | None, now: datetime, patience: Patience | None = None
) -> Step:
    """Decide the next step for *claim*, whose node has joined as *node* or not yet."""
    limits = patience or Patience()
    if claim.deleting_since is not None:
        return Step(Action.TERMINATE, READY, "Terminating", "the claim is being deleted")
    if not claim.is_true(LAUNCHED):
        return _launch(claim, now, limits.launch_s)
    if not claim.is_true(REGISTERED):
        return _register(claim, node, now, limits.registration_s)
    if not claim.is_true(INITIALIZED):
        return _initialise(claim, node)
    return Step(Action.DONE, READY, READY, "the node is initialised")


def _launch(claim: ClaimState, now: datetime, limit_s: float) -> Step:
    waited = _seconds_since(claim, LAUNCHED, now)
    if waited >= limit_s:
        last = claim.conditions[LAUNCHED].message if LAUNCHED in claim.conditions else ""
        why = f"not launched within {limit_s:.0f} s{': ' if last else ''}{last}"
        return Step(Action.GIVE_UP, LAUNCHED, "LaunchTimeout", why)
    return Step(Action.LAUNCH, LAUNCHED, "Launching", "no instance yet", limit_s - waited)


def _register(claim: ClaimState, node: NodeState | None, now: datetime, limit_s: float) -> Step:
    if node is not None and node.deleting:
        why = f"node {node.name} is being deleted before it is registered"
        return Step(Action.GIVE_UP, REGISTERED, "NodeDeleted", why)
    if node is not None:
        return Step(Action.REGISTER, REGISTERED, REGISTERED, f"node {node.name} joined")
    waited = _seconds_since(claim, REGISTERED, now, start=claim.conditions[LAUNCHED].since)
    if waited >= limit_s:
        why = f"instance {claim.provider_id} did not join as a node within {limit_s:.0f} s"
        return Step(Action.GIVE_UP, REGISTERED, "RegistrationTimeout", why)
    why = f"waiting for instance {claim.provider_id} to join as a node"
    return Step(Action.WAIT, REGISTERED, "NodeNotFound", why, limit_s - waited)


def _initialise(claim: ClaimState, node: NodeState | None) -> Step:
    if node is None:
        why = f"node {claim.node_name} is not there"
        return Step(Action.WAIT, INITIALIZED, "NodeNotFound", why)
    obstacle = _obstacle(claim, node)
    if obstacle is not None:
        return Step(Action.WAIT, INITIALIZED, *obstacle)
    return Step(Action.INITIALISE, INITIALIZED, INITIALIZED, f"node {node.name} is ready")


def _obstacle(claim: ClaimState, node: NodeState) -> tuple[str, str] | None:
    """What still keeps the node from being initialised: a reason and a message."""
    if not node.ready:
        return "NodeNotReady", f"node {node.name} is not ready"
    startup = {(taint.key, taint.effect) for taint in claim.startup_taints}
    for taint in node.taints:
        if (taint.key, taint.effect) in startup:
            return "StartupTaintsExist", f"startup taint {taint} is still on {node.name}"
        if is_ephemeral(taint):
            return "KnownEphemeralTaintsExist", f"taint {taint} is still on {node.name}"
    for name, amount in sorted(claim.requests.items()):
        if amount > 0 and name not in ORDINARY and not node.allocatable.get(name, 0):
            return "ResourceNotRegistered", f"{node.name} does not offer {name} yet"
    return None


def _seconds_since(
    claim: ClaimState, condition: str, now: datetime, *, start: datetime | None = None
) -> float:
    """Since the condition got its present status, else since *start*, else since creation."""
    state = claim.conditions.get(condition)
    since = (state.since if state is not None else None) or start or claim.created
    return (now - since).total_seconds()
