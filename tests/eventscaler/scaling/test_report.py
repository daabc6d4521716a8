"""A status survives its way to the API and back; a patch holds only what changed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core.decide import decide
from eventscaler.core.model import Limits, Reading, Settings, State
from eventscaler.core.status import Status, conditions
from eventscaler.decode import known_status
from eventscaler.scaling.report import status_json, status_patch
from tests.eventscaler.core.strategies import NOON

MADE = decide(
    [Reading(trigger="q", value=3, target=1)],
    Limits(),
    State(current=0, created=NOON),
    Settings(),
    NOON,
)
FULL = Status(
    conditions=conditions((), MADE, None, NOON),
    last_active=NOON,
    original_replicas=0,
    paused_replicas=4,
    metric_names=("s0-q",),
    resource_names=("cpu",),
    activity=(("s0-q", True),),
    scale_target=("apps", "v1", "Deployment", "deployments"),
    triggers_types="rabbitmq",
    authentications_types="TriggerAuthentication",
)
STATUSES = st.builds(
    lambda **given: replace(FULL, **given),
    last_active=st.none() | st.just(NOON),
    original_replicas=st.none() | st.integers(0, 9),
    paused_replicas=st.none() | st.integers(0, 9),
    metric_names=st.sampled_from([(), ("s0-q",), ("s0-q", "s1-r")]),
    resource_names=st.sampled_from([(), ("cpu",)]),
    activity=st.sampled_from([(), (("s0-q", True),), (("s0-r", False), ("s1-q", True))]),
    scale_target=st.sampled_from([None, FULL.scale_target]),
    triggers_types=st.sampled_from(["", "cron"]),
)


def merged(old: object, patch: object) -> object:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    made = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


@given(STATUSES)
def test_what_is_written_is_read_again(status: Status) -> None:
    assert known_status({"status": status_json(status)}) == status


@given(STATUSES, STATUSES)
def test_the_patch_leads_from_one_to_the_other(was: Status, new: Status) -> None:
    assert merged(status_json(was), status_patch(was, new)["status"]) == status_json(new)
    assert (status_patch(was, new)["status"] == {}) == (status_json(was) == status_json(new))


def test_an_odd_status_counts_as_absent() -> None:
    odd = {
        "conditions": [3],
        "lastActiveTime": "yesterday",
        "originalReplicaCount": True,
        "triggersActivity": {"a": 1},
        "scaleTargetGVKR": [],
    }
    status = known_status({"status": odd})

    assert (status.last_active, status.original_replicas, status.scale_target) == (None, None, None)
    assert known_status({}) == Status()
