"""Which pods of a ReplicaSet go first: each case is one rule of upstream's order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.sandbox.controllers.plans import Create, Delete
from tandem.sandbox.controllers.replicaset import reconcile, victims
from tandem.sandbox.controllers.things import Thing, thing

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(
    name: str,
    *,
    node: str = "n",
    phase: str = "Running",
    ready_s: float | None = 1000,
    age_s: float = 1000,
    cost: str = "",
    restarts: int = 0,
) -> Thing:
    metadata: dict[str, Any] = {"name": name, "namespace": "d", "uid": f"u-{name}"}
    metadata["creationTimestamp"] = ago(age_s)
    if cost:
        metadata["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": cost}
    conditions = []
    if ready_s is not None:
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": ago(ready_s)}]
    states = [{"name": "c", "restartCount": restarts}]
    status = {"phase": phase, "conditions": conditions, "containerStatuses": states}
    return thing({"metadata": metadata, "spec": {"nodeName": node}, "status": status})


STAYS = pod("a-stays")


@pytest.mark.parametrize(
    "goes",
    [
        pytest.param(pod("z", node="", phase="Pending", ready_s=None), id="unassigned"),
        pytest.param(pod("z", phase="Pending", ready_s=None), id="pending"),
        pytest.param(pod("z", phase="Unknown"), id="unknown before running"),
        pytest.param(pod("z", ready_s=None), id="not ready"),
        pytest.param(pod("z", cost="-1"), id="lower deletion cost"),
        pytest.param(pod("z", ready_s=10), id="ready for a shorter time"),
        pytest.param(pod("z", restarts=3), id="restarted more often"),
        pytest.param(pod("z", age_s=10), id="newer"),
    ],
)
def test_who_goes_first(goes: Thing) -> None:
    assert victims([STAYS, goes], [STAYS, goes], 1, NOW) == [goes]


def test_each_rule_outweighs_those_after_it() -> None:
    """From the first to go to the last; each differs from the next in an earlier rule."""
    ordered = [
        pod("z-unassigned", node="", phase="Pending", ready_s=None, cost="9"),
        pod("y-pending", phase="Pending", ready_s=None, cost="8"),
        pod("x-unready", ready_s=None, cost="7"),
        pod("w-cheap", cost="-5"),
        pod("v-brief", ready_s=5),
        pod("u-restarted", restarts=1),
        pod("t-new", age_s=5),
        pod("a-old"),
    ]
    assert victims(ordered[::-1], ordered, len(ordered), NOW) == ordered


def test_the_crowded_node_gives_first() -> None:
    """Related pods of other ReplicaSets of the same owner count as a crowd."""
    here, there = pod("a", node="n"), pod("b", node="m")
    related = [here, there, pod("other", node="m")]

    assert victims([here, there], related, 1, NOW) == [there]


def test_ages_count_by_powers_of_two() -> None:
    """1,000 and 1,010 seconds are the same age, so that the newer is not always the victim."""
    one, other = pod("b", ready_s=1000), pod("a", ready_s=1010, restarts=1)

    assert victims([one, other], [], 1, NOW) == [other]


def replica_set(replicas: int) -> Thing:
    spec = {"replicas": replicas, "template": {"metadata": {"labels": {"app": "w"}}, "spec": {}}}
    metadata = {"name": "rs", "namespace": "d", "uid": "u", "generation": 1}
    return thing({"metadata": metadata, "spec": spec})


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 5))
def test_the_count_is_made_right(wanted: int, there: int, finished: int) -> None:
    """Creations and deletions together always lead to exactly the wanted number."""
    living = [pod(f"p{i}") for i in range(there)]
    done = [pod(f"f{i}", phase="Succeeded") for i in range(finished)]
    actions = reconcile(replica_set(wanted), [*living, *done], NOW).actions
    made = sum(isinstance(each, Create) for each in actions)
    gone = {each.name for each in actions if isinstance(each, Delete)}

    assert there + made - len(gone) == wanted
    assert not (made and gone)
    assert gone <= {each.name for each in living}
