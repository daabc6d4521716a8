"""Rows of the kinds that own pods.

Source: the printers of kube-apiserver 1.37 (facts, checked by tests/contract)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tandem.sandbox.printing.ages import UNKNOWN, age, human, parse_time
from tandem.sandbox.printing.selectors import selector_text
from tandem.sandbox.status import Json

NONE = "<none>"


def born(obj: Json, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def parts(obj: Json) -> tuple[str, Json, Json]:
    return obj["metadata"]["name"], obj.get("spec") or {}, obj.get("status") or {}


def images(spec: Json) -> list[str]:
    found = ((spec.get("template") or {}).get("spec") or {}).get("containers") or []
    return [
        ",".join(each["name"] for each in found),
        ",".join(each.get("image", "") for each in found),
    ]


def shown_selector(spec: Json) -> str:
    return selector_text(spec.get("selector") or {}) or NONE


def deployment(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    return [name, ready, updated, available, born(obj, now), *images(spec), shown_selector(spec)]


def replica_set(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [name, *counts, born(obj, now), *images(spec), shown_selector(spec)]


def stateful_set(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [name, ready, born(obj, now), *images(spec)]


def daemon_set(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    node = ((spec.get("template") or {}).get("spec") or {}).get("nodeSelector") or {}
    shown = ",".join(f"{key}={value}" for key, value in sorted(node.items())) or NONE
    counts = [status.get(each, 0) for each in names]
    return [name, *counts, shown, born(obj, now), *images(spec), shown_selector(spec)]


def job(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    return [
        name,
        _job_state(status, spec),
        _completions(spec, status),
        _lasted(status, now),
        born(obj, now),
        *images(spec),
        shown_selector(spec),
    ]


def _job_state(status: Json, spec: Json) -> str:
    true = {each["type"] for each in status.get("conditions") or () if each["status"] == "True"}
    for condition in ("Complete", "Failed", "Suspended"):
        if condition in true:
            return condition
    for condition, shown in (("FailureTarget", "FailureTarget"), ("SuccessCriteriaMet",) * 2):
        if condition in true:
            return shown
    return "Suspended" if spec.get("suspend") else "Running"


def _completions(spec: Json, status: Json) -> str:
    done = status.get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    wide = spec.get("parallelism") or 0
    return f"{done}/1 of {wide}" if wide > 1 else f"{done}/1"


def _lasted(status: Json, now: datetime) -> str:
    if not status.get("startTime"):
        return ""
    end = parse_time(status["completionTime"]) if status.get("completionTime") else now
    return human(end - parse_time(status["startTime"]))


def cron_job(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    last = status.get("lastScheduleTime")
    nested = (spec.get("jobTemplate") or {}).get("spec") or {}
    return [
        name,
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        bool(spec.get("suspend")),
        len(status.get("active") or ()),
        age(last, now) if last else NONE,
        born(obj, now),
        *images(nested),
        shown_selector(nested),
    ]


def budget(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    low, high = spec.get("minAvailable"), spec.get("maxUnavailable")
    bounds = ["N/A" if each is None else str(each) for each in (low, high)]
    return [name, *bounds, status.get("disruptionsAllowed", 0), born(obj, now)]


def autoscaler(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    target = spec.get("scaleTargetRef") or {}
    return [
        name,
        f"{target.get('kind')}/{target.get('name')}",
        f"{UNKNOWN}/{len(spec.get('metrics') or ())} metrics",
        str(spec.get("minReplicas", UNKNOWN)),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        born(obj, now),
    ]
