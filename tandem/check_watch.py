"""`tandem check --watch`: one round after the other, each told in a line, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime

import typer

from eventscaler.core.faults import Fault, errors
from eventscaler.scaling.checked import Carried, CheckedTrigger, CheckReport
from kube.values import times
from kube.values.times import Now

Round = Callable[[Carried | None], Awaitable[CheckReport]]


async def watch(round_: Round, now: Now, *, every_s: float | None, as_json: bool) -> int:
    """Make rounds until cancelled; 2 when the first one refuses the manifest.

    *round_* makes one, with what the one before it remembers. *every_s* is from the start of one to
    that of the next; None for the manifest's pollingInterval.
    """
    clock = asyncio.get_running_loop().time
    carried: Carried | None = None
    told: tuple[Fault, ...] = ()
    while True:
        began = clock()
        report = await round_(carried)
        if report.faults != told and not as_json:
            told = report.faults
            for fault in told:
                typer.echo(f"{fault.severity.value}: {fault}")
        if errors(report.faults) and carried is None:
            if as_json:
                typer.echo(_json(report, now()))
            return 2
        carried = report.carried or carried
        typer.echo(_json(report, now()) if as_json else _line(report, now()))
        interval = report.polling_s if every_s is None else every_s
        await asyncio.sleep(max(0.0, began + interval - clock()))


def _json(report: CheckReport, at: datetime) -> str:
    return json.dumps({"time": times.seconds(at), **report.json()})


def _line(report: CheckReport, at: datetime) -> str:
    """Time, from -> to, what was read, and why."""
    what = "replicas" if report.jobs is None else "jobs"
    moved = f"{report.current_replicas} → {report.desired_replicas} {what}"
    read = ", ".join(_value(trigger) for trigger in report.triggers)
    failed = "".join(f"; {each.name}: {each.error}" for each in report.triggers if each.error)
    return f"{times.seconds(at)}  {moved}  {read}  {report.reason}{failed}"


def _value(trigger: CheckedTrigger) -> str:
    value = "no answer" if trigger.value is None else f"{trigger.value:g}"
    return f"{trigger.name}={value}"
