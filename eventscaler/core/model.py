"""The values that a scaling decision is made of, and the value it is.

Amounts come as floats, as the sources give them; the arithmetic (`replicas`) rounds them to
thousandths once, as Kubernetes quantities do. A reading that is missing has `value=None` and the
reason in `error`: there is no number that means "unknown".

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kube.values.usage import PodUsage


class MetricType(StrEnum):
    AVERAGE_VALUE = "AverageValue"  # the target is per replica
    VALUE = "Value"  # the target is for the whole workload
    UTILIZATION = "Utilization"  # cpu and memory: the target is a percentage of the requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one trigger said in one sample.

    Attributes:
        trigger: its name in messages; the metric name when the user gave none.
        value: the metric; None when it could not be read, `error` says why.
        active: the scaler's own verdict where it has one; else activity is
            ``activation_value`` (or `value`) strictly above `activation`.
        passive: says how many replicas, never whether there is work: cpu and memory, which are
            zero where nothing runs.
        usage: what each pod uses, where the count is computed from that.
    """

    trigger: str
    value: float | None
    target: float
    metric_type: MetricType = MetricType.AVERAGE_VALUE
    activation: float = 0.0
    activation_value: float | None = None
    active: bool | None = None
    error: str = ""
    passive: bool = False
    usage: PodUsage | None = None

    def is_active(self) -> bool | None:
        """Whether there is work; None when blind.

        >>> Reading(trigger="q", value=1, target=5).is_active()
        True
        >>> Reading(trigger="q", value=1, target=5, activation=1).is_active()
        False
        """
        if self.value is None:
            return None
        if self.active is not None:
            return self.active
        seen = self.value if self.activation_value is None else self.activation_value
        return seen > self.activation


@dataclass(frozen=True, slots=True)
class Limits:
    """The range of a workload: 0 or `idle` at rest, `min` to `max` at work.

    >>> Limits(0, 5).rest, Limits(2, 5).rest, Limits(2, 5, idle=1).rest
    (0, 2, 1)
    """

    min: int = 0
    max: int = 100
    idle: int | None = None

    @property
    def rest(self) -> int:
        """The lowest count this workload may ever have."""
        return self.min if self.idle is None else self.idle

    @property
    def awake(self) -> int:
        """The lowest count while there is work."""
        return max(1, self.min)

    @property
    def can_rest(self) -> bool:
        """Whether inactivity leads below `awake` at all."""
        return self.rest < self.awake


@dataclass(frozen=True, slots=True)
class Behavior:
    """How fast the count may move: the step between what is wanted and what is asked for.

    Today it holds the HPA's tolerance and whether a direction is open at all; policies
    and stabilisation windows join it later, without a change to `decide`'s callers.
    """

    tolerance_up: float = 0.1
    tolerance_down: float = 0.1
    may_rise: bool = True
    may_fall: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """The user stopped scaling; with `replicas` the count is also set."""

    replicas: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    cooldown: timedelta = timedelta(seconds=300)
    initial_cooldown: timedelta = timedelta(0)
    behavior: Behavior = field(default_factory=Behavior)
    pause: Pause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The workload as it is.

    Attributes:
        current: replicas asked for at the moment (`spec.replicas` of its scale).
        ready: ready pods where known; only the Value arithmetic needs them.
        created: when the ScaledObject was made.
        last_active: when some trigger was last seen active; None if never.
    """

    current: int
    created: datetime
    ready: int | None = None
    last_active: datetime | None = None


class Reason(StrEnum):
    """Which rule made the decision."""

    DEMAND = "Demand"  # some trigger is active and every trigger answered
    PARTIAL = "PartlyBlind"  # some trigger is active, another did not answer: may rise, not fall
    INACTIVE = "Inactive"  # none is active, but this workload never rests
    COOLDOWN = "Cooldown"  # none is active; resting is not due yet
    REST = "Rest"  # none is active and none was for the cooldown
    BLIND = "Blind"  # none is known to be active and some did not answer: hold
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True)
class Vote:
    """One reading and the count it asks for; None when blind."""

    reading: Reading
    wanted: int | None

    def __str__(self) -> str:
        read = self.reading
        if self.wanted is None:
            return f"{read.trigger}: no answer"
        each = " each" if read.metric_type is MetricType.AVERAGE_VALUE else ""
        return f"{read.trigger}: {read.value:g} at {read.target:g}{each} asks for {self.wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The count to ask for, and everything that led to it.

    Attributes:
        replicas: what the workload should have.
        current: what it had.
        active: whether there is work; None when nobody can tell.
        winner: the trigger whose vote was taken; "" when none was.
        last_active: the time to remember for the next decision.
        retry_at: when the answer changes by itself (the end of a cooldown).
    """

    replicas: int
    current: int
    reason: Reason
    message: str
    active: bool | None
    votes: tuple[Vote, ...] = ()
    winner: str = ""
    last_active: datetime | None = None
    retry_at: datetime | None = None

    @property
    def errors(self) -> tuple[str, ...]:
        """Why triggers are blind, one sentence each."""
        blind = [vote.reading for vote in self.votes if vote.reading.value is None]
        return tuple(f"trigger '{read.trigger}': {read.error}" for read in blind)
