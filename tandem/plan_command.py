"""`tandem plan`: a dry run of provisioning over manifests."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from tandem.plan import plan_files, render


def main(paths: Sequence[Path], *, catalogue: Path | None, as_json: bool) -> int:
    """Print the plan; 0 when every pod has a place, 1 when one stays out, 2 on bad input."""
    report = plan_files(paths, catalogue=catalogue, clock=time.perf_counter)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
        for fault in report.faults:
            typer.echo(str(fault), err=True)
    else:
        render(report, Console())
    return report.exit_code
