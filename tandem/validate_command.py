"""`tandem validate`: the admission rules offline, all faults at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from eventscaler.admission import validate
from eventscaler.core.faults import Fault, Severity, errors
from tandem import files
from tandem.plan import count, study

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "bright_black"}


def main(paths: Sequence[Path], *, as_json: bool, strict: bool) -> int:
    """Print every fault; 0 when there is no error among them, 1 otherwise."""
    documents = files.read(paths)
    bodies = [document.body for document in documents]
    faults = [*validate(bodies, strict=strict), *_node_half(documents)]
    wrong = errors(tuple(faults))
    if as_json:
        found = [_json(fault) for fault in faults]
        typer.echo(json.dumps({"valid": not wrong, "objects": len(documents), "faults": found}))
    else:
        for fault in faults:
            label = typer.style(f"{fault.severity.value:8}", fg=STYLES[fault.severity])
            typer.echo(f"{label} {fault}")
        verdict = count(len(wrong), "fault") if wrong else "valid"
        typer.echo(f"{count(len(documents), 'object')}: {verdict}")
    return 1 if wrong else 0


def _node_half(documents: Iterable[files.Document]) -> list[Fault]:
    """What the node half cannot read, or allows no machine; by the rules of `tandem plan`."""
    world = study(documents)
    return [Fault(str(fault.where), "", fault.message) for fault in sorted(set(world.faults))]


def _json(fault: Fault) -> dict[str, str]:
    return {
        "severity": fault.severity.value,
        "path": fault.path,
        "found": fault.found,
        "want": fault.want,
    }
