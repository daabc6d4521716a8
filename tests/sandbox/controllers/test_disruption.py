"""The status of budgets: the rounding and counting rules of upstream, as a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kube.client import Json
from tandem.sandbox.controllers.disruption import needed, reconcile
from tandem.sandbox.controllers.plans import Change, Plan
from tandem.sandbox.controllers.things import Thing, thing

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def budget(**spec: int | str) -> Thing:
    return thing({"metadata": {"name": "b", "namespace": "d", "generation": 1}, "spec": spec})


def pods(ready: int, waiting: int = 0, leaving: int = 0) -> list[Thing]:
    states = ["True"] * ready + ["False"] * waiting + ["gone"] * leaving
    return [
        thing(
            {
                "metadata": {"name": f"p{number}"}
                | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if state == "gone" else {}),
                "status": {
                    "conditions": [
                        {"type": "Ready", "status": "False" if state == "False" else "True"}
                    ]
                },
            }
        )
        for number, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("spec", "found", "scale", "expected"),
    [
        pytest.param({"minAvailable": 2}, 3, 5, (3, 2), id="a number counts the pods found"),
        pytest.param({"minAvailable": "50%"}, 3, 5, (5, 3), id="a percentage of the scale, up"),
        pytest.param({"maxUnavailable": 1}, 3, 5, (5, 4), id="maxUnavailable counts the scale"),
        pytest.param({"maxUnavailable": "30%"}, 5, 5, (5, 3), id="its percentage rounds up too"),
        pytest.param({"maxUnavailable": 9}, 5, 5, (5, 0), id="more than there are"),
        pytest.param({}, 3, 5, (3, 1), id="one, when nothing is said"),
    ],
)
def test_what_is_needed(
    spec: dict[str, int | str], found: int, scale: int, expected: tuple[int, int]
) -> None:
    assert needed(budget(**spec), found, scale) == expected


def status(pdb: Thing, there: list[Thing], scale: int) -> Json:
    (action,) = reconcile(pdb, there, scale, NOW).actions
    assert isinstance(action, Change)
    found: Json = action.body["status"]
    return found


@pytest.mark.parametrize(
    ("there", "healthy", "allowed"),
    [
        pytest.param(pods(4), 4, 2, id="all ready"),
        pytest.param(pods(2, waiting=2), 2, 0, id="those not ready do not count"),
        pytest.param(pods(3, leaving=1), 3, 1, id="nor those that leave"),
        pytest.param([], 0, 0, id="no pods: nothing to disrupt"),
    ],
)
def test_what_may_go(there: list[Thing], healthy: int, allowed: int) -> None:
    shown = status(budget(minAvailable=2), there, 4)

    assert (shown["currentHealthy"], shown["disruptionsAllowed"]) == (healthy, allowed)
    reason = "SufficientPods" if allowed else "InsufficientPods"
    assert shown["conditions"][0]["reason"] == reason


def test_an_eviction_counts_until_its_deletion_is_seen_or_two_minutes_have_passed() -> None:
    evicted = {
        "p0": "2025-12-31T23:59:00Z",
        "p1": "2025-12-31T23:50:00Z",
        "px": "2026-01-01T00:00:00Z",
    }
    pdb = budget(minAvailable=2)
    noted = thing(
        {"metadata": {"name": "b", "namespace": "d"}, "status": {"disruptedPods": evicted}}
    )
    seen = Thing(metadata=pdb.metadata, spec=pdb.spec, status=noted.status)
    plan = reconcile(seen, pods(4), 4, NOW)

    assert plan.again_s == 60.0
    (action,) = plan.actions
    assert isinstance(action, Change)
    shown = action.body["status"]
    assert shown["disruptedPods"] == {"p0": evicted["p0"], "p1": None, "px": None}
    assert shown["currentHealthy"] == 3


def test_a_settled_budget_is_left_alone() -> None:
    first = status(budget(minAvailable=1), pods(3), 3)
    settled = Thing(
        metadata=budget().metadata,
        spec={"minAvailable": 1},
        status={key: value for key, value in first.items() if value is not None},
    )
    assert reconcile(settled, pods(3), 3, NOW) == Plan()
