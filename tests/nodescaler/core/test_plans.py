"""Laws of every plan, over generated clusters with every constraint there is.

What a right plan is, is written down without the packer: `validator`, `missed`. The validator
itself is held against the real scheduler in `tests/nodescaler/test_real_scheduler.py`.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodescaler.core.model import Plan, Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import MinValuesPolicy, PackSettings, PreferencePolicy
from tests.nodescaler.core.generated import Scope
from tests.nodescaler.core.missed import missed
from tests.nodescaler.core.strategies import clusters
from tests.nodescaler.core.underway import underway
from tests.nodescaler.core.validator import faults

CENT = 1e-9
SOCIAL = Scope(picky=False)
EVERY = clusters() | clusters(SOCIAL)
T = TypeVar("T")

laws = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def mixed(items: tuple[T, ...], rng: random.Random) -> tuple[T, ...]:
    return tuple(rng.sample(items, len(items)))


def cost(plan: Plan) -> float:
    return sum(node.usd_per_hour for node in plan.new_nodes)


@given(EVERY)
@laws
def test_the_scheduler_accepts_every_placement(snapshot: Snapshot) -> None:
    """And no pod is lost, no limit or reservation exceeded, no gang torn, no promise untrue."""
    assert faults(snapshot, pack(snapshot)) == []


@given(EVERY)
@laws
def test_a_pod_stays_out_alone_only_where_nothing_could_take_it(snapshot: Snapshot) -> None:
    """Each pod that stays out is planned once more, alone: among others, their zones may bar it."""
    for each in pack(snapshot).unschedulable[:3]:
        single = replace(snapshot, pods=(replace(each.pod, gang=None),))

        assert missed(single, pack(single)) == []


@given(
    EVERY,
    st.builds(
        PackSettings,
        budget_s=st.sampled_from([0.0, 0.2]),
        most_types=st.sampled_from([60, 1, 3]),
        preferences=st.sampled_from(PreferencePolicy),
        min_values=st.sampled_from(MinValuesPolicy),
        usd_per_node=st.sampled_from([0.0, 0.5]),
    ),
)
@laws
def test_whatever_an_operator_chooses_the_plan_is_right(
    snapshot: Snapshot, chosen: PackSettings
) -> None:
    assert faults(snapshot, pack(snapshot, chosen), chosen) == []


@given(EVERY, st.randoms(use_true_random=False))
@laws
def test_the_order_of_the_input_does_not_matter(snapshot: Snapshot, rng: random.Random) -> None:
    shuffled = replace(
        snapshot,
        pods=mixed(snapshot.pods, rng),
        nodes=mixed(snapshot.nodes, rng),
        pools=mixed(snapshot.pools, rng),
        daemons=mixed(snapshot.daemons, rng),
        types={name: mixed(types, rng) for name, types in snapshot.types.items()},
        volumes=dict(mixed(tuple(snapshot.volumes.items()), rng)),
    )

    assert pack(shuffled) == pack(snapshot)


@given(EVERY)
@laws
def test_the_same_input_gives_the_same_plan(snapshot: Snapshot) -> None:
    assert pack(snapshot) == pack(snapshot)


@given(EVERY)
@laws
def test_the_price_lies_between_the_bound_and_first_fit(snapshot: Snapshot) -> None:
    plan = pack(snapshot)

    assert plan.lower_bound_per_hour <= cost(plan) + CENT
    assert not plan.first_fit_per_hour or cost(plan) <= plan.first_fit_per_hour + CENT


@given(EVERY)
@laws
def test_more_work_never_makes_a_plan_dearer(snapshot: Snapshot) -> None:
    """Where as many pods have a place."""
    quick, slow = pack(snapshot), pack(snapshot, PackSettings(budget_s=0.2))

    assert len(slow.unschedulable) <= len(quick.unschedulable)
    if len(slow.unschedulable) == len(quick.unschedulable):
        assert cost(slow) <= cost(quick) + CENT


@given(EVERY)
@laws
def test_a_deadline_leaves_a_plan_that_is_right_as_far_as_it_goes(snapshot: Snapshot) -> None:
    assert faults(snapshot, pack(snapshot, stop=lambda: True)) == []


@given(EVERY)
@laws
def test_planning_again_while_the_nodes_are_on_their_way_buys_nothing(snapshot: Snapshot) -> None:
    plan = pack(snapshot)
    again = pack(underway(snapshot, plan))

    assert again.new_nodes == ()
