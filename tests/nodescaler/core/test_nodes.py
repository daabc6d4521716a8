"""Nodes as arrays: what is free and who is there, as it is said of one node at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.demands import Volume
from nodescaler.core.labels import HOSTNAME
from nodescaler.core.model import NodeState, PodSpec, Snapshot
from nodescaler.core.nodes import nodes_of
from nodescaler.core.offers import ATTACH, UNLIMITED
from nodescaler.core.space import space_of
from nodescaler.core.taints import untolerated
from tests.nodescaler.core.strategies import clusters, snapshots
from tests.nodescaler.core.surroundings import DRIVER

NAMES = ("cpu", "memory", "pods", ATTACH + DRIVER)
EVERY = snapshots() | clusters()
EBS = f"{ATTACH}ebs"


@given(EVERY)
def test_the_room_of_all_is_the_room_of_each(snapshot: Snapshot) -> None:
    nodes = nodes_of(snapshot.nodes, snapshot.daemons, NAMES, snapshot.volumes)
    for n, state in enumerate(nodes.states):
        space = space_of(state, snapshot)
        attachable = space.attachable.get(DRIVER)
        if attachable is None:
            mounted = {
                v.handle
                for pod in space.pods
                for key in pod.volumes
                for v in [snapshot.volumes.get(key, Volume())]
                if v.driver == DRIVER
            }
            attachable = UNLIMITED - len(mounted)
        room = [space.free.get(name, 0) for name in NAMES[:3]]
        assert nodes.free[n].tolist() == [*room, attachable]
        assert sorted(p.key for p in nodes.residents[n]) == sorted(p.key for p in space.pods)
        assert nodes.columns.labels(n) == space.labels


@given(EVERY)
def test_those_that_run_come_first_then_by_name_and_those_that_go_are_left_out(
    snapshot: Snapshot,
) -> None:
    nodes = nodes_of(snapshot.nodes, snapshot.daemons, NAMES, snapshot.volumes)
    order = [(not state.initialised, state.name) for state in nodes.states]

    assert order == sorted(order)
    assert {s.name for s in nodes.states} == {s.name for s in snapshot.nodes if not s.deleting}
    assert nodes.usable.tolist() == [not state.unschedulable for state in nodes.states]


@given(EVERY, st.booleans())
def test_who_suits_the_taints_of_a_node(snapshot: Snapshot, hard_only: bool) -> None:
    nodes = nodes_of(snapshot.nodes, snapshot.daemons, NAMES, snapshot.volumes)
    for pod in snapshot.pods[:3]:
        suits = nodes.suits(pod.tolerations, hard_only=hard_only)
        for n, state in enumerate(nodes.states):
            taints = space_of(state, snapshot).taints
            good = not untolerated(taints, pod.tolerations)
            if not hard_only:
                good = all(any(t.tolerates(taint) for t in pod.tolerations) for taint in taints)
            assert suits[n] == good


@given(EVERY)
def test_a_fork_may_be_written_to(snapshot: Snapshot) -> None:
    nodes = nodes_of(snapshot.nodes, snapshot.daemons, NAMES, snapshot.volumes)
    before = nodes.free.copy()
    fork = nodes.forked()
    fork.free[:] = -1

    assert np.array_equal(nodes.free, before)
    assert fork.states is nodes.states


def test_a_volume_that_two_pods_mount_is_attached_once() -> None:
    pods = [PodSpec("shop", name, volumes=("shop/data",)) for name in ("a", "b")]
    done = replace(pods[0], name="c", volumes=("shop/other",), phase="Succeeded")
    volumes = {"shop/data": Volume(driver="ebs", handle="v"),
               "shop/other": Volume(driver="ebs", handle="w")}  # fmt: skip
    state = NodeState("n", pods=(*pods, done), attach_limits={"ebs": 5})
    nodes = nodes_of([state], (), (EBS,), volumes)

    assert nodes.free.tolist() == [[4]]
    assert nodes.handles == (frozenset({"v"}),)


def test_a_node_without_a_hostname_yet_is_known_by_its_name() -> None:
    nodes = nodes_of([NodeState("n"), NodeState("m", labels={HOSTNAME: "host-m"})], (), (), {})

    assert [nodes.columns.labels(n)[HOSTNAME] for n in range(2)] == ["host-m", "n"]
