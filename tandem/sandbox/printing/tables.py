"""Columns and rows of any resource: a printer of its own, the CRD's columns, or name and age.

In `_PRINTERS` each column is a word; `*` marks those that `-o wide` shows, `#` integers,
`?` booleans; `_` is a space.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from tandem.sandbox.printing import others, pods, workloads
from tandem.sandbox.printing.ages import age
from tandem.sandbox.printing.jsonpath import find, text_of
from tandem.sandbox.registry import Served
from tandem.sandbox.status import Json

Printer = Callable[[Json, datetime], list[Any]]

_NODE = (
    "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* "
    "Container-Runtime*"
)
_CLAIM = (
    "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode*"
)
_VOLUME = (
    "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass "
    "VolumeAttributesClass Reason Age VolumeMode*"
)
_OWNER = "Containers* Images* Selector*"
_PRINTERS: Mapping[str, tuple[str, Printer]] = {
    "pods": (
        "Name Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*",
        pods.cells,
    ),
    "nodes": (
        _NODE,
        others.node,
    ),
    "namespaces": ("Name Status Age", others.namespace),
    "events": (
        "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* Name*",
        others.event,
    ),
    "configmaps": ("Name Data Age", others.config_map),
    "secrets": ("Name Type Data Age", others.secret),
    "serviceaccounts": ("Name Age", others.service_account),
    "services": ("Name Type Cluster-IP External-IP Port(s) Age Selector*", others.service),
    "persistentvolumeclaims": (
        _CLAIM,
        others.claim,
    ),
    "persistentvolumes": (
        _VOLUME,
        others.volume,
    ),
    "deployments.apps": (f"Name Ready Up-to-date# Available# Age {_OWNER}", workloads.deployment),
    "replicasets.apps": (f"Name Desired# Current# Ready# Age {_OWNER}", workloads.replica_set),
    "replicationcontrollers": (
        f"Name Desired# Current# Ready# Age {_OWNER}",
        workloads.replica_set,
    ),
    "statefulsets.apps": ("Name Ready Age Containers* Images*", workloads.stateful_set),
    "daemonsets.apps": (
        f"Name Desired# Current# Ready# Up-to-date# Available# Node_Selector Age {_OWNER}",
        workloads.daemon_set,
    ),
    "jobs.batch": (f"Name Status Completions Duration Age {_OWNER}", workloads.job),
    "cronjobs.batch": (
        f"Name Schedule Timezone Suspend? Active# Last_Schedule Age {_OWNER}",
        workloads.cron_job,
    ),
    "poddisruptionbudgets.policy": (
        "Name Min_Available Max_Unavailable Allowed_Disruptions# Age",
        workloads.budget,
    ),
    "horizontalpodautoscalers.autoscaling": (
        "Name Reference Targets MinPods MaxPods Replicas Age",
        workloads.autoscaler,
    ),
    "leases.coordination.k8s.io": ("Name Holder Age", others.lease),
    "storageclasses.storage.k8s.io": (
        "Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
        others.storage_class,
    ),
    "priorityclasses.scheduling.k8s.io": (
        "Name Value# Global-Default? Age PreemptionPolicy",
        others.priority_class,
    ),
}
_TYPES = {"#": "integer", "?": "boolean"}


def column_definitions(served: Served) -> list[Json]:
    found = _PRINTERS.get(served.kind.qualified)
    if found is not None:
        return builtin_columns(found[0])
    if served.columns:
        return [_column("Name", "string", form="name"), *map(_custom_column, served.columns)]
    if served.kind.custom:
        return [_column("Name", "string", form="name"), _column("Age", "date")]
    return [_column("Name", "string", form="name"), _column("Created At", "date")]


@cache
def builtin_columns(words: str) -> list[Json]:
    """Read the short notation of `_PRINTERS`.

    >>> [(c["name"], c["type"], c["priority"]) for c in builtin_columns("Name Count#*")]
    [('Name', 'string', 0), ('Count', 'integer', 1)]
    """
    columns: list[Json] = []
    for word in words.split():
        bare = word.rstrip("*#?")
        marks = word[len(bare) :]
        kind = next((_TYPES[mark] for mark in marks if mark in _TYPES), "string")
        form = "name" if bare == "Name" else ""
        columns.append(_column(bare.replace("_", " "), kind, form=form, priority="*" in marks))
    return columns


def _column(name: str, kind: str, *, form: str = "", priority: int = 0, text: str = "") -> Json:
    return {
        "name": name,
        "type": kind,
        "format": form,
        "description": text,
        "priority": int(priority),
    }


def _custom_column(column: Json) -> Json:
    return _column(
        column["name"],
        column["type"],
        form=column.get("format") or "",
        priority=column.get("priority") or 0,
        text=column.get("description") or "",
    )


def table_row(served: Served, obj: Json, now: datetime) -> list[Any]:
    found = _PRINTERS.get(served.kind.qualified)
    if found is not None:
        return found[1](obj, now)
    metadata = obj["metadata"]
    if served.columns:
        return [metadata["name"], *(_custom_cell(each, obj, now) for each in served.columns)]
    if served.kind.custom:
        return [metadata["name"], age(metadata["creationTimestamp"], now)]
    return [metadata["name"], metadata["creationTimestamp"]]


def _custom_cell(column: Json, obj: Json, now: datetime) -> Any:
    """Give a cell of the column's type; what is missing or of another type is null."""
    values = find(obj, column["jsonPath"])
    if not values:
        return None
    value, kind = values[0], column["type"]
    if kind == "date":
        return age(value, now)
    if kind == "string":
        return _joined(values)
    return _typed(value, kind)


def _joined(values: list[Any]) -> Any:
    """Several findings are shown side by side."""
    if len(values) == 1 and isinstance(values[0], dict | list):
        return msgspec.json.encode(values[0]).decode()
    return " ".join("" if value is None else text_of(value) for value in values)


def _typed(value: Any, kind: str) -> Any:
    wanted = {"integer": int, "number": int | float, "boolean": bool}[kind]
    fits = isinstance(value, wanted) and (kind == "boolean" or not isinstance(value, bool))
    return value if fits else None
