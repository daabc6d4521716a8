"""Beside whom a pod may run: each field of its terms and of its spreads, one sentence a case."""

from __future__ import annotations

from typing import Any

import pytest

from nodescaler.core.demands import PodTerm, Spread
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import PodSpec
from nodescaler.decode import Faults
from tests.nodescaler.decode.test_pods import NODE, WISH, Json, pod_of

LABELS = {"app": "x", "version": "2"}
APP_X = {"matchLabels": {"app": "x"}}


def with_affinity(**affinity: Json) -> PodSpec:
    return pod_of({"affinity": affinity}, labels=LABELS)


def term_of(**fields: Any) -> PodTerm:
    """The one required anti-affinity term of a pod of namespace shop."""
    term = {"topologyKey": HOSTNAME, "labelSelector": APP_X} | fields
    (found,) = with_affinity(podAntiAffinity={NODE: [term]}).apart
    return found


NAMESPACES = {"shop": {"team": "web"}, "bank": {"team": "core"}, "bare": {}}


@pytest.mark.parametrize(
    ("term", "namespace", "labels", "concerned"),
    [
        pytest.param({}, "shop", {"app": "x"}, True, id="its own namespace, without a word"),
        pytest.param({}, "bank", {"app": "x"}, False, id="not another one, without a word"),
        pytest.param({}, "shop", {"app": "y"}, False, id="a label of another value"),
        pytest.param({"namespaces": ["bank"]}, "bank", {"app": "x"}, True, id="one that is named"),
        pytest.param({"namespaces": ["bank"]}, "shop", {"app": "x"}, False, id="then not its own"),
        pytest.param({"namespaceSelector": {}}, "bare", {"app": "x"}, True, id="every namespace"),
        pytest.param(
            {"namespaceSelector": {"matchLabels": {"team": "core"}}},
            "bank", {"app": "x"}, True, id="a namespace by its label",
        ),
        pytest.param(
            {"namespaceSelector": {"matchLabels": {"team": "core"}}},
            "shop", {"app": "x"}, False, id="then not its own either",
        ),
        pytest.param(
            {"namespaceSelector": {"matchLabels": {"team": "core"}}, "namespaces": ["shop"]},
            "shop", {"app": "x"}, True, id="both ways at once",
        ),
        pytest.param(
            {"matchLabelKeys": ["version", "none"]},
            "shop", {"app": "x", "version": "1"}, False, id="only its own version",
        ),
        pytest.param(
            {"matchLabelKeys": ["none"]}, "shop", {"app": "x"}, True, id="a key it does not carry"
        ),
        pytest.param(
            {"mismatchLabelKeys": ["version"]},
            "shop", {"app": "x", "version": "2"}, False, id="any version but its own",
        ),
        pytest.param(
            {"mismatchLabelKeys": ["version"]}, "shop", {"app": "x"}, True, id="or none at all"
        ),
        pytest.param({"labelSelector": {}}, "shop", {}, True, id="an empty selector: every pod"),
        pytest.param({"labelSelector": None}, "shop", {"app": "x"}, False, id="no selector: none"),
        pytest.param(
            {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
            "shop", {"app": "y"}, True, id="an expression",
        ),
        pytest.param(
            {"labelSelector": {"matchLabels": {"beta.kubernetes.io/arch": "a"}}},
            "shop", {"beta.kubernetes.io/arch": "a"}, True, id="a pod's label has no other name",
        ),
    ],
)  # fmt: skip
def test_which_pods_a_term_concerns(
    term: Json, namespace: str, labels: dict[str, str], concerned: bool
) -> None:
    assert term_of(**term).concerns(namespace, labels, NAMESPACES[namespace]) == concerned


def test_a_topology_has_one_name() -> None:
    assert term_of(topologyKey="failure-domain.beta.kubernetes.io/zone").topology_key == ZONE


def test_beside_apart_and_company() -> None:
    near = {"topologyKey": ZONE, "labelSelector": {}}
    far = {"topologyKey": HOSTNAME, "labelSelector": {}}
    pod = with_affinity(
        podAffinity={NODE: [near], WISH: [{"weight": 3, "podAffinityTerm": far}]},
        podAntiAffinity={NODE: [far], WISH: [{"weight": 100, "podAffinityTerm": near}]},
    )
    near_term, far_term = (
        PodTerm(key, Requirements(), frozenset({"shop"})) for key in (ZONE, HOSTNAME)
    )

    assert (pod.beside, pod.apart) == ((near_term,), (far_term,))
    assert [(each.weight, each.term) for each in pod.company] == [(3, far_term), (-100, near_term)]


def spread_of(**fields: Any) -> Spread:
    part = {"topologyKey": ZONE, "maxSkew": 1, "labelSelector": APP_X} | fields
    (found,) = pod_of({"topologySpreadConstraints": [part]}, labels=LABELS).spreads
    return found


@pytest.mark.parametrize(
    ("given", "field", "read"),
    [
        pytest.param({}, "topology_key", ZONE, id="where"),
        pytest.param({"topologyKey": "topology.ebs.csi.aws.com/zone"}, "topology_key", ZONE,
                     id="an older name of the zone"),
        pytest.param({"maxSkew": 3}, "max_skew", 3, id="how uneven"),
        pytest.param({}, "hard", True, id="hard without a word"),
        pytest.param({"whenUnsatisfiable": "DoNotSchedule"}, "hard", True, id="hard"),
        pytest.param({"whenUnsatisfiable": "ScheduleAnyway"}, "hard", False, id="a wish"),
        pytest.param({}, "min_domains", 1, id="one place will do"),
        pytest.param({"minDomains": 3}, "min_domains", 3, id="over so many places"),
        pytest.param({}, "honours_affinity", True, id="only nodes it accepts, without a word"),
        pytest.param({"nodeAffinityPolicy": "Honor"}, "honours_affinity", True, id="as it says"),
        pytest.param({"nodeAffinityPolicy": "Ignore"}, "honours_affinity", False, id="all nodes"),
        pytest.param({}, "honours_taints", False, id="tainted nodes too, without a word"),
        pytest.param({"nodeTaintsPolicy": "Ignore"}, "honours_taints", False, id="tainted too"),
        pytest.param({"nodeTaintsPolicy": "Honor"}, "honours_taints", True, id="none tainted"),
        pytest.param({"matchLabelKeys": ["version", "none"]}, "selector",
                     Requirements.labels(LABELS), id="only its own version"),
        pytest.param({"labelSelector": {}}, "selector", Requirements(), id="every pod"),
    ],
)  # fmt: skip
def test_each_field_of_a_spread(given: Json, field: str, read: object) -> None:
    assert getattr(spread_of(**given), field) == read


def test_no_selector_counts_no_pod() -> None:
    assert not spread_of(labelSelector=None).selector.accepts(LABELS)


ANTI = "spec.affinity.podAntiAffinity"
BESIDE = "spec.affinity.podAffinity"
SPREAD = "spec.topologySpreadConstraints[0]"


def anti(**term: Any) -> Json:
    return {"affinity": {"podAntiAffinity": {NODE: [{"topologyKey": ZONE} | term]}}}


def spread(**part: Any) -> Json:
    return {"topologySpreadConstraints": [{"topologyKey": ZONE, "maxSkew": 1} | part]}


def wish(weight: int) -> Json:
    wished = {"weight": weight, "podAffinityTerm": {"topologyKey": ZONE}}
    return {"affinity": {"podAffinity": {WISH: [wished]}}}


def line(operator: str, *values: str) -> Json:
    return {"matchExpressions": [{"key": "app", "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (anti(topologyKey=""), f"{ANTI}.required[0].topologyKey: found ''; would do: the key of"),
        (
            anti(labelSelector=line("Gt", "5")),
            f"{ANTI}.required[0].labelSelector.matchExpressions[0].operator: found 'Gt'; would",
        ),
        (
            anti(namespaceSelector=line("In")),
            f"{ANTI}.required[0].namespaceSelector.matchExpressions[0].values: found ''",
        ),
        (wish(0), f"{BESIDE}.preferred[0].weight: found '0'; would do: a number from 1 to 100"),
        (wish(101), f"{BESIDE}.preferred[0].weight: found '101'; would do: a number from 1 to 100"),
        (spread(topologyKey=""), f"{SPREAD}.topologyKey: found ''; would do: the key of a node"),
        (spread(maxSkew=0), f"{SPREAD}.maxSkew: found '0'; would do: a number from 1"),
        (spread(maxSkew=-2), f"{SPREAD}.maxSkew: found '-2'; would do: a number from 1"),
        (
            spread(whenUnsatisfiable="Never"),
            f"{SPREAD}.whenUnsatisfiable: found 'Never'; would do: DoNotSchedule, ScheduleAnyway",
        ),
        (spread(minDomains=0), f"{SPREAD}.minDomains: found '0'; would do: a number from 1"),
        (
            spread(minDomains=2, whenUnsatisfiable="ScheduleAnyway"),
            f"{SPREAD}.minDomains: found '2'; would do: no minDomains with ScheduleAnyway",
        ),
        (
            spread(nodeAffinityPolicy="No"),
            f"{SPREAD}.nodeAffinityPolicy: found 'No'; would do: Honor, Ignore",
        ),
        (
            spread(nodeTaintsPolicy="honor"),
            f"{SPREAD}.nodeTaintsPolicy: found 'honor'; would do: Honor, Ignore",
        ),
        (
            spread(labelSelector=line("Has")),
            f"{SPREAD}.labelSelector.matchExpressions[0].operator: found 'Has'; would do: In",
        ),
    ],
)
def test_mistakes(spec: Json, said: str) -> None:
    with pytest.raises(Faults) as error:
        pod_of(spec)

    assert str(error.value).startswith(said)
