"""Groups: who owns a rule, whom it looks at, and how many of them are where, one pod at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings

from nodescaler.core.demands import PodTerm
from nodescaler.core.groups import Group, Kind, Rule
from nodescaler.core.labels import HOSTNAME
from nodescaler.core.model import NodeState, PodSpec, Snapshot
from nodescaler.core.space import Space, accepted, space_of
from nodescaler.core.taints import hard, untolerated
from tests.nodescaler.core.constraints.made import cluster, crowd, node, pod, spread, term
from tests.nodescaler.core.generated import Scope
from tests.nodescaler.core.selling import arrays
from tests.nodescaler.core.strategies import clusters

SOCIAL = clusters(Scope(picky=False)) | clusters()


def counts_for(rule: Rule, labels: dict[str, str], taints: tuple[object, ...]) -> bool:
    """Whether a place counts for a rule at all."""
    alternatives, tolerations = rule.where
    return (
        (alternatives is None or accepted(alternatives, labels))
        and (tolerations is None or not untolerated(taints, tolerations))  # type: ignore[arg-type]
        and all(key in labels for key in rule.keys)
    )


def looks_at(rule: Rule, pod: PodSpec, snapshot: Snapshot) -> bool:
    if rule.port is not None:
        return any(rule.port.clashes(port) for port in pod.host_ports)
    if rule.spread is not None:
        selector = rule.spread.selector
        return pod.namespace == rule.namespace and bool(selector) and selector.accepts(pod.labels)
    labels = snapshot.namespaces.get(pod.namespace, {})
    return all(each.concerns(pod.namespace, pod.labels, labels) for each in rule.terms)


def owns(rule: Rule, pod: PodSpec) -> bool:
    """Whether a pod that runs states it as anti-affinity."""
    kind: tuple[PodTerm, ...] = rule.terms if rule.kind is Kind.APART else ()
    return not rule.is_wish and len(kind) == 1 and kind[0] in pod.apart


def standing(snapshot: Snapshot) -> list[tuple[NodeState, Space]]:
    ordered = sorted(snapshot.nodes, key=lambda each: (not each.initialised, each.name))
    return [(each, space_of(each, snapshot)) for each in ordered if not each.deleting]


def seen_there(group: Group, space: Space, snapshot: Snapshot) -> int:
    if not counts_for(group.rule, dict(space.labels), space.taints):
        return 0
    leaving = group.rule.kind is Kind.SPREAD
    return sum(
        looks_at(group.rule, pod, snapshot) and not (leaving and pod.deletes_at is not None)
        for pod in space.pods
    )


@given(SOCIAL)
def test_what_runs_is_counted_as_one_would_by_hand(snapshot: Snapshot) -> None:
    found = arrays(snapshot)
    spaces = [space for _, space in standing(snapshot)]
    for group in found.groups.groups:
        seen = [seen_there(group, space, snapshot) for space in spaces]
        owners = [sum(owns(group.rule, pod) for pod in space.pods) for space in spaces]
        if group.is_host:
            assert found.groups.host_count[group.column].tolist() == seen
            assert found.groups.host_owners[group.column].tolist() == owners
            continue
        values = [space.labels.get(group.rule.key) for space in spaces]
        assert _positive(group.count) == _positive(_summed(values, seen))
        assert _positive(group.owners) == _positive(_summed(values, owners))


def _summed(values: list[str | None], numbers: list[int]) -> Counter[str]:
    out: Counter[str] = Counter()
    for value, number in zip(values, numbers, strict=True):
        if value is not None:
            out[value] += number
    return out


def _positive(counts: dict[str, int]) -> dict[str, int]:
    return {value: number for value, number in counts.items() if number}


@given(SOCIAL)
def test_the_places_of_a_rule_are_the_values_of_the_nodes_that_count(snapshot: Snapshot) -> None:
    found = arrays(snapshot)
    for group in found.groups.groups:
        there = {
            space.labels[group.rule.key]
            for _, space in standing(snapshot)
            if counts_for(group.rule, dict(space.labels), space.taints)
            and group.rule.key in space.labels
        }
        assert group.places == there


@given(SOCIAL)
def test_the_offers_of_a_rule_are_those_whose_nodes_would_count(snapshot: Snapshot) -> None:
    found = arrays(snapshot)
    for group in found.groups.groups:
        for n in range(len(found.offers)):
            labels, taints = found.offers.columns.labels(n), hard(found.offers.template(n).taints)
            assert group.offers[n] == counts_for(group.rule, labels, tuple(taints))


@given(SOCIAL)
def test_each_row_owns_what_its_pods_state_and_is_seen_by_what_looks_at_them(
    snapshot: Snapshot,
) -> None:
    found = arrays(snapshot)
    for (each, ask), relations in zip(found.rows, found.groups.relations, strict=True):
        own = {found.groups.groups[g].rule for g in relations.own}
        seen = {
            group.rule
            for group in found.groups.groups
            if looks_at(group.rule, each.sample, snapshot)
        }
        wishes = ask.wishes
        asked = (*each.sample.beside, *ask.apart, *wishes.company, *wishes.distance)
        stated = {
            *(term.topology_key for term in asked),
            *(s.topology_key for s in (*ask.spreads, *wishes.spreads)),
            *(HOSTNAME for _ in each.sample.host_ports),
        }
        assert {rule.key for rule in own} == stated
        assert {found.groups.groups[g].rule for g in relations.seen} == (
            seen if own or seen else set()
        )


@given(SOCIAL)
@settings(max_examples=50)
def test_daemons_stand_on_every_new_node_that_they_run_on(snapshot: Snapshot) -> None:
    found = arrays(snapshot)
    for group in (each for each in found.groups.groups if each.is_host):
        for n in range(len(found.offers)):
            running = [
                daemon.pod
                for daemon, runs in zip(found.daemons, found.offers.runs[:, n], strict=True)
                if runs
            ]
            seen = sum(looks_at(group.rule, each, snapshot) for each in running)
            assert found.groups.host_offer[group.column, n] == (seen if group.offers[n] else 0)
            owners = sum(owns(group.rule, each) for each in running)
            assert found.groups.host_offer_owners[group.column, n] == owners


def rules_of(*waiting: PodSpec) -> Iterator[str]:
    return (str(group.rule) for group in arrays(cluster(*waiting)).groups.groups)


def test_whoever_states_the_same_shares_a_group() -> None:
    same = crowd(2, apart=(term(HOSTNAME),))
    bigger = pod("big", 900, apart=(term(HOSTNAME),))

    assert list(rules_of(*same, bigger)) == [
        "pod anti-affinity over kubernetes.io/hostname (app in (web))"
    ]


def test_spreads_of_pods_with_other_node_labels_are_groups_of_their_own() -> None:
    """Since other nodes count for them, where the policy is Honor."""
    one, other = pod("a", spreads=(spread(),)), pod("b", 900, spreads=(spread(),))
    picky = pod("c", 800, spreads=(spread(),), alternatives=(term(HOSTNAME).selector,))

    assert len(list(rules_of(one, other))) == 1
    assert len(list(rules_of(one, other, picky))) == 2


def test_a_cluster_in_which_nobody_minds_has_no_groups() -> None:
    found = arrays(cluster(*crowd(3), nodes=(node("n", pods=crowd(2, "old")),)))

    assert found.groups.groups == []
    assert [each.own + each.seen for each in found.groups.relations] == [()]
