"""Limits: what one more node takes of each, and what is left."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.limits import Limit, Limits, limits_of
from nodescaler.core.model import NodePool, Offering, Snapshot
from nodescaler.core.resources import NODES
from tests.nodescaler.core.builders import GIB, SMALL, machine
from tests.nodescaler.core.selling import sold
from tests.nodescaler.core.strategies import clusters

RESERVED = tuple(Offering("a", "reserved", 0.0, True, name, 2) for name in ("cr-1", "cr-2", "cr-1"))


@st.composite
def tables(draw: st.DrawFn) -> Limits:
    rows, offers = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    cells = st.lists(st.integers(0, 4), min_size=rows * offers, max_size=rows * offers)
    room = st.lists(st.integers(-2, 20), min_size=rows, max_size=rows)
    usage = np.array(draw(cells), np.int64).reshape(rows, offers)
    which = tuple(Limit("p", str(n)) for n in range(rows))
    return Limits(which, usage, np.array(draw(room), np.int64))


@given(tables(), st.data())
def test_so_many_may_be_bought_and_not_one_more(limits: Limits, data: st.DataObject) -> None:
    offer = data.draw(st.integers(0, limits.usage.shape[1] - 1))
    most, used = limits.most(offer), limits.usage[:, offer] > 0
    if not used.any():
        assert most > 10**9
        return
    before, after = limits.copy(), limits.copy()
    before.charge(offer, most)
    after.charge(offer, most + 1)

    assert most == 0 or (before.room[used] >= 0).all()
    assert (after.room[used] < 0).any()
    assert (limits.room[~used] == before.room[~used]).all()


@given(tables(), st.data())
def test_a_node_that_may_become_any_of_several_is_charged_as_the_largest(
    limits: Limits, data: st.DataObject
) -> None:
    offers = st.integers(0, limits.usage.shape[1] - 1)
    listed = sorted(data.draw(st.frozensets(offers, min_size=1)))
    planned, copies = data.draw(st.sampled_from(listed)), data.draw(st.integers(1, 3))
    plain = limits.copy()
    limits.charge(planned, copies)
    limits.widen(planned, np.array(listed, np.int64), copies)

    most = plain.usage[:, listed].max(axis=1) if len(plain.room) else plain.room
    assert limits.room.tolist() == (plain.room - most * copies).tolist()


@given(clusters())
def test_every_limit_of_a_pool_counts_the_capacity_of_its_machines(snapshot: Snapshot) -> None:
    offers = sold(snapshot)
    limits = limits_of(offers, snapshot.usage)
    rows = {which: n for n, which in enumerate(limits.which)}
    for pool in offers.pools:
        for name, limit in pool.limits.items():
            n = rows[Limit(pool.name, name)]
            assert limits.room[n] == limit - snapshot.usage.get(pool.name, {}).get(name, 0)
            for row in range(len(offers)):
                each = 1 if name == NODES else offers.type(row).capacity.get(name, 0)
                own = offers.template(row).pool.name == pool.name
                assert limits.usage[n, row] == (each if own else 0)
    assert sum(bool(each.pool) for each in limits.which) == sum(len(p.limits) for p in offers.pools)


def test_a_reservation_counts_machines_over_all_offers_that_draw_from_it() -> None:
    kind = machine("m", 2, 4, 1.0)
    first = kind.__class__("m1", kind.labels, kind.capacity, {}, RESERVED[:2])
    second = kind.__class__("m2", kind.labels, kind.capacity, {}, RESERVED[2:])
    offers = sold(Snapshot((NodePool("p"), NodePool("q")), {"p": (first, second), "q": (first,)}))
    limits = limits_of(offers, {})
    drawn = [[o.reservation == w.resource for o in map(offers.offering, range(len(offers)))]
             for w in limits.which]  # fmt: skip

    assert limits.which == (Limit("", "cr-1"), Limit("", "cr-2"))
    assert limits.room.tolist() == [2, 2]
    assert limits.usage.tolist() == drawn
    assert limits.usage.sum(axis=1).tolist() == [3, 2]


def test_what_is_bought_without_a_limit_takes_nothing() -> None:
    pools = (NodePool("free"), NodePool("tight", limits={"memory": 9 * GIB, "nodes": 2}))
    offers = sold(Snapshot(pools, {"free": (SMALL,), "tight": (SMALL,)}))
    limits = limits_of(offers, {"tight": {"memory": 4 * GIB}})
    most = {offers.template(n).pool.name: limits.most(n) for n in range(len(offers))}

    assert most["tight"] == 1
    assert most["free"] > 10**9
