"""The `status` that a ScaledObject already has: where a restarted operator goes on from.

A status is nobody's input but ours: what is odd in it counts as absent; the next write mends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from eventscaler.core.status import Status
from kube.values import times
from kube.values.conditions import read


def known_status(body: Mapping[str, Any]) -> Status:
    """Read `status` of *body*."""
    raw = _object(body.get("status"))
    return Status(
        conditions=read(_object(item) for item in _list(raw.get("conditions"))),
        last_active=_time(raw.get("lastActiveTime")),
        original_replicas=_whole(raw.get("originalReplicaCount")),
        paused_replicas=_whole(raw.get("pausedReplicaCount")),
        metric_names=tuple(str(name) for name in _list(raw.get("externalMetricNames"))),
        resource_names=tuple(str(name) for name in _list(raw.get("resourceMetricNames"))),
        activity=_activity(_object(raw.get("triggersActivity"))),
        failures=_failures(_object(raw.get("health"))),
        last_decision=_object(raw.get("lastDecision")) or None,
        scale_target=_target(_object(raw.get("scaleTargetGVKR"))),
        triggers_types=str(raw.get("triggersTypes") or ""),
        authentications_types=str(raw.get("authenticationsTypes") or ""),
        composite_name=str(raw.get("compositeScalerName") or ""),
        hpa_name=str(raw.get("hpaName") or ""),
    )


def _object(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: object) -> Sequence[object]:
    return raw if isinstance(raw, list) else ()


def _time(raw: object) -> datetime | None:
    try:
        return times.parse(raw) if isinstance(raw, str) else None
    except ValueError:
        return None


def _whole(raw: object) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def _activity(raw: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    return tuple(sorted((name, bool(_object(item).get("isActive"))) for name, item in raw.items()))


def _failures(raw: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    counts = {name: _whole(_object(item).get("numberOfFailures")) for name, item in raw.items()}
    return tuple(sorted((name, max(count or 0, 0)) for name, count in counts.items()))


def _target(raw: Mapping[str, Any]) -> tuple[str, str, str, str] | None:
    if not raw.get("resource"):
        return None
    group, version, kind, resource = (
        str(raw.get(key) or "") for key in ("group", "version", "kind", "resource")
    )
    return (group, version, kind, resource)
