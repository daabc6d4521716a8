"""Which pods leave a node first, who is waited for, and what a deadline changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.drain import drain_step
from nodescaler.core.model import Owner, PodSpec
from nodescaler.core.taints import Toleration

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAEMON = Owner("DaemonSet", "agent")
WEB = PodSpec("shop", "web", node_name="n", phase="Running")
AGENT = PodSpec("shop", "agent", owner=DAEMON)
DNS = PodSpec("system", "dns", priority_class="system-cluster-critical")
CNI = PodSpec("system", "cni", priority_class="system-node-critical", owner=DAEMON)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_an_empty_node_is_drained() -> None:
    step = drain_step([], NOW)

    assert step.done
    assert step.reason == "no pod is left to evict"


def test_ordinary_pods_then_daemons_then_critical_pods_then_their_daemons() -> None:
    pods = [CNI, DNS, AGENT, WEB]
    order = []
    while pods:
        step = drain_step(pods, NOW)
        order += [pod.name for pod in step.evict]
        pods = [pod for pod in pods if pod not in step.evict]

    assert order == ["web", "agent", "dns", "cni"]


def test_a_tier_waits_for_the_one_before() -> None:
    leaving = replace(WEB, deletes_at=later(20))
    step = drain_step([leaving, AGENT], NOW)

    assert step.evict == ()
    assert step.waiting == (leaving, AGENT)
    assert step.reason == "1 still terminating"


def test_pods_that_nobody_waits_for() -> None:
    pods = [
        replace(WEB, mirror=True),
        replace(WEB, phase="Succeeded"),
        replace(WEB, tolerations=(Toleration("karpenter.sh/disrupted", "Exists"),)),
        replace(WEB, deletes_at=NOW - timedelta(minutes=2)),
    ]

    assert drain_step(pods, NOW).done


def test_a_protected_pod_holds_the_drain_open() -> None:
    step = drain_step([replace(WEB, protected_s=inf), replace(WEB, name="other")], NOW)

    assert [pod.name for pod in step.evict] == ["other"]
    assert step.reason == "evicting 1; shop/web must not be disrupted"


def test_protection_for_a_time_ends() -> None:
    started = replace(WEB, protected_s=60.0, started=NOW - timedelta(seconds=30))

    assert drain_step([started], NOW).evict == ()
    assert drain_step([started], later(31)).evict == (started,)


def test_a_deadline_forces_whoever_could_not_finish_in_time() -> None:
    slow = replace(WEB, grace_s=30.0, protected_s=inf)
    quick = replace(DNS, grace_s=5.0)
    step = drain_step([slow, quick], NOW, deadline=later(20))

    assert [(each.pod.name, each.grace_s) for each in step.force] == [("web", 20.0)]
    assert step.evict == (quick,)
    assert step.reason == "evicting 1; forcing 1"


def test_past_the_deadline_everything_gets_one_second() -> None:
    late = replace(WEB, deletes_at=later(600))
    step = drain_step([late, CNI], later(60), deadline=later(30))

    assert {each.grace_s for each in step.force} == {1.0}
    assert len(step.force) == 2


def test_a_pod_that_will_be_gone_in_time_is_left_alone() -> None:
    leaving = replace(WEB, deletes_at=later(10))

    assert drain_step([leaving], NOW, deadline=later(20)).force == ()


PODS = st.lists(
    st.builds(
        replace,
        st.sampled_from([WEB, AGENT, DNS, CNI]),
        name=st.sampled_from(["a", "b", "c", "d"]),
        deletes_at=st.none() | st.sampled_from([later(-90), later(5), later(900)]),
        protected_s=st.sampled_from([0.0, 60.0, inf]),
        mirror=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda pod: pod.key,
)


@given(PODS, st.none() | st.sampled_from([later(-5), later(10), later(300)]))
def test_every_pod_has_one_fate(pods: list[PodSpec], deadline: datetime | None) -> None:
    """Evicted, forced, waited for or skipped; never two of them, and never stuck in silence."""
    step = drain_step(pods, NOW, deadline=deadline)
    fates = [*step.evict, *(each.pod for each in step.force), *step.waiting]

    assert len({pod.key for pod in fates}) == len(fates)
    assert {pod.key for pod in fates} <= {pod.key for pod in pods}
    assert step.done == (not fates)
    assert step.reason
    assert drain_step(reversed(pods), NOW, deadline=deadline) == step


def test_a_grace_period_longer_than_time_itself_is_over_at_once() -> None:
    endless = replace(WEB, grace_s=float(2**63 - 1))
    step = drain_step([endless], NOW, deadline=later(60))

    assert [(each.pod, each.grace_s) for each in step.force] == [(endless, 60.0)]
