"""What a static pool's claims are called, and the node that each of them asks for.

Each node of such a pool has a number, from 1 up, and the number decides the claim's name: asked
twice, also by a process that knows nothing of the first, the same claim is meant.

Pure. Limits: a name comes back when its claim has gone and there is one to make.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nodescaler.core.labels import HOSTNAME
from nodescaler.core.model import DaemonSpec, InstanceType, NodePool, PlannedNode
from nodescaler.core.names import name_for
from nodescaler.core.resources import Resources, fits, total
from nodescaler.core.space import expected_daemons
from nodescaler.core.taints import hard
from nodescaler.core.variants import templates


def new_names(pool: NodePool, taken: Collection[str], how_many: int) -> tuple[str, ...]:
    """The names of the next claims: those of the lowest numbers that no claim has.

    Args:
        pool: its UID is in the names, so that a pool of the same name that comes later never takes
            a claim of the earlier one for its own.
        taken: names of all claims of the cluster, also those that are being deleted.
        how_many: of them.
    """
    used, names, number = set(taken), list[str](), 0
    while len(names) < how_many:
        number += 1
        name = static_name(pool, number)
        if name not in used:
            used.add(name)  # two numbers may, rarely, share a name
            names.append(name)
    return tuple(names)


def static_name(pool: NodePool, number: int) -> str:
    return name_for(pool.name, "static", pool.uid or pool.name, str(number))


def static_node(
    pool: NodePool, types: Sequence[InstanceType], daemons: Sequence[DaemonSpec]
) -> PlannedNode:
    """The node that *pool* asks for when no pod does: as its template says, nothing narrowed.

    Its requests are those of the daemons that would run on the cheapest offering that holds them,
    so that the cloud, which chooses the type, takes none that is full from the start.
    """
    labels = {k: v for k, v in templates(pool, ())[0].labels.items() if k != HOSTNAME}
    return PlannedNode(
        name="",
        pool=pool.name,
        instance_type="",
        zone="",
        capacity_type="",
        usd_per_hour=0.0,
        instance_types=(),
        pods=(),
        requirements=pool.requirements,
        labels=labels,
        taints=pool.taints,
        startup_taints=pool.startup_taints,
        requests=_daemons_of_cheapest(pool, labels, types, daemons),
    )


def _daemons_of_cheapest(
    pool: NodePool,
    own: Mapping[str, str],
    types: Sequence[InstanceType],
    daemons: Sequence[DaemonSpec],
) -> Resources:
    """What the daemons of the cheapest sufficient offering ask for; nothing where none suffices."""
    best: tuple[float, str, str, str] | None = None
    needs: Resources = {}
    for each in types:
        for offering in each.offerings:
            rank = (offering.usd_per_hour, each.name, offering.zone, offering.capacity_type)
            labels = {**own, **each.labels_of(offering)}
            dearer = best is not None and rank >= best
            if dearer or not offering.available or not pool.requirements.accepts(labels):
                continue
            running = expected_daemons(daemons, labels, hard(pool.taints))
            asked = total(pod.requests for pod in running)
            if fits(asked, each.allocatable):
                best, needs = rank, asked
    return needs
