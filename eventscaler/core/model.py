"""The values that a scaling decision is made of, and the value it is.

Amounts come as floats, as the sources give them; the arithmetic (`replicas`) rounds them to
thousandths once, as Kubernetes quantities do. A reading that is missing has `value=None` and the
reason in `error`: there is no number that means "unknown".

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from eventscaler.core.behavior import Behavior
from eventscaler.core.formula import Formula
from eventscaler.core.history import History
from kube.values.usage import PodUsage


class MetricType(StrEnum):
    AVERAGE_VALUE = "AverageValue"  # the target is per replica
    VALUE = "Value"  # the target is for the whole workload
    UTILIZATION = "Utilization"  # cpu and memory: the target is a percentage of the requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one trigger said in one sample.

    Attributes:
        trigger: its name in messages and formulas; the metric name when the user gave none.
        metric: the metric's name, by which `status.health` counts failures.
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
    metric: str = ""
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
class Pause:
    """The user stopped scaling; with `replicas` the count is also set."""

    replicas: int | None = None


class FallbackBehavior(StrEnum):
    STATIC = "static"
    CURRENT = "currentReplicas"
    CURRENT_IF_HIGHER = "currentReplicasIfHigher"
    CURRENT_IF_LOWER = "currentReplicasIfLower"
    SCALING_MODIFIERS = "scalingModifiers"  # the formula sees nil


@dataclass(frozen=True, slots=True)
class Fallback:
    """What speaks for a trigger after more than *threshold* failures in a row."""

    threshold: int
    replicas: int
    behavior: FallbackBehavior = FallbackBehavior.STATIC


class Mode(StrEnum):
    """How much Tandem does for an object; the annotation tandem.sh/mode."""

    AUTO = "auto"
    RECOMMEND = "recommend"  # decide and report, never write the scale
    OFF = "off"  # not even read


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """`scalingModifiers`: one metric computed from the others."""

    formula: Formula
    target: float
    activation: float = 0.0
    metric_type: MetricType = MetricType.AVERAGE_VALUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for besides the limits.

    Attributes:
        force: there is work, whatever the triggers say.
        keep_in: never lower (paused-scale-in); `keep_out`: never raise (paused-scale-out).
        jump: the step to rest is a single one, whatever `behavior` says; as in KEDA.
        hpa: an HPA owns the range from max(1, min) to max; only rest and waking are decided here.
    """

    cooldown: timedelta = timedelta(seconds=300)
    initial_cooldown: timedelta = timedelta(0)
    behavior: Behavior = field(default_factory=Behavior)
    pause: Pause | None = None
    fallback: Fallback | None = None
    composite: Composite | None = None
    force: bool = False
    keep_in: bool = False
    keep_out: bool = False
    jump: bool = False
    hpa: bool = False
    mode: Mode = Mode.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one decision leaves to the next; all of it may be missing after a restart."""

    last_active: datetime | None = None
    history: History = field(default_factory=History)
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The workload as it is, and what the decisions before this one left.

    Attributes:
        current: replicas asked for at the moment (`spec.replicas` of its scale).
        ready: ready pods where known; only the Value arithmetic needs them.
        created: when the ScaledObject was made.
        last_active: when some trigger was last seen active; None if never.
        history: what was wanted and done lately; empty after a restart.
        failures: samples in a row in which a metric gave no answer, by metric name.
    """

    current: int
    created: datetime
    ready: int | None = None
    last_active: datetime | None = None
    history: History = field(default_factory=History)
    failures: Mapping[str, int] = field(default_factory=dict)


class Reason(StrEnum):
    """Which rule made the decision."""

    DEMAND = "Demand"  # some trigger is active and every trigger answered
    PARTIAL = "PartlyBlind"  # some trigger is active, another did not answer: may rise, not fall
    INACTIVE = "Inactive"  # none is active, but this workload never rests
    COOLDOWN = "Cooldown"  # none is active; resting is not due yet
    REST = "Rest"  # none is active and none was for the cooldown
    BLIND = "Blind"  # none is known to be active and some did not answer: hold
    PAUSED = "Paused"
    OFF = "Off"  # tandem.sh/mode: off


@dataclass(frozen=True, slots=True)
class Vote:
    """One reading and the count it asks for; None when blind.

    Attributes:
        fallback: the reading failed too often, and the count is `fallback`'s.
    """

    reading: Reading
    wanted: int | None
    fallback: bool = False

    def is_active(self) -> bool | None:
        """Whether there is work; a fallback that asks for replicas says so."""
        return bool(self.wanted) if self.fallback else self.reading.is_active()

    def __str__(self) -> str:
        read = self.reading
        if self.fallback:
            return f"{read.trigger}: no answer, fallback to {self.wanted}"
        if self.wanted is None:
            return f"{read.trigger}: no answer"
        unit = UNITS[read.metric_type]
        return f"{read.trigger}: {read.value:g} at {read.target:g}{unit} asks for {self.wanted}"


UNITS = {MetricType.AVERAGE_VALUE: " each", MetricType.VALUE: "", MetricType.UTILIZATION: " %"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The count to ask for, and everything that led to it.

    Attributes:
        replicas: what the workload should have.
        current: what it had.
        active: whether there is work; None when nobody can tell.
        winner: the trigger whose vote was taken; "" when none was.
        inputs: the triggers behind a formula; elsewhere they are in `votes`.
        last_active: the time to remember for the next decision.
        history, failures: likewise.
        ready: ready pods where known.
        retry_at: when the answer changes by itself (the end of a cooldown).
    """

    replicas: int
    current: int
    reason: Reason
    message: str
    active: bool | None
    votes: tuple[Vote, ...] = ()
    winner: str = ""
    inputs: tuple[Reading, ...] = ()
    last_active: datetime | None = None
    history: History = field(default_factory=History)
    failures: Mapping[str, int] = field(default_factory=dict)
    retry_at: datetime | None = None
    ready: int | None = None

    @property
    def memory(self) -> Memory:
        """What to remember; a move that is then made is added by whoever makes it."""
        return Memory(last_active=self.last_active, history=self.history, failures=self.failures)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What the triggers said, those behind a formula first, and then the formula."""
        return (*self.inputs, *(vote.reading for vote in self.votes))

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The triggers that a fallback speaks for."""
        return tuple(vote.reading.trigger for vote in self.votes if vote.fallback)

    @property
    def errors(self) -> tuple[str, ...]:
        """Why triggers are blind, one sentence each."""
        return tuple(
            f"trigger '{read.trigger}': {read.error}" for read in self.readings if read.error
        )


COMPOSITE = "composite-metric"
