"""`tandem plan`: a dry run of provisioning over manifests, a live cluster, or both."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console

from kube.errors import KubeError
from tandem.clock import now
from tandem.errors import BadInput
from tandem.files import scan
from tandem.plan import (
    Flags,
    PlanReport,
    check_families,
    count,
    plan_world,
    read_options,
    render,
    study,
)
from tandem.plan.catalogues import AWS, read
from tandem.plan.cluster import Live, read_cluster
from tandem.plan.progress import Deaf, Say, beside, progress
from tandem.plan.report import NOTHING_LIVE

INTERRUPTED = 130
NOTHING = "nothing to plan; would do: --file FILE, or --from-cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asked for.

    Attributes:
        catalogue: "built-in", "aws", or a file.
    """

    paths: Sequence[Path] = ()
    from_cluster: bool = False
    kubeconfig: str | None = None
    context: str | None = None
    catalogue: str = "built-in"
    flags: Flags = field(default_factory=Flags)
    as_json: bool = False


def main(order: Order) -> int:
    """Print the plan; 0 when every pod has a place, 1 when one stays out, 2 on bad input."""
    try:
        with progress(Console(stderr=True)) as say:
            report = _report(order, say)
    except KeyboardInterrupt as error:
        typer.echo("stopped", err=True)
        if isinstance(error, Deaf):  # a solver amid its work would crash the interpreter's end
            os._exit(INTERRUPTED)
        return INTERRUPTED
    if order.as_json:
        typer.echo(json.dumps(report.to_json()))
        for line in (*(f"note: {note}" for note in report.notes), *map(str, report.faults)):
            typer.echo(line, err=True)
    else:
        render(report, Console(highlight=False))
    return report.exit_code


def _report(order: Order, say: Say) -> PlanReport:
    if not order.paths and not order.from_cluster:
        raise BadInput(NOTHING)
    if not order.from_cluster and (order.kubeconfig or order.context):
        raise BadInput("--kubeconfig, --context: they are for --from-cluster, which is not given")
    options = read_options(order.flags)
    say("asking AWS for machines and prices" if order.catalogue == AWS else "reading the catalogue")
    catalogue = read(order.catalogue, now=now)
    check_families(options.settings, catalogue.types)
    live = _live(order, say)
    say("reading the manifests")
    policy = options.settings.min_values
    world = study(scan(order.paths), live=live, catalogue=catalogue, min_values=policy)
    say(f"planning {count(len(world.pods) + len(world.live), 'pod')}")
    return beside(
        lambda stopped: plan_world(
            world,
            catalogue=catalogue,
            options=options,
            clock=time.perf_counter,
            now=now(),
            stopped=stopped.is_set,
        )
    )


def _live(order: Order, say: Say) -> Live:
    if not order.from_cluster:
        return NOTHING_LIVE
    say("reading the cluster")
    try:
        return read_cluster(order.kubeconfig, order.context)
    except KubeError as error:  # exit code 1 is for pods that stay out
        raise BadInput(f"--from-cluster: {error}") from error
