"""Writing a trigger in one line, and reading its faults as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scalers.base import Secret, Trigger, TriggerFaults, TriggerSpec, parse

Texts = Mapping[str, str]


def spec(kind: str, metadata: Texts, auth: Texts | None = None, **more: Any) -> TriggerSpec:
    secrets = {key: Secret(value) for key, value in (auth or {}).items()}
    return TriggerSpec(type=kind, metadata=metadata, auth=secrets, **more)


def trigger(kind: str, metadata: Texts, auth: Texts | None = None, **more: Any) -> Trigger:
    return parse(spec(kind, metadata, auth, **more))


def faults(kind: str, metadata: Texts, auth: Texts | None = None, **more: Any) -> str:
    """Everything that `parse` complains about, warnings too; "" for a faultless trigger."""
    try:
        parsed = trigger(kind, metadata, auth, **more)
    except TriggerFaults as refused:
        return "; ".join(fault.message for fault in refused.faults)
    return "; ".join(fault.message for fault in parsed.warnings)
