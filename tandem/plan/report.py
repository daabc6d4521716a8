"""The plan for what was read, with what was wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.model import Plan, Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import MinValuesPolicy
from tandem.files import Found, InputFault, scan
from tandem.plan.catalogues import Catalogue
from tandem.plan.checks import check
from tandem.plan.cluster import Live, kept
from tandem.plan.inputs import gather
from tandem.plan.manifests import read_world
from tandem.plan.options import Options
from tandem.plan.snapshot import snapshot_of
from tandem.plan.world import World

Json = dict[str, Any]

DONE, NO, BAD_INPUT = 0, 1, 2
NOTHING_LIVE = Live(namespace="default")
USUAL = Options()


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What is printed.

    Attributes:
        seconds: how long planning took.
    """

    plan: Plan
    snapshot: Snapshot
    seconds: float
    faults: tuple[InputFault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 for bad input, 1 when a pod has no place, else 0."""
        if self.faults:
            return BAD_INPUT
        return NO if self.plan.unschedulable else DONE

    def to_json(self) -> Json:
        """The object of design.md, section 1."""
        plan = self.plan
        return {
            "newNodes": [
                {
                    "name": node.name,
                    "nodePool": node.pool,
                    "instanceType": node.instance_type,
                    "zone": node.zone,
                    "capacityType": node.capacity_type,
                    "pricePerHour": node.usd_per_hour,
                    "instanceTypeOptions": list(node.instance_types),
                    "pods": [pod.key for pod in node.pods],
                }
                for node in plan.new_nodes
            ],
            "existingNodes": [
                {"name": placement.node, "pods": [pod.key for pod in placement.pods]}
                for placement in plan.existing
            ],
            "unschedulable": [
                {"pod": each.pod.key, "reason": each.reason} for each in plan.unschedulable
            ],
            "pricePerHour": round(plan.usd_per_hour, 6),
            "lowerBoundPerHour": round(plan.lower_bound_per_hour, 6),
            "firstFitPerHour": round(plan.first_fit_per_hour, 6),
            "relaxed": list(plan.relaxed),
            "partial": plan.is_partial,
            "seconds": round(self.seconds, 6),
            "method": plan.method,
        }


def study(
    found: Iterable[Found],
    *,
    live: Live = NOTHING_LIVE,
    catalogue: Catalogue | None = None,
    min_values: MinValuesPolicy = MinValuesPolicy.STRICT,
) -> World:
    """Read everything and hold it against the offer; what is wrong is in the world's faults.

    Args:
        found: documents of files, and what could not be read as one.
        live: what a cluster has; files come first.
        catalogue: what can be bought; the built-in catalogue without it.
        min_values: whether too few types for a ``minValues`` are a fault.
    """
    offer = catalogue or Catalogue(builtin())
    given = gather(found, namespace=live.namespace)
    pods = list(kept(live, given.documents.keys()))
    world = read_world(given.joined(live.documents), pods)
    for note in live.notes:
        world.remark(note)
    world.faults += offer.faults
    for note in offer.notes:
        world.remark(note)
    check(world, offer.types, min_values)
    return world


def plan_world(
    world: World,
    *,
    catalogue: Catalogue | None = None,
    options: Options = USUAL,
    clock: Callable[[], float],
    now: datetime,
    stopped: Callable[[], bool] = lambda: False,
) -> PlanReport:
    """Plan what is good in *world*.

    Args:
        world: from `study`.
        catalogue: as there.
        options: how.
        clock: seconds, to time the planning alone.
        now: what is protected for a while is so at this moment.
        stopped: nobody waits for the plan any more.
    """
    offer = catalogue or Catalogue(builtin())
    snapshot = snapshot_of(world, offer.types, now)
    began = clock()

    def stop() -> bool:
        late = options.timeout_s is not None and clock() - began >= options.timeout_s
        return late or stopped()

    plan = pack(snapshot, options.settings, stop)
    seconds = clock() - began
    notes = (*(str(note) for note in sorted(set(world.notes))), *plan.notes)
    return PlanReport(plan, snapshot, seconds, tuple(sorted(set(world.faults))), notes)


def plan_documents(
    found: Iterable[Found],
    *,
    clock: Callable[[], float],
    now: datetime,
    catalogue: Catalogue | None = None,
    options: Options = USUAL,
    live: Live = NOTHING_LIVE,
) -> PlanReport:
    """`study` and `plan_world` at once."""
    policy = options.settings.min_values
    world = study(found, live=live, catalogue=catalogue, min_values=policy)
    return plan_world(world, catalogue=catalogue, options=options, clock=clock, now=now)


def plan_files(
    paths: Iterable[Path],
    *,
    clock: Callable[[], float],
    now: datetime,
    catalogue: Catalogue | None = None,
    options: Options = USUAL,
) -> PlanReport:
    """Read the manifests in *paths* and plan; see `plan_documents`."""
    found = scan(paths)
    return plan_documents(found, clock=clock, now=now, catalogue=catalogue, options=options)
