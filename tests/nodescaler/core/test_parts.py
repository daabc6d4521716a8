"""The small parts of the core: taints, resources, classes, space, pools and the bound."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.bound import Demand, Rate, lower_bound, undominated
from nodescaler.core.classes import classes_of
from nodescaler.core.labels import INSTANCE_TYPE, ZONE, Requirement, Requirements
from nodescaler.core.model import (
    Apart,
    HostPort,
    NodePool,
    NodeState,
    Plan,
    PlannedNode,
    PodSpec,
)
from nodescaler.core.pools import allowed_types, nothing_allowed
from nodescaler.core.resources import amount_text, missing, pod_requests, times
from nodescaler.core.space import conflict, refusal, space_of
from nodescaler.core.taints import Taint, Toleration, lasting, untolerated
from tests.nodescaler.core.strategies import pod_lists

WEB = PodSpec("shop", "web", requests={"cpu": 500})
NODE = NodeState("n", labels={ZONE: "a"}, allocatable={"cpu": 1000})


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        pytest.param(Toleration("team", value="a"), True, id="equal"),
        pytest.param(Toleration("team", value="b"), False, id="another value"),
        pytest.param(Toleration("team", "Exists"), True, id="any value"),
        pytest.param(Toleration(operator="Exists"), True, id="everything"),
        pytest.param(Toleration("team", "Exists", effect="NoExecute"), False, id="other effect"),
        pytest.param(Toleration("other", "Exists"), False, id="another key"),
    ],
)
def test_toleration(toleration: Toleration, tolerated: bool) -> None:
    assert (untolerated([Taint("team", "a")], [toleration]) == ()) == tolerated


def test_a_preference_against_pods_refuses_none() -> None:
    assert untolerated([Taint("team", effect="PreferNoSchedule")], []) == ()


def test_a_taint_in_words() -> None:
    assert [str(Taint("a", "b")), str(Taint("a"))] == ["a=b:NoSchedule", "a:NoSchedule"]


def test_only_lasting_taints_count_until_a_node_is_initialised() -> None:
    taints = (Taint("team"), Taint("warming"), Taint("node.kubernetes.io/not-ready"))

    assert lasting(taints, [Taint("warming", "yes")]) == (Taint("team"),)
    assert lasting(taints, initialised=True) == taints


def test_what_a_pod_reserves() -> None:
    """The larger of start and run, sidecars in both, pod level above, overhead on top."""
    steady = [{"cpu": 100, "memory": 50}]
    init = [({"cpu": 20}, True), ({"memory": 90}, False)]

    assert pod_requests(steady, init) == {"cpu": 120, "memory": 90, "pods": 1}
    assert pod_requests(steady, pod_level={"cpu": 300}, overhead={"cpu": 5}) == {
        "cpu": 305,
        "memory": 50,
        "pods": 1,
    }


def test_amounts_in_words() -> None:
    assert amount_text("ephemeral-storage", 2**41) == "2Ti ephemeral-storage"
    assert missing({"b": 2, "a": 1, "c": 0}, {"b": 1}) == ("a", "b")
    assert times({"cpu": 2}, 3) == {"cpu": 6}


@given(pod_lists())
def test_classes_keep_every_pod_once(pods: tuple[PodSpec, ...]) -> None:
    classes = classes_of(pods)

    assert sorted(pod.key for each in classes for pod in each.pods) == sorted(p.key for p in pods)
    assert classes_of(pods[::-1]) == classes


def test_labels_make_a_class_only_where_somebody_looks_at_them() -> None:
    pods = [replace(WEB, name=name, labels={"app": name}) for name in ("a", "b")]
    guard = replace(WEB, apart=(Apart(Requirements.labels({"app": "a"})),))

    assert len(classes_of(pods)) == 1
    assert len(classes_of(pods, [guard])) == 2


def test_host_ports_clash_on_the_same_address_or_a_wildcard() -> None:
    assert HostPort(80).clashes(HostPort(80, ip="10.0.0.1"))
    assert not HostPort(80, ip="10.0.0.2").clashes(HostPort(80, ip="10.0.0.1"))
    assert not HostPort(80).clashes(HostPort(80, "UDP"))


def test_anti_affinity_holds_both_ways() -> None:
    guard = PodSpec("shop", "guard", apart=(Apart(Requirements.labels({"app": "x"})),))
    other = PodSpec("shop", "other", labels={"app": "x"})

    assert conflict(guard, other) == "must not share a node with shop/other"
    assert conflict(other, guard) == "shop/guard must not share a node with it"
    assert conflict(other, replace(guard, apart=())) is None


@pytest.mark.parametrize(
    ("pod", "node", "said"),
    [
        (WEB, NODE, None),
        (
            replace(WEB, alternatives=(Requirements.labels({ZONE: "b"}),)),
            NODE,
            "n does not have topology.kubernetes.io/zone in (b)",
        ),
        (
            WEB,
            replace(NODE, taints=(Taint("x"),)),
            "does not tolerate the taint x:NoSchedule of n",
        ),
        (
            replace(WEB, host_ports=(HostPort(80),)),
            replace(NODE, pods=(PodSpec("shop", "old", host_ports=(HostPort(80),)),)),
            "on n: host port 80/TCP is taken by shop/old",
        ),
        (
            WEB,
            replace(NODE, pods=(replace(WEB, name="old", requests={"cpu": 900}),)),
            "needs 500m cpu; n has 100m cpu left",
        ),
    ],
)
def test_why_a_node_refuses_a_pod(pod: PodSpec, node: NodeState, said: str | None) -> None:
    assert refusal(pod, space_of(node)) == said


def test_a_pool_that_allows_no_instance_type_says_which_line_it_is() -> None:
    typo = Requirement(INSTANCE_TYPE, "In", ("m5.larg",))
    pool = NodePool("default", kind="Provisioner", requirements=Requirements.of(typo))
    message = nothing_allowed(pool, builtin()) or ""

    assert message.startswith("Provisioner default allows none of the 264 instance types on offer")
    assert message.endswith("...; did you mean 'm5.large'?")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (Requirement(INSTANCE_TYPE, "NotIn", ("t3.micro",)), None),
        (Requirement(INSTANCE_TYPE, "Exists"), None),
        (Requirement("karpenter.k8s.aws/instance-gpu-count", "Gt", ("0",)), "(no such label)"),
        (Requirement(INSTANCE_TYPE, "DoesNotExist"), "on offer: c5.12xlarge"),
        (Requirement(INSTANCE_TYPE, "In", ("zzz",)), "on offer: c5.12xlarge"),
    ],
)
def test_what_is_on_offer_instead(line: Requirement, said: str | None) -> None:
    message = nothing_allowed(NodePool("p", requirements=Requirements.of(line)), builtin())

    assert (message is None) == (said is None)
    assert said is None or said in (message or "")


def test_lines_that_exclude_each_other() -> None:
    lines = Requirements.labels({INSTANCE_TYPE: "m5.large", "kubernetes.io/arch": "arm64"})
    pool = NodePool("p", requirements=lines)

    assert (nothing_allowed(pool, builtin()) or "").endswith(f"no type meets all of {lines}")
    assert nothing_allowed(pool, ()) == "NodePool p: its node class offers no instance types"


def test_a_label_of_the_pools_own_is_not_what_excludes_all_types() -> None:
    typo = Requirement(INSTANCE_TYPE, "In", ("m5.larg",))
    own = Requirement("a.example/team", "In", ("red", "blue"))
    pool = NodePool("p", requirements=Requirements.of(own, typo))

    assert (nothing_allowed(pool, builtin()) or "").endswith("did you mean 'm5.large'?")
    assert nothing_allowed(NodePool("p", requirements=Requirements.of(own)), builtin()) is None


def test_a_pool_allows_what_its_requirements_accept() -> None:
    asked = Requirements.of(Requirement(INSTANCE_TYPE, "In", ("t3.micro", "m5.large")))
    found = allowed_types(NodePool("p", requirements=asked), builtin())

    assert [each.name for each in found] == ["m5.large", "t3.micro"]


RATES = st.lists(
    st.builds(
        Rate,
        st.sampled_from([1.0, 2.0, 5.0]),
        st.tuples(st.integers(0, 8), st.integers(0, 8)),
        st.integers(0, 3),
    ),
    max_size=6,
)


@given(RATES)
def test_the_front_beats_everything_that_it_leaves_out(rates: list[Rate]) -> None:
    front = undominated(rates)
    for rate in rates:
        assert any(
            better.price <= rate.price
            and all(b >= r for b, r in zip(better.free, rate.free, strict=True))
            and better.accepts | rate.accepts == better.accepts
            for better in front
        )


@given(RATES, st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(1, 5))
def test_the_bound_is_below_any_price_for_the_same_pods(
    rates: list[Rate], need: tuple[int, int], count: int
) -> None:
    """Below "as many as fit on one kind of offer, again and again" for each offer."""
    bound = lower_bound([Demand(0, need, count)], rates, 2).usd_per_hour
    for rate in rates:
        fit = min(
            (have // want for have, want in zip(rate.free, need, strict=True) if want),
            default=count,
        )
        if rate.accepts & 1 and fit:
            assert bound <= rate.price * -(-count // fit) + 1e-9


def test_pods_that_stand_alone_cost_a_node_each() -> None:
    rates = [Rate(1.0, (10,), 1)]

    assert lower_bound([Demand(0, (1,), 5)], rates, 1).usd_per_hour == 1.0
    assert lower_bound([Demand(0, (1,), 5, alone=True)], rates, 1).usd_per_hour == 5.0
    assert lower_bound([Demand(0, (), 5)], [Rate(1.0, (), 1)], 0).usd_per_hour == 0.0
    assert lower_bound([Demand(0, (11,), 5)], rates, 1).usd_per_hour == 0.0


def test_a_plan_costs_what_its_nodes_cost() -> None:
    node = PlannedNode("n", "p", "t", "z", "spot", 0.25, ("t",), ())

    assert Plan(new_nodes=(node, node)).usd_per_hour == 0.5
