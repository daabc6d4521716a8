"""Pods that a plan leaves out although they could go somewhere: completeness, by brute force.

Not everything that is found is wrong: what a claim may become can rule a place out that one machine
alone would offer, and the zone of one node can hang on that of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nodescaler.core.model import NodePool, Plan, PodSpec, Snapshot
from tests.nodescaler.core.rules import HOST, World, matches, refusal
from tests.nodescaler.core.staging import (
    Launch,
    every_launch,
    fresh,
    placed,
    usable,
    world_after,
)
from tests.nodescaler.core.validator import held, spent, too_few


def missed(snapshot: Snapshot, plan: Plan) -> list[str]:
    """Pods that stay out although they could go somewhere after the plan, alone.

    Gangs are left out: one pod of them alone is no plan. So are plans that a deadline cut short.
    """
    found: list[str] = []
    for each in () if plan.is_partial else plan.unschedulable:
        if each.pod.gang is None:
            where = next(_homes(snapshot, plan, each.pod), None)
            found += [f"{each.pod.key} would do on {where} ({each.reason})"] if where else []
    return found + list(_unfair(snapshot, plan))


def _homes(snapshot: Snapshot, plan: Plan, pod: PodSpec) -> Iterator[str]:
    world = world_after(snapshot, plan)
    for other, name in placed(plan):
        world.places[name].pods.append(other)
    cordoned = {node.name for node in snapshot.nodes if node.unschedulable}
    for name in sorted(set(world.places) - cordoned):
        if refusal(world, pod, world.places[name]) is None:
            yield name
    for pool in usable(snapshot):
        good = _affordable(snapshot, plan, pool)
        would = [each for each in good if _would_do(snapshot, world, pool, each, pod)]
        for one_kind in _claims(would):
            if not too_few(pool, one_kind):
                names = {(each.type.name, each.offering.zone) for each in one_kind}
                yield f"a new node of {pool.name}: {min(names)}"


def _claims(would: list[Launch]) -> list[list[Launch]]:
    """What one claim may list together: a claim that draws on a reservation lists nothing else."""
    kinds = sorted({each.offering.reservation for each in would})
    return [[each for each in would if each.offering.reservation == kind] for kind in kinds]


def _affordable(snapshot: Snapshot, plan: Plan, pool: NodePool) -> Iterator[Launch]:
    used, drawn = spent(snapshot, plan, pool), held(snapshot, plan)
    for own in _open_labels(pool, snapshot):
        for launch in every_launch(snapshot, pool.name, {**own, HOST: "one-more"}):
            offering, have = launch.offering, {**launch.type.capacity, "nodes": 1}
            over = any(used[n] + have.get(n, 0) > limit for n, limit in pool.limits.items())
            gone = offering.count is not None and drawn[offering.reservation] >= offering.count
            if not over and not gone and matches(pool.requirements, launch.labels):
                yield launch


def _open_labels(pool: NodePool, snapshot: Snapshot) -> Iterator[dict[str, str]]:
    """The pool's own labels, and each value that one of its requirements leaves open in turn."""
    fixed = {"karpenter.sh/nodepool": pool.name, **pool.labels}
    known = {key for each in snapshot.types.get(pool.name, ()) for key in each.labels}
    choices = [fixed]
    for key, allowed in pool.requirements.items():
        if key not in fixed and key not in known and "/" not in key and not allowed.complement:
            values = sorted(allowed.values)
            choices = [{**each, key: value} for each in choices for value in values]
    yield from choices


def _would_do(
    snapshot: Snapshot, world: World, pool: NodePool, launch: Launch, pod: PodSpec
) -> bool:
    place = fresh(snapshot, "one-more", pool.taints, launch)
    more = World({**world.places, place.name: place}, world.namespaces, world.volumes)
    return refusal(more, pod, place) is None


def _unfair(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """A pod stays out while one that asks the same and matters less has a place."""

    def asks(pod: PodSpec) -> PodSpec:
        return replace(pod, name="", uid="", priority=0)

    for each in plan.unschedulable:
        for pod, _ in placed(plan):
            if pod.priority < each.pod.priority and asks(pod) == asks(each.pod):
                yield f"{each.pod.key} stays out, while {pod.key} of lower priority is placed"
