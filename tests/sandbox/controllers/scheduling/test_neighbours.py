"""Affinity between pods and topology spread: where the others are decides."""

from __future__ import annotations

from typing import Any

import pytest

from tandem.sandbox.controllers.scheduling.model import Cluster, Pod
from tandem.sandbox.controllers.scheduling.neighbours import neighbours
from tests.sandbox.controllers.scheduling.made import (
    HOST,
    ZONE,
    affinity,
    cluster,
    near,
    node,
    pod,
    spread,
)

A, B = node("a", labels={ZONE: "za"}), node("b", labels={ZONE: "zb"})
BARE = node("bare")


def open_to(wants: Pod, made: Cluster) -> str:
    """Names of the nodes that do not refuse, joined."""
    asked = neighbours(wants, made)
    return "".join(name for name, room in made.rooms.items() if not asked.refuses(room))


def web(name: str, on: str, **more: Any) -> Pod:
    return pod(name, on=on, **more)


DB_NEAR = affinity(near("db"))
DB_APART = affinity(near("db"), anti=True)
SELF_APART = affinity(near("web", HOST), anti=True)


@pytest.mark.parametrize(
    ("wants", "there", "nodes"),
    [
        pytest.param(pod(affinity=DB_NEAR), (), "", id="affinity to pods that are nowhere"),
        pytest.param(
            pod(affinity=DB_NEAR),
            (web("d", "a", app="db"),),
            "a",
            id="affinity takes the zone of the match",
        ),
        pytest.param(
            pod(affinity=affinity(near("web"))), (), "ab", id="the first of a group may go anywhere"
        ),
        pytest.param(
            pod(affinity=affinity(near("web"), near("db"))),
            (web("d", "a", app="db"),),
            "",
            id="a pod must match all terms to count for any",
        ),
        pytest.param(
            pod(affinity=DB_APART),
            (web("d", "a", app="db"),),
            "b",
            id="anti-affinity leaves the zone",
        ),
        pytest.param(
            pod(affinity=SELF_APART),
            (web("w", "a"), web("v", "b")),
            "",
            id="one of a kind for each host",
        ),
        pytest.param(
            pod(),
            (web("d", "a", app="db", affinity=affinity(near("web"), anti=True)),),
            "b",
            id="a pod that is there keeps the newcomer out (inverse)",
        ),
        pytest.param(
            pod(affinity=DB_APART),
            (web("d", "a", app="db", namespace="other"),),
            "ab",
            id="a term without namespaces means the pod's own",
        ),
        pytest.param(
            pod(affinity=affinity(near("db", namespaces=["other"]), anti=True)),
            (web("d", "a", app="db", namespace="other"),),
            "b",
            id="namespaces by name",
        ),
        pytest.param(
            pod(
                affinity=affinity(
                    near("db", namespaceSelector={"matchLabels": {"team": "b"}}), anti=True
                )
            ),
            (web("d", "a", app="db", namespace="other"),),
            "b",
            id="namespaces by their labels",
        ),
        pytest.param(
            pod(affinity=affinity(near("db", namespaceSelector={}), anti=True)),
            (web("d", "a", app="db", namespace="other"),),
            "b",
            id="an empty namespaceSelector means all",
        ),
        pytest.param(
            pod(affinity=affinity(near("web", matchLabelKeys=["rev"]), anti=True)),
            (web("w", "a"),),
            "b",
            id="matchLabelKeys without the label change nothing",
        ),
        pytest.param(
            pod(affinity=affinity({"topologyKey": ZONE}, anti=True)),
            (web("w", "a"),),
            "ab",
            id="a missing selector matches nothing",
        ),
    ],
)
def test_affinity(wants: Pod, there: tuple[Pod, ...], nodes: str) -> None:
    assert open_to(wants, cluster(A, B, pods=there)) == nodes


def test_affinity_needs_the_topology_label() -> None:
    """Even the first of a group stays off a node without the key; anti-affinity does not care."""
    assert open_to(pod(affinity=affinity(near("web"))), cluster(A, BARE)) == "a"
    assert open_to(pod(affinity=affinity(near("web"), anti=True)), cluster(A, BARE)) == "abare"


@pytest.mark.parametrize(
    ("rule", "there", "nodes"),
    [
        pytest.param(spread(), (), "ab", id="an empty cluster is even"),
        pytest.param(spread(), (web("1", "a"),), "b", id="skew 1 sends the second elsewhere"),
        pytest.param(spread(2), (web("1", "a"),), "ab", id="skew 2 allows two"),
        pytest.param(spread(), (web("1", "a", app="db"),), "ab", id="other pods do not count"),
        pytest.param(
            spread(), (web("1", "a", namespace="other"),), "ab", id="other namespaces do not count"
        ),
        pytest.param(
            spread(minDomains=3), (web("1", "a"),), "b", id="too few domains: the least counts as 0"
        ),
        pytest.param(
            spread(minDomains=3),
            (web("1", "a"), web("2", "b")),
            "",
            id="minDomains waits for a third zone",
        ),
    ],
)
def test_spread(rule: dict[str, Any], there: tuple[Pod, ...], nodes: str) -> None:
    wants = pod(topologySpreadConstraints=[rule])
    assert open_to(wants, cluster(A, B, pods=there)) == nodes


def test_a_node_without_the_key_is_told_apart() -> None:
    made = cluster(A, BARE)
    asked = neighbours(pod(topologySpreadConstraints=[spread()]), made)

    why = asked.refuses(made.rooms["bare"])
    assert why == ("node(s) didn't match pod topology spread constraints (missing required label)",)


def test_nodes_out_of_reach_do_not_count_as_empty_domains() -> None:
    """nodeAffinityPolicy Honor: a zone that the selector excludes is no empty domain."""
    there = (web("1", "a"),)
    ignoring = spread(nodeAffinityPolicy="Ignore")
    honor = pod(topologySpreadConstraints=[spread()], nodeSelector={ZONE: "za"})
    ignore = pod(topologySpreadConstraints=[ignoring], nodeSelector={ZONE: "za"})

    assert "a" in open_to(honor, cluster(A, B, pods=there))
    assert "a" not in open_to(ignore, cluster(A, B, pods=there))


def test_tainted_nodes_count_unless_taints_are_honoured() -> None:
    """nodeTaintsPolicy Ignore is the default: an unreachable empty zone still counts."""
    closed = node(
        "b", labels={ZONE: "zb"}, taints=[{"key": "k", "value": "", "effect": "NoSchedule"}]
    )
    there = (web("1", "a"),)
    default = pod(topologySpreadConstraints=[spread()])
    honor = pod(topologySpreadConstraints=[spread(nodeTaintsPolicy="Honor")])

    assert "a" not in open_to(default, cluster(A, closed, pods=there))
    assert "a" in open_to(honor, cluster(A, closed, pods=there))


def test_match_label_keys_count_one_revision_only() -> None:
    rule = spread(matchLabelKeys=["app"], labelSelector={})
    there = (web("1", "a", app="old"),)

    assert open_to(pod(topologySpreadConstraints=[rule]), cluster(A, B, pods=there)) == "ab"
