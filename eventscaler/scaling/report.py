"""What a round is reported as: the new `Status`, its JSON, and the patch from what was there.

Pure functions; the engine writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from eventscaler.core.journal import last_decision
from eventscaler.core.model import COMPOSITE, Reading
from eventscaler.core.status import Problem, Status, conditions
from eventscaler.decode import ScaledObject
from eventscaler.decode.trigger_body import PASSIVE
from eventscaler.readings import Asked
from eventscaler.scaling.sample import Round
from kube.client import Json
from kube.values import times
from kube.values.conditions import write

REFRESH_S = 30.0  # how far a message may lag behind


def status_after(
    was: Status,
    order: ScaledObject,
    asked: Sequence[Asked],
    done: Round,
    now: datetime,
    *,
    cautions: Sequence[str] = (),
) -> Status:
    """The status of *order* after *done*; *cautions* are told with Ready."""
    decision = done.decision
    pause = order.settings.pause
    status = replace(
        was,
        conditions=conditions(
            was.conditions, decision, done.problem, now, cautions, one_way=_one_way(order)
        ),
        paused_replicas=pause.replicas if pause else None,
        metric_names=metric_names(was, asked),
        resource_names=tuple(each for each in order.types if each in PASSIVE),
        triggers_types=",".join(order.types),
        authentications_types=",".join(order.auth_kinds),
        composite_name=COMPOSITE if order.composed else "",
    )
    if decision is None:
        return status
    original = decision.current if was.original_replicas is None else was.original_replicas
    return replace(
        status,
        last_active=decision.last_active,
        failures=tuple(sorted(decision.failures.items())),
        last_decision=last_decision(was.last_decision, done.entry) if done.entry else None,
        original_replicas=original,
        activity=activity(was, asked, decision.readings),
    )


def _one_way(order: ScaledObject) -> str:
    """The directions that an annotation closes."""
    closed = (("scale-in", order.settings.keep_in), ("scale-out", order.settings.keep_out))
    return " and ".join(name for name, kept in closed if kept)


def bare_status(was: Status, problem: Problem, now: datetime) -> Status:
    """The status of an object whose manifest is refused."""
    return replace(was, conditions=conditions(was.conditions, None, problem, now))


def metric_names(was: Status, asked: Sequence[Asked]) -> tuple[str, ...]:
    """As bound now; while paused, or while credentials are missing, as known before."""
    if asked and all(one.trigger for one in asked):
        return tuple(one.trigger.metric_name for one in asked if one.trigger and not one.passive)
    return was.metric_names


def activity(
    was: Status, asked: Sequence[Asked], readings: Sequence[Reading]
) -> tuple[tuple[str, bool], ...]:
    """Activity by metric name; a trigger that did not answer keeps what was known of it.

    Those without an opinion on activity are not among them.
    """
    before = dict(was.activity)
    if not asked:
        return was.activity
    names = {one.metric for one in asked if one.trigger and not one.passive}
    known = {name: before[name] for name in names if name in before}
    for reading in readings:
        active = reading.is_active()
        if active is not None and reading.metric in names:
            known[reading.metric] = active
    return tuple(sorted(known.items()))


def status_json(status: Status) -> Json:
    """*status* as the API has it, without what is not known."""
    body: Json = {
        "conditions": write(status.conditions),
        "externalMetricNames": list(status.metric_names) or None,
        "resourceMetricNames": list(status.resource_names) or None,
        "compositeScalerName": status.composite_name or None,
        "triggersActivity": {n: {"isActive": active} for n, active in status.activity} or None,
        "health": {name: _health(failed) for name, failed in status.failures} or None,
        "lastDecision": status.last_decision,
        "lastActiveTime": times.seconds(status.last_active) if status.last_active else None,
        "originalReplicaCount": status.original_replicas,
        "pausedReplicaCount": status.paused_replicas,
        "triggersTypes": status.triggers_types or None,
        "authenticationsTypes": status.authentications_types or None,
        "hpaName": status.hpa_name or None,
    }
    if status.scale_target is not None:
        group, version, kind, _ = status.scale_target
        body["scaleTargetKind"] = f"{group}/{version}.{kind}" if group else f"{version}.{kind}"
        body["scaleTargetGVKR"] = dict(zip(GVKR, status.scale_target, strict=True))
    return {key: value for key, value in body.items() if value is not None}


def _health(failures: int) -> Json:
    return {"numberOfFailures": failures, "status": "Failing" if failures else "Happy"}


GVKR = ("group", "version", "kind", "resource")


def status_patch(was: Status, new: Status) -> Json:
    """A merge patch that turns *was* into *new*: null for what is gone."""
    old, body = status_json(was), status_json(new)
    patch = {key: value for key, value in body.items() if old.get(key) != value}
    patch |= dict.fromkeys(set(old) - set(body))
    for key in ("triggersActivity", "health", "lastDecision"):
        if key in patch and body.get(key):
            gone = set(old.get(key) or {}) - set(body[key])
            patch[key] = {**body[key], **dict.fromkeys(gone)}
    return {"status": patch}
