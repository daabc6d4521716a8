"""What is wrong with good objects when they are held against each other and against the offer."""

from __future__ import annotations

from collections.abc import Sequence

from nodescaler.core.labels import Allowed
from nodescaler.core.model import InstanceType, NodePool
from nodescaler.core.pools import allowed_types, nothing_allowed
from nodescaler.core.resources import Resources, amount_text, largest
from nodescaler.core.settings import MinValuesPolicy
from tandem.files import InputFault
from tandem.plan.snapshot import bound
from tandem.plan.words import who
from tandem.plan.world import World


def check(world: World, types: Sequence[InstanceType], policy: MinValuesPolicy) -> None:
    """Add to *world* what is found.

    Args:
        world: what was read.
        types: the catalogue; nothing is held against an empty one.
        policy: whether too few types for a ``minValues`` are a fault or a note.
    """
    _check_nodes(world)
    if not types:
        return
    for where, pool in world.pools:
        barren = nothing_allowed(pool, types)
        if barren is not None:
            world.fault(where, barren)
            continue
        for text in _too_few(pool, types):
            if policy is MinValuesPolicy.STRICT:
                world.fault(where, f"{pool.kind} {pool.name}: {text}")
            else:
                world.note(where, f"{pool.kind} {pool.name}: {text}; launched all the same")
    world.faults += _oversized(world, types)


def _check_nodes(world: World) -> None:
    """Pods that run on a node which is not there."""
    known = {node.name for node in world.nodes}
    for node, pods in sorted(bound(world).items()):
        if node not in known:
            world.remark(f"Node {node} is not there; left out what runs on it: {who(pods)}")


def _too_few(pool: NodePool, types: Sequence[InstanceType]) -> list[str]:
    """Each requirement whose ``minValues`` is more than the catalogue can give."""
    allowed = allowed_types(pool, types)
    return [
        f"{key}: minValues: found '{want.min_values}'; "
        f"would do: at most {have}, as many as are on offer"
        for key, want in sorted(pool.requirements.items())
        if want.min_values is not None
        and (have := len(_values(key, want, allowed))) < want.min_values
    ]


def _values(key: str, want: Allowed, types: Sequence[InstanceType]) -> set[str]:
    """The values of a label on offer that the requirement takes."""
    found = {each.labels_of(offer).get(key) for each in types for offer in each.offerings}
    return {value for value in found if value is not None and value in want}


def _oversized(world: World, types: Sequence[InstanceType]) -> list[InputFault]:
    """Pods of files of which no machine has enough of some resource, to buy or already there."""
    sizes = [each.allocatable for each in types] + [dict(node.allocatable) for node in world.nodes]
    most = largest(sizes)
    return [
        InputFault(
            each.where,
            f"{each.title}: {each.path}.containers: {_too_much(each.pod.requests, most, name)}",
        )
        for each in world.samples
        if not each.pod.node_name
        for name in sorted(each.pod.requests)
        if each.pod.requests[name] > most.get(name, 0)
    ]


def _too_much(requests: Resources, most: Resources, name: str) -> str:
    have = amount_text(name, most.get(name, 0))
    return f"requests {amount_text(name, requests[name])}; the largest machine has {have}"
