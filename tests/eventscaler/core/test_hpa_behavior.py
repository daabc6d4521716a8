"""Windows and policies over time against their naive re-statement.

That the re-statement is the HPA's own is held by tests/eventscaler/test_real_hpa.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eventscaler.core.decide import decide
from eventscaler.core.history import History
from eventscaler.core.model import Reading, State
from eventscaler.decode import scaled_object
from tests.eventscaler import manifests
from tests.eventscaler.hpa_rules import Memory

Json = dict[str, Any]

START = datetime(2026, 1, 1, tzinfo=UTC)
LOW, HIGH = 1, 60
SECONDS = st.sampled_from([1, 15, 15, 30, 59, 60, 61, 150, 300])
POLICIES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Pods", "Percent"]),
        "value": st.sampled_from([1, 2, 4, 10, 25, 50, 100]),
        "periodSeconds": st.sampled_from([15, 60, 300]),
    }
)
RULES = st.fixed_dictionaries(
    {
        "stabilizationWindowSeconds": st.sampled_from([0, 15, 60, 300]),
        "selectPolicy": st.sampled_from(["Max", "Max", "Min", "Disabled"]),
        "policies": st.lists(POLICIES, min_size=1, max_size=2),
        "tolerance": st.just("0"),
    }
)
BEHAVIORS = st.fixed_dictionaries({"scaleUp": RULES, "scaleDown": RULES})
STEPS = st.lists(st.tuples(SECONDS, st.integers(0, 80)), min_size=1, max_size=25)


@settings(max_examples=400)
@given(BEHAVIORS, st.integers(LOW, HIGH), STEPS)
def test_every_step_is_the_restated_one(
    behavior: Json, current: int, steps: list[tuple[int, int]]
) -> None:
    """A metric of one per replica says what is wanted; steps come so many seconds apart."""
    body = manifests.scaled_object(
        minReplicaCount=LOW,
        maxReplicaCount=HIGH,
        advanced={"horizontalPodAutoscalerConfig": {"behavior": behavior}},
    )
    order, faults = scaled_object(body)
    assert order is not None, faults
    memory, history, now = Memory(), History(), START
    for seconds, wanted in steps:
        now += timedelta(seconds=seconds)
        reading = Reading(trigger="q", value=wanted, target=1, active=True)
        state = State(current=current, created=START, history=history)
        made = decide([reading], order.limits, state, order.settings, now)
        expected = memory.step(
            behavior, current, wanted, (LOW, HIGH), (now - START).total_seconds()
        )
        assert made.replicas == expected
        history = made.history.moved(made.replicas - current, now)
        current = made.replicas
