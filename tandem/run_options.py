"""Options of `tandem run` about HPAs, as typer reads them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tandem.offer import LISTEN


class ScaleWith(StrEnum):
    TANDEM = "tandem"
    HPA = "hpa"


Counts = Annotated[
    ScaleWith,
    typer.Option(help="Who counts from 1 to max where an object does not say: Tandem or HPAs."),
]
Listen = Annotated[
    str, typer.Option(help=f"Address of metrics for HPAs; {LISTEN} with --scale-with hpa.")
]
Service = Annotated[
    str, typer.Option(help="The Service by which the API server finds the metrics API.")
]
Certificates = Annotated[
    Path | None, typer.Option(help="Folder with tls.crt and tls.key; else made and published.")
]
Address = Annotated[
    str, typer.Option(help="Own IP, for the Service's EndpointSlice while leading.")
]
