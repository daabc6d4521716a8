"""Offers: every variant, machine, zone and capacity type that a pool allows, and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE
from nodescaler.core.model import NodePool, Snapshot
from nodescaler.core.offers import ATTACH, UNLIMITED, Wanted, offers_of
from nodescaler.core.resources import minus, total
from nodescaler.core.settings import PackSettings
from nodescaler.core.space import expected_daemons
from nodescaler.core.taints import hard, untolerated
from nodescaler.core.variants import templates
from tests.nodescaler.core.builders import SMALL, machine
from tests.nodescaler.core.selling import sold
from tests.nodescaler.core.strategies import clusters, snapshots

NAMES = ("cpu", "memory", "pods")
EVERY = snapshots() | clusters()


@given(EVERY)
def test_the_rows_are_the_plain_product(snapshot: Snapshot) -> None:
    asked = [terms for pod in snapshot.pods for terms in pod.alternatives]
    expected: Counter[object] = Counter()
    for pool in snapshot.pools:
        for template in templates(pool, asked):
            for kind in snapshot.types[pool.name]:
                for each in kind.offerings:
                    labels = {**template.labels, **kind.labels_of(each)}
                    if each.available and each.count != 0 and pool.requirements.accepts(labels):
                        expected[pool.name, *sorted(labels.items())] += 1
    offers = sold(snapshot)
    found = Counter(
        (offers.pools[offers.pool[n]].name, *sorted(offers.columns.labels(n).items()))
        for n in range(len(offers))
    )

    assert found == expected


@given(EVERY)
def test_a_row_is_of_one_machine_one_offering_and_one_pool(snapshot: Snapshot) -> None:
    offers = sold(snapshot)
    for n in range(len(offers)):
        labels, offering = offers.columns.labels(n), offers.offering(n)
        assert labels[INSTANCE_TYPE] == offers.type(n).name
        assert (labels[ZONE], labels[CAPACITY_TYPE]) == (offering.zone, offering.capacity_type)
        assert offers.template(n).pool is offers.pools[offers.pool[n]]
        assert offers.usd[n] == offering.usd_per_hour


@given(EVERY)
def test_a_pod_finds_what_the_daemons_leave(snapshot: Snapshot) -> None:
    offers = sold(snapshot, NAMES)
    daemons = sorted(snapshot.daemons, key=lambda each: (each.namespace, each.name))
    for n in range(len(offers)):
        taints = hard(offers.template(n).taints)
        running = expected_daemons(daemons, offers.columns.labels(n), taints)
        left = minus(offers.type(n).allocatable, total(pod.requests for pod in running))
        assert offers.free[n].tolist() == [left.get(name, 0) for name in NAMES]
        there = [d.pod for d, runs in zip(daemons, offers.runs[:, n], strict=True) if runs]
        assert there == list(running)


@given(EVERY)
def test_the_cheapest_comes_first_and_ties_are_settled_by_name(snapshot: Snapshot) -> None:
    offers = sold(snapshot)
    keys = [
        (
            o.usd_per_hour,
            offers.type(n).name,
            o.zone,
            o.capacity_type,
            int(offers.goods.template[n]),
        )
        for n in range(len(offers))
        for o in [offers.offering(n)]
    ]

    assert keys == sorted(keys)


@given(EVERY, st.booleans())
def test_who_suits_a_taint(snapshot: Snapshot, hard_only: bool) -> None:
    offers = sold(snapshot)
    for pod in snapshot.pods[:3]:
        suits = offers.suits(pod.tolerations, hard_only=hard_only)
        for n in range(len(offers)):
            taints = offers.template(n).taints
            if hard_only:
                good = not untolerated(taints, pod.tolerations)
            else:
                good = all(any(t.tolerates(taint) for t in pod.tolerations) for taint in taints)
            assert suits[n] == good


def test_prices_are_compared_by_what_a_machine_does_and_what_a_node_costs() -> None:
    kinds = (machine("m5.large", 2, 8, 0.3), machine("m7.large", 2, 8, 0.4))
    chosen = PackSettings(performance={"m7": 2.0}, usd_per_node=0.1)
    offers = sold(Snapshot((NodePool("p"),), {"p": kinds}), settings=chosen)
    prices = {
        offers.type(n).name: (offers.usd[n], offers.effective[n])
        for n in range(len(offers))
        if offers.offering(n).capacity_type == "on-demand"
    }

    assert prices["m5.large"] == pytest.approx((0.3, 0.4))
    assert prices["m7.large"] == pytest.approx((0.4, 0.3))


def test_a_machine_attaches_what_nodes_of_its_type_say_or_without_limit() -> None:
    names = (f"{ATTACH}ebs", f"{ATTACH}efs")
    types = {"p": (SMALL, machine("other", 2, 4, 0.2))}
    attach = {"small": {"ebs": 3}}
    wanted = Wanted(names, attach=attach)
    offers = offers_of([NodePool("p")], types, (), wanted, PackSettings())
    found = {offers.type(n).name: offers.free[n].tolist() for n in range(len(offers))}

    assert found == {"small": [3, UNLIMITED], "other": [UNLIMITED, UNLIMITED]}


def test_pools_without_types_offer_nothing() -> None:
    offers = sold(Snapshot((NodePool("p"),), {}))

    assert len(offers) == 0
    assert offers.capacity("cpu").tolist() == []
    assert offers.suits((), hard_only=True).tolist() == []
