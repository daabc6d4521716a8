"""Status conditions as the workload kinds write them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from kube.client import Json
from kube.values.times import seconds


class Said(NamedTuple):
    """A condition without its times."""

    kind: str
    status: str
    reason: str
    message: str


def put(
    old: Sequence[Json], said: Said, now: datetime, *, updates: bool = False, probed: bool = False
) -> list[Json]:
    """*old* with *said* in its place; the very same list of values when nothing changed.

    Args:
        old: the conditions so far.
        said: the new one.
        now: when it is said.
        probed: whether the kind has a lastProbeTime (Job).
        updates: whether the kind has a lastUpdateTime (Deployment) beside lastTransitionTime.
    """
    was = next((each for each in old if each.get("type") == said.kind), None)
    if was and (was.get("status"), was.get("reason"), was.get("message")) == said[1:]:
        return list(old)
    stamp = seconds(now)
    kept = was["lastTransitionTime"] if was and was.get("status") == said.status else stamp
    new: Json = {"type": said.kind, "status": said.status, "lastTransitionTime": kept}
    new |= {"lastUpdateTime": stamp} if updates else {}
    new |= {"lastProbeTime": stamp} if probed else {}
    new |= {"reason": said.reason, "message": said.message}
    if was is None:
        return [*old, new]
    return [new if each is was else each for each in old]
