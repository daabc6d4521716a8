"""What a ScaledObject and a ScaledJob have in common: triggers, and whose environment they see."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from eventscaler.decode.trigger_body import TriggerBody
from kube.scale import Target


class Scalable(Protocol):
    """An object with triggers.

    Attributes:
        kind: "ScaledObject" or "ScaledJob".
        target: whose containers have the environment that triggers may read.
        workload: the target's body where the object itself holds it.
        container: which of the containers; "" for the first one.
        composed: whether a formula makes one value of what the triggers read.
        borrows: whether some trigger gets credentials or settings from elsewhere.
    """

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def created(self) -> datetime: ...
    @property
    def target(self) -> Target: ...
    @property
    def workload(self) -> dict[str, Any] | None: ...
    @property
    def container(self) -> str: ...
    @property
    def polling_s(self) -> int: ...
    @property
    def triggers(self) -> tuple[TriggerBody, ...]: ...
    @property
    def composed(self) -> bool: ...
    @property
    def borrows(self) -> bool: ...
