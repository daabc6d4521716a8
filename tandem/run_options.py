"""Options of commands, most of them of `tandem run`, as typer reads them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nodescaler.core.settings import MinValuesPolicy, PreferencePolicy
from tandem.offer import LISTEN


class ScaleWith(StrEnum):
    TANDEM = "tandem"
    HPA = "hpa"


Watch = Annotated[
    str | None,
    typer.Option(
        metavar="[DURATION]",
        help="Again and again until Ctrl-C: each pollingInterval, or --watch=5s.",
    ),
]
ClusterName = Annotated[
    str,
    typer.Option(
        "--cluster-name", "--k8s-cluster-name", help="What CloudEvents call this cluster."
    ),
]
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
Preferences = Annotated[
    PreferencePolicy,
    typer.Option(
        envvar="PREFERENCE_POLICY",
        help="Honour preferred affinity and ScheduleAnyway while possible, or ignore them.",
    ),
]
MinValues = Annotated[
    MinValuesPolicy,
    typer.Option(
        envvar="MIN_VALUES_POLICY", help="What happens when too few types meet a minValues."
    ),
]
Budget = Annotated[
    str,
    typer.Option(envvar="PLAN_BUDGET", help="Work for a cheaper plan; 0: the fast one."),
]
Deadline = Annotated[
    str,
    typer.Option(envvar="PLAN_DEADLINE", help="Use what is planned after so long."),
]
NodeCost = Annotated[
    float,
    typer.Option(
        envvar="NODE_COST",
        help="USD/h added to each node: fewer, larger ones.",
    ),
]
Factors = Annotated[
    list[str] | None,
    typer.Option(
        envvar="PERFORMANCE_FACTOR",
        metavar="FAMILY=FACTOR",
        help="Work that a family's vCPU does, 1 being usual; repeat it.",
    ),
]
BatchIdle = Annotated[
    str,
    typer.Option(
        "--batch-idle-duration",
        "--batch-idle",
        envvar="BATCH_IDLE_DURATION",
        help="Plan when no pod came for so long; 0: at once.",
    ),
]
BatchMax = Annotated[
    str,
    typer.Option(
        "--batch-max-duration",
        "--batch-max",
        envvar="BATCH_MAX_DURATION",
        help="Plan at the latest so long after the first pod.",
    ),
]
EgressAllow = Annotated[
    list[str] | None,
    typer.Option(
        envvar="EGRESS_ALLOW",
        metavar="CIDR|HOST",
        help="Where triggers may connect to, and nowhere else; repeat it.",
    ),
]
EgressDeny = Annotated[
    list[str] | None,
    typer.Option(
        envvar="EGRESS_DENY",
        metavar="CIDR|HOST",
        help="Where they may not, beside link-local and metadata addresses; repeat it.",
    ),
]
TrustedVaults = Annotated[
    list[str] | None,
    typer.Option(
        envvar="TRUSTED_VAULT",
        metavar="URL",
        help="Vault that may be sent the operator's own token; * for any; repeat it.",
    ),
]
TrustedAzure = Annotated[
    list[str] | None,
    typer.Option(
        envvar="TRUSTED_AZURE_HOST",
        metavar="URL",
        help="Login or vault outside of Azure's own domains that may be sent tokens; repeat it.",
    ),
]
Refresh = Annotated[
    str,
    typer.Option(help="How long a value of a vault or a cloud is used at most; from 1m."),
]
