"""The order in which rows are placed, and where each may go at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.asks import NO_WISHES, ask_of
from nodescaler.core.batch import Places, Row, in_order, need_of, resource_names, shared_of
from nodescaler.core.classes import PodClass, classes_of
from nodescaler.core.demands import PodTerm, Volume
from nodescaler.core.groups import Group, Groups, Kind, Relations, Rule
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import PodSpec, Snapshot
from nodescaler.core.resources import fits
from nodescaler.core.space import accepted
from nodescaler.core.taints import untolerated
from tests.nodescaler.core.selling import arrays
from tests.nodescaler.core.strategies import clusters

NONE = np.zeros((0, 0), np.int64)
NOWHERE = np.zeros(0, bool)
TERM = PodTerm(HOSTNAME, Requirements.labels({"app": "web"}))


def row(number: int, priority: int = 0) -> Row:
    each = PodClass((PodSpec("shop", f"p-{number}", priority=priority),))
    return Row(number, each, ask_of(each, NO_WISHES), 0, 1)


def groups(kinds: Sequence[Kind], relations: Sequence[Relations]) -> Groups:
    keys = {Kind.SPREAD: ZONE}  # over hosts, a spread is kept node by node and needs no order
    rules = [Rule(kind, keys.get(kind, HOSTNAME), (TERM,)) for kind in kinds]
    found = [Group(rule, NOWHERE, NOWHERE) for rule in rules]
    return Groups(found, list(relations), NONE, NONE, NONE, NONE)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Row], Groups, list[int]]:
    number = draw(st.integers(0, 6))
    kinds = draw(st.lists(st.sampled_from(Kind), max_size=3))
    some = st.frozensets(st.sampled_from(range(len(kinds)))) if kinds else st.just(frozenset[int]())
    relations = [
        Relations(tuple(sorted(draw(some))), tuple(sorted(draw(some)))) for _ in range(number)
    ]
    rows = [row(n, draw(st.sampled_from([0, 0, 5]))) for n in range(number)]
    return rows, groups(kinds, relations), [draw(st.integers(0, 3)) for _ in rows]


@given(batches())
def test_every_row_has_its_turn_once_and_always_the_same(
    batch: tuple[list[Row], Groups, list[int]],
) -> None:
    order = in_order(*batch)

    assert sorted(order) == list(range(len(batch[0])))
    assert in_order(*batch) == order


@given(batches(), st.data())
def test_company_comes_before_those_that_want_it(
    batch: tuple[list[Row], Groups, list[int]], data: st.DataObject
) -> None:
    """Here nobody goes round in circles: who is looked at ranks below who owns."""
    rows, found, choice = batch
    ranks = data.draw(st.permutations(range(len(rows))))
    levels = [data.draw(st.integers(0, len(rows))) for _ in found.groups]
    relations = [
        Relations(
            tuple(g for g in each.own if ranks[n] >= levels[g]),
            tuple(g for g in each.seen if ranks[n] < levels[g]),
        )
        for n, each in enumerate(found.relations)
    ]
    order = in_order(rows, groups([g.rule.kind for g in found.groups], relations), choice)
    turn = {number: n for n, number in enumerate(order)}
    for g, group in enumerate(found.groups):
        if group.rule.kind is not Kind.APART:
            owners = [n for n, each in enumerate(relations) if g in each.own]
            seen = [n for n, each in enumerate(relations) if g in each.seen]
            assert all(turn[one] < turn[other] for one in seen for other in owners)


@given(batches())
def test_where_nobody_waits_it_is_priority_then_choice_then_size(
    batch: tuple[list[Row], Groups, list[int]],
) -> None:
    rows, found, choice = batch
    found.relations = [Relations() for _ in rows]
    keys = [(-rows[n].each.sample.priority, choice[n], n) for n in in_order(rows, found, choice)]

    assert keys == sorted(keys)


def test_those_that_keep_others_away_come_before_them() -> None:
    relations = [Relations(seen=(0,)), Relations(own=(0,)), Relations(own=(0,), seen=(0,))]

    assert in_order([row(n) for n in range(3)], groups([Kind.APART], relations), [1, 1, 1]) == [
        1,
        0,
        2,
    ]


def test_a_circle_is_broken_at_its_first() -> None:
    relations = [Relations(own=(0,), seen=(1,)), Relations(own=(1,), seen=(0,)), Relations()]
    kinds = [Kind.BESIDE, Kind.BESIDE]

    assert in_order([row(n) for n in range(3)], groups(kinds, relations), [9, 9, 9]) == [2, 0, 1]


# ---------------------------------------------------------------- where a row may go


@given(clusters())
def test_a_row_may_go_where_labels_taints_and_size_let_it(snapshot: Snapshot) -> None:
    found = arrays(snapshot)
    found.groups.with_daemons.clear()
    places = Places(found.nodes, found.offers, found.groups)
    for number, (each, ask) in enumerate(found.rows):
        one = Row(number, each, ask, 0, 1)
        need = need_of(one, found.names)
        nodes, offers = places.of(number, one, need)
        for n, state in enumerate(found.nodes.states):
            good = accepted(ask.alternatives, found.nodes.columns.labels(n))
            taints = found.nodes.taints[found.nodes.taint[n]]
            good = good and not untolerated(taints, ask.tolerations) and not state.unschedulable
            assert nodes[n] == good
        for n in range(len(found.offers)):
            good = accepted(ask.alternatives, found.offers.columns.labels(n))
            good = good and not untolerated(found.offers.template(n).taints, ask.tolerations)
            asked = {name: int(v) for name, v in zip(found.names, need, strict=True) if v}
            room = dict(zip(found.names, found.offers.free[n].tolist(), strict=True))
            assert offers[n] == (good and fits(asked, room))


@given(clusters(), st.sampled_from([(ZONE,), (HOSTNAME,), ("rack", ZONE)]))
def test_cells_divide_what_there_is(snapshot: Snapshot, keys: tuple[str, ...]) -> None:
    found = arrays(snapshot)
    places = Places(found.nodes, found.offers, found.groups)
    nodes, offers = np.ones(len(found.nodes), bool), np.ones(len(found.offers), bool)
    cells = places.cells(nodes, offers, keys)

    assert sum((cell.nodes.astype(int) for cell in cells), np.zeros(len(nodes), int)).tolist() == [
        1
    ] * len(nodes)
    assert sum(int(cell.offers.sum()) for cell in cells) == len(offers)
    for cell in cells:
        for mask, columns in (
            (cell.nodes, found.nodes.columns),
            (cell.offers, found.offers.columns),
        ):
            for n in np.flatnonzero(mask).tolist():
                assert cell.values == {key: columns.labels(n).get(key) for key in keys}


def test_a_volume_that_is_shared_is_no_part_of_what_one_pod_needs() -> None:
    pods = [PodSpec("shop", name, requests={"cpu": 1}, volumes=("shop/data", f"shop/{name}"))
            for name in ("a", "b")]  # fmt: skip
    volumes = {key: Volume(driver="ebs", handle=key) for key in ("shop/data", "shop/a", "shop/b")}
    (each,) = classes_of(pods, (), volumes)
    names = resource_names([each])
    one = Row(0, each, ask_of(each, NO_WISHES), 0, 2)

    assert names == ("cpu", "attach ebs")
    assert need_of(one, names).tolist() == [1, 1]
    assert shared_of(one, names) == (("shop/data", 1),)
