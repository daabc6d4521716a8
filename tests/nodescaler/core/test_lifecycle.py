"""What happens next to a NodeClaim, one sentence a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nodescaler.core.lifecycle import Action, Patience, next_step
from nodescaler.core.model import ClaimCondition, ClaimState, NodeState
from nodescaler.core.taints import Taint

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WARMING = Taint("warming")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def conditions(**ages: float) -> Mapping[str, ClaimCondition]:
    """Conditions that are True since so many seconds."""
    return {name: ClaimCondition("True", since=ago(age)) for name, age in ages.items()}


NEW = ClaimState("c", "uid", "default", created=ago(10), startup_taints=(WARMING,))
LAUNCHED = replace(NEW, provider_id="kwok://c", conditions=conditions(Launched=10))
REGISTERED = replace(LAUNCHED, node_name="c", conditions=conditions(Launched=10, Registered=5))
DONE = replace(REGISTERED, conditions=conditions(Launched=9, Registered=5, Initialized=1))
FAILED = ClaimCondition("Unknown", "LaunchFailed", "no capacity", ago(400))
NODE = NodeState("c", allocatable={"cpu": 1000})


@pytest.mark.parametrize(
    ("claim", "node", "action", "reason"),
    [
        pytest.param(NEW, None, Action.LAUNCH, "Launching", id="a new claim is launched"),
        pytest.param(
            replace(NEW, created=ago(300)), None, Action.GIVE_UP, "LaunchTimeout", id="five minutes"
        ),
        pytest.param(
            replace(NEW, conditions={"Launched": FAILED}),
            None,
            Action.GIVE_UP,
            "LaunchTimeout",
            id="five minutes since it began to fail",
        ),
        pytest.param(LAUNCHED, None, Action.WAIT, "NodeNotFound", id="machines need to boot"),
        pytest.param(LAUNCHED, NODE, Action.REGISTER, "Registered", id="its node joined"),
        pytest.param(
            replace(LAUNCHED, conditions=conditions(Launched=900)),
            None,
            Action.GIVE_UP,
            "RegistrationTimeout",
            id="fifteen minutes without a node",
        ),
        pytest.param(
            replace(LAUNCHED, conditions=conditions(Launched=900)),
            NODE,
            Action.REGISTER,
            "Registered",
            id="late but here",
        ),
        pytest.param(
            LAUNCHED,
            replace(NODE, deleting=True),
            Action.GIVE_UP,
            "NodeDeleted",
            id="deleted before it was registered",
        ),
        pytest.param(REGISTERED, None, Action.WAIT, "NodeNotFound", id="its node is gone"),
        pytest.param(
            REGISTERED, replace(NODE, ready=False), Action.WAIT, "NodeNotReady", id="not ready"
        ),
        pytest.param(
            REGISTERED,
            replace(NODE, taints=(WARMING,)),
            Action.WAIT,
            "StartupTaintsExist",
            id="a startup taint is left",
        ),
        pytest.param(
            REGISTERED,
            replace(NODE, taints=(Taint("other"), Taint("node.kubernetes.io/not-ready"))),
            Action.WAIT,
            "KnownEphemeralTaintsExist",
            id="an ephemeral taint is left",
        ),
        pytest.param(
            replace(REGISTERED, requests={"nvidia.com/gpu": 1, "cpu": 9}),
            NODE,
            Action.WAIT,
            "ResourceNotRegistered",
            id="its device is not offered yet",
        ),
        pytest.param(REGISTERED, NODE, Action.INITIALISE, "Initialized", id="ready and clean"),
        pytest.param(DONE, NODE, Action.DONE, "Ready", id="nothing is left to do"),
        pytest.param(
            replace(DONE, deleting_since=NOW), NODE, Action.TERMINATE, "Terminating", id="it goes"
        ),
    ],
)
def test_next_step(claim: ClaimState, node: NodeState | None, action: Action, reason: str) -> None:
    step = next_step(claim, node, NOW)

    assert (step.action, step.reason) == (action, reason)
    assert step.message


def test_a_wait_says_when_patience_ends() -> None:
    assert next_step(NEW, None, NOW).retry_after_s == 290
    assert next_step(LAUNCHED, None, NOW, Patience(registration_s=60)).retry_after_s == 50


def test_giving_up_repeats_the_last_answer_of_the_cloud() -> None:
    claim = replace(NEW, conditions={"Launched": FAILED})

    assert next_step(claim, None, NOW).message == "not launched within 300 s: no capacity"
