"""`tandem check`: every trigger of one object read once, for real; nothing is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from eventscaler.core.faults import Severity
from eventscaler.scaled_jobs.check import check as check_jobs
from eventscaler.scaling.check import check
from eventscaler.scaling.checked import Carried, CheckReport
from kube.client import Client, Json
from kube.config import ConfigError, connect, load
from scalers.io import IO
from tandem import files, flags
from tandem.check_watch import Round
from tandem.check_watch import watch as watch_rounds
from tandem.clock import now
from tandem.credentials import auth_settings, io_settings
from tandem.errors import BadInput

POLLING = "pollingInterval"
CHECKS = {"ScaledObject": check, "ScaledJob": check_jobs}


def main(
    paths: Sequence[Path],
    *,
    kubeconfig: str | None,
    context: str | None,
    as_json: bool,
    watch: str | None = None,
) -> int:
    """Print what was read and what would follow; 1 when a trigger gave no answer.

    *watch* is a length of time, or `POLLING`: then rounds are made until Ctrl-C, which is 0.
    """
    bodies = [document.body for document in files.read(paths)]
    orders = [body for body in bodies if body["kind"] in CHECKS]
    if len(orders) != 1:
        found = f"{len(orders)} ScaledObjects and ScaledJobs"
        raise BadInput(f"--file: found {found}; would do: exactly one")
    others = [body for body in bodies if body is not orders[0]]
    if watch is not None:
        every_s = None if watch == POLLING else flags.seconds("--watch", watch, zero=False)
        with suppress(KeyboardInterrupt):
            return asyncio.run(_watch(orders[0], others, kubeconfig, context, every_s, as_json))
        return 0
    report = asyncio.run(_check(orders[0], others, kubeconfig, context))
    if as_json:
        typer.echo(json.dumps(report.json()))
    else:
        _show(report)
    if any(fault.severity is Severity.ERROR for fault in report.faults):
        return 2
    return 0 if report.ok else 1


async def _check(
    body: Json, others: list[Json], kubeconfig: str | None, context: str | None
) -> CheckReport:
    async with _rounds(body, others, kubeconfig, context) as round_:
        return await round_(None)


async def _watch(  # what the command line says
    body: Json,
    others: list[Json],
    kubeconfig: str | None,
    context: str | None,
    every_s: float | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    async with _rounds(body, others, kubeconfig, context) as round_:
        return await watch_rounds(round_, now, every_s=every_s, as_json=as_json)


@asynccontextmanager
async def _rounds(
    body: Json, others: list[Json], kubeconfig: str | None, context: str | None
) -> AsyncIterator[Round]:
    """What makes one round, with connections that stay open for the next."""
    async with AsyncExitStack() as stack:
        client, namespace = None, "tandem"
        try:
            config = await load(kubeconfig, context)
        except ConfigError as error:
            if kubeconfig or context:
                raise BadInput(str(error)) from error
        else:
            transport = connect(config)
            stack.push_async_callback(transport.close)
            client, namespace = Client(transport), config.namespace
        io = IO(now=now, kube=client, settings=io_settings())
        stack.push_async_callback(io.close)
        auth = auth_settings(namespace)
        checked = CHECKS[body["kind"]]

        async def made(before: Carried | None) -> CheckReport:
            return await checked(body, io, client=client, others=others, auth=auth, before=before)

        yield made


def _show(report: CheckReport) -> None:
    console = Console(highlight=False)
    for fault in report.faults:
        console.print(f"{fault.severity.value}: {fault}", soft_wrap=True, markup=False)
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("trigger", "type", "value", "target", "active"):
        table.add_column(column, no_wrap=True)
    for trigger in report.triggers:
        value = "no answer" if trigger.value is None else f"{trigger.value:g}"
        one = "replica" if report.jobs is None else "job"
        unit = f" a {one}" if trigger.metric_type == "AverageValue" else ""
        active = {True: "yes", False: "no", None: "unknown"}[trigger.active]
        target = f"{trigger.target:g}{unit}"
        table.add_row(trigger.name, trigger.type, value, target, active)
    if not report.triggers:
        return
    console.print(table)
    for trigger in report.triggers:
        if trigger.error:
            console.print(f"{trigger.name}: {trigger.error}", soft_wrap=True, markup=False)
    what = "replicas" if report.jobs is None else "jobs in flight"
    moved = f"{report.current_replicas} → {report.desired_replicas} {what}"
    console.print(f"{moved}: {report.reason}", soft_wrap=True, markup=False)
    for name in report.jobs.delete if report.jobs else ():
        console.print(f"to delete: {name}", soft_wrap=True, markup=False)
