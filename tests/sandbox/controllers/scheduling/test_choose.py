"""The choice: the message when nothing fits, the scores when several do, and the laws of both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tandem.sandbox.controllers.scheduling.choose import Placed, Refused, choose, queue_order
from tandem.sandbox.controllers.scheduling.model import Node, Pod
from tandem.sandbox.controllers.settings import Scoring
from tests.sandbox.controllers.scheduling.made import (
    HOST,
    ZONE,
    affinity,
    cluster,
    expression,
    near,
    node,
    pod,
    spread,
)

LEAST, MOST = Scoring.LEAST_ALLOCATED, Scoring.MOST_ALLOCATED
TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}


def test_the_message_counts_reasons_as_upstream_does() -> None:
    made = cluster(node("a", cpu="1"), node("b", cpu="1"), node("c", taints=[TAINT]))

    assert choose(pod(cpu="2"), made, LEAST) == Refused(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu."
    )


def test_no_nodes_have_a_message_of_their_own() -> None:
    assert choose(pod(), cluster(), LEAST) == Refused("no nodes available to schedule pods")


def prefer_node(weight: int, key: str, value: str) -> dict[str, Any]:
    term = {"weight": weight, "preference": {"matchExpressions": [expression(key, "In", value)]}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}


def prefer_pods(app: str, *, anti: bool = False) -> dict[str, Any]:
    term = {"weight": 100, "podAffinityTerm": near(app)}
    kind = "podAntiAffinity" if anti else "podAffinity"
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}


SOFT = {"key": "k", "value": "v", "effect": "PreferNoSchedule"}


@pytest.mark.parametrize(
    ("wants", "nodes", "there", "scoring", "chosen"),
    [
        pytest.param(pod(cpu="1"), (node("a"), node("b")), (), LEAST, "a", id="ties go by name"),
        pytest.param(
            pod(cpu="1"),
            (node("a"), node("b")),
            (pod("x", cpu="1", on="a"),),
            LEAST,
            "b",
            id="LeastAllocated takes the emptier",
        ),
        pytest.param(
            pod(cpu="1"),
            (node("a"), node("b")),
            (pod("x", cpu="1", on="b"),),
            MOST,
            "b",
            id="MostAllocated takes the fuller",
        ),
        pytest.param(
            pod(),
            (node("a"), node("b")),
            (pod("x", on="a"),),
            LEAST,
            "b",
            id="a pod without requests weighs something, too",
        ),
        pytest.param(
            pod(),
            (node("a", taints=[SOFT]), node("b")),
            (),
            LEAST,
            "b",
            id="PreferNoSchedule is avoided",
        ),
        pytest.param(
            pod(affinity=prefer_node(1, ZONE, "z")),
            (node("a"), node("b", labels={ZONE: "z"})),
            (),
            LEAST,
            "b",
            id="a preferred node affinity",
        ),
        pytest.param(
            pod(affinity=prefer_pods("db")),
            (node("a", labels={ZONE: "y"}), node("b", labels={ZONE: "z"})),
            (pod("d", app="db", on="b"),),
            LEAST,
            "b",
            id="a preferred pod affinity",
        ),
        pytest.param(
            pod(affinity=prefer_pods("db", anti=True)),
            (node("a", labels={ZONE: "y"}), node("b", labels={ZONE: "z"})),
            (pod("d", app="db", on="a"),),
            LEAST,
            "b",
            id="a preferred pod anti-affinity",
        ),
        pytest.param(
            pod(topologySpreadConstraints=[spread(whenUnsatisfiable="ScheduleAnyway")]),
            (node("a", labels={ZONE: "y"}), node("b", labels={ZONE: "z"})),
            (pod("w", on="a"),),
            LEAST,
            "b",
            id="ScheduleAnyway prefers the emptier zone",
        ),
    ],
)
def test_the_best_node(
    wants: Pod, nodes: tuple[Node, ...], there: tuple[Pod, ...], scoring: Scoring, chosen: str
) -> None:
    assert choose(wants, cluster(*nodes, pods=there), scoring) == Placed(chosen)


def test_the_queue_is_by_priority_then_age_then_name() -> None:
    late = Pod(namespace="d", name="late", created=2.0)
    early = Pod(namespace="d", name="early", created=1.0)
    twin = Pod(namespace="d", name="a-twin", created=2.0)
    urgent = Pod(namespace="d", name="urgent", created=3.0, priority=1)

    ordered = sorted([late, early, twin, urgent], key=queue_order)
    assert [each.name for each in ordered] == ["urgent", "early", "a-twin", "late"]


# Laws: whatever is placed, an independently written check agrees with.

NODES = st.lists(
    st.builds(
        lambda cpu, pods, zone, taint: (cpu, pods, zone, taint),
        st.integers(1, 8),
        st.integers(1, 5),
        st.sampled_from(["y", "z"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
PODS = st.lists(
    st.tuples(
        st.integers(100, 4000),
        st.sampled_from(["", "y", "z"]),
        st.booleans(),
        st.sampled_from(["free", "apart", "spread"]),
    ),
    max_size=15,
)


def made_pod(index: int, wants: tuple[int, str, bool, str]) -> Pod:
    cpu, zone, tolerates, social = wants
    spec: dict[str, Any] = {"nodeSelector": {ZONE: zone}} if zone else {}
    spec |= {"tolerations": [{"operator": "Exists"}]} if tolerates else {}
    if social == "apart":
        spec["affinity"] = affinity(near(social, HOST), anti=True)
    if social == "spread":
        rule = spread(labelSelector={"matchLabels": {"app": social}})
        spec["topologySpreadConstraints"] = [rule]
    return pod(f"p{index:02}", cpu=f"{cpu}m", app=social, **spec)


@settings(max_examples=150, deadline=None)
@given(NODES, PODS, st.sampled_from(list(Scoring)))
def test_no_node_is_overfull_and_every_rule_is_kept(
    nodes: list[tuple[int, int, str, bool]],
    pods: list[tuple[int, str, bool, str]],
    scoring: Scoring,
) -> None:
    made = cluster(
        *(
            node(
                f"n{i}", cpu=str(cpu), pods=str(most), labels={ZONE: zone}, taints=[TAINT] * tainted
            )
            for i, (cpu, most, zone, tainted) in enumerate(nodes)
        )
    )
    places: dict[int, int] = {}
    for index, wants in enumerate(pods):
        wanted = made_pod(index, wants)
        chosen = choose(wanted, made, scoring)
        if isinstance(chosen, Placed):
            made.rooms[chosen.node].add(wanted)
            places[index] = int(chosen.node[1:])
            check_spread(nodes, pods, places, index)
    check_nodes(nodes, pods, places)


def check_nodes(
    nodes: list[tuple[int, int, str, bool]],
    pods: list[tuple[int, str, bool, str]],
    places: dict[int, int],
) -> None:
    """Sums, selectors, taints and anti-affinity, from the plain numbers alone."""
    for number, (cpu, most, zone, tainted) in enumerate(nodes):
        here = [pods[index] for index, place in places.items() if place == number]
        assert sum(millis for millis, *_ in here) <= cpu * 1000
        assert len(here) <= most
        assert all(wanted in ("", zone) for _, wanted, _, _ in here)
        assert all(tolerates or not tainted for _, _, tolerates, _ in here)
        assert sum(social == "apart" for *_, social in here) <= 1


def check_spread(
    nodes: list[tuple[int, int, str, bool]],
    pods: list[tuple[int, str, bool, str]],
    places: dict[int, int],
    last: int,
) -> None:
    """The pod that was just placed left its zone at most one above the emptiest it could reach."""
    _, wanted, _, social = pods[last]
    if social != "spread":
        return
    counts = {zone: 0 for _, _, zone, _ in nodes if wanted in ("", zone)}
    for index, place in places.items():
        zone = nodes[place][2]
        if pods[index][3] == "spread" and zone in counts:
            counts[zone] += 1
    assert counts[nodes[places[last]][2]] <= min(counts.values()) + 1


@settings(max_examples=50, deadline=None)
@given(NODES, PODS)
def test_a_refusal_is_true(
    nodes: list[tuple[int, int, str, bool]], pods: list[tuple[int, str, bool, str]]
) -> None:
    """A pod without neighbours' rules that is refused fits no node by plain arithmetic."""
    made = cluster(
        *(
            node(
                f"n{i}", cpu=str(cpu), pods=str(most), labels={ZONE: zone}, taints=[TAINT] * tainted
            )
            for i, (cpu, most, zone, tainted) in enumerate(nodes)
        )
    )
    for index, (cpu, zone, tolerates, _) in enumerate(pods):
        wanted = made_pod(index, (cpu, zone, tolerates, "free"))
        chosen = choose(wanted, made, LEAST)
        fits = [
            number
            for number, (cores, most, where, tainted) in enumerate(nodes)
            if made.rooms[f"n{number}"].used.get("cpu", 0) + cpu <= cores * 1000
            and len(made.rooms[f"n{number}"].pods) < most
            and zone in ("", where)
            and (tolerates or not tainted)
        ]
        assert isinstance(chosen, Placed) == bool(fits)
        if isinstance(chosen, Placed):
            made.rooms[chosen.node].add(wanted)
