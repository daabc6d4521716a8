"""The arrays of a snapshot, as `core.packing` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodescaler.core.asks import Ask, ask_of, wishes_of
from nodescaler.core.batch import resource_names
from nodescaler.core.classes import PodClass, classes_of
from nodescaler.core.groups import Groups, groups_of
from nodescaler.core.model import DaemonSpec, Snapshot
from nodescaler.core.nodes import Nodes, nodes_of
from nodescaler.core.offers import Offers, Wanted, offers_of
from nodescaler.core.settings import PackSettings, PreferencePolicy


@dataclass(frozen=True)
class Arrays:
    """Everything that there is to plan with, before anything is planned."""

    snapshot: Snapshot
    rows: list[tuple[PodClass, Ask]]
    names: tuple[str, ...]
    daemons: tuple[DaemonSpec, ...]
    nodes: Nodes
    offers: Offers
    groups: Groups


def arrays(snapshot: Snapshot) -> Arrays:
    others = [pod for node in snapshot.nodes for pod in node.pods]
    classes = classes_of(snapshot.pods, others, snapshot.volumes)
    names = resource_names(classes)
    rows = [
        (each, ask_of(each, wishes_of(each.sample, PreferencePolicy.RESPECT, ())))
        for each in classes
    ]
    daemons = tuple(sorted(snapshot.daemons, key=lambda each: (each.namespace, each.name)))
    nodes = nodes_of(snapshot.nodes, daemons, names, snapshot.volumes)
    offers = sold(snapshot, names)
    pods = [daemon.pod for daemon in daemons]
    groups = groups_of(rows, nodes, offers, pods, snapshot.namespaces)
    return Arrays(snapshot, rows, names, daemons, nodes, offers, groups)


def sold(
    snapshot: Snapshot, names: Sequence[str] = ("cpu", "memory", "pods"),
    settings: PackSettings | None = None,
) -> Offers:  # fmt: skip
    """What the pools of *snapshot* could buy."""
    asked = tuple(terms for pod in snapshot.pods for terms in pod.alternatives)
    daemons = sorted(snapshot.daemons, key=lambda each: (each.namespace, each.name))
    chosen = settings or PackSettings()
    wanted = Wanted(tuple(names), asked)
    return offers_of(snapshot.pools, snapshot.types, daemons, wanted, chosen)
