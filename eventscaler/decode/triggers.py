"""Between our triggers and `scalers.base`: specs for its parser, its findings as ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import scalers.base
from eventscaler.core.faults import Fault, Severity
from eventscaler.decode.scalable import Scalable
from eventscaler.decode.trigger_body import TriggerBody
from scalers._grants import Grant
from scalers.base import PodIdentity, Secret, TriggerSpec


def spec_of(
    order: Scalable,
    trigger: TriggerBody,
    auth: Mapping[str, Secret],
    env: Mapping[str, str],
    identity: PodIdentity | None = None,
    *,
    grant: Grant | None = None,
    strict: bool = False,
) -> TriggerSpec:
    """*trigger* with what its references were resolved to; *strict* refuses unknown keys."""
    return TriggerSpec(
        type=trigger.type,
        name=trigger.name,
        index=trigger.index,
        metadata=trigger.metadata,
        metric_type=trigger.metric_type,
        auth=auth,
        env=env,
        namespace=order.namespace,
        object_name=order.name,
        use_cached_metrics=trigger.use_cached_metrics,
        pod_identity=identity,
        grant=grant,
        as_metric_source=order.composed,
        strict=strict,
        target=order.target,
    )


def translated(faults: Iterable[scalers.base.Fault]) -> tuple[Fault, ...]:
    """What a scaler found; its message says both what was found and what would do."""
    return tuple(
        Fault(fault.path, "", fault.message, Severity(fault.severity.value)) for fault in faults
    )
