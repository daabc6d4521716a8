"""The Jobs of a ScaledJob as they are, what the user set, and the decision that follows.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from eventscaler.core.model import Mode, Vote


class Strategy(StrEnum):
    """How much of the queue's work the Jobs in flight are taken to cover; see `room`."""

    DEFAULT = "default"  # a message leaves the queue when its Job ends
    CUSTOM = "custom"  # the user says which share of the running Jobs still has its message queued
    ACCURATE = "accurate"  # a message leaves the queue when a Job takes it
    EAGER = "eager"  # as accurate: what is queued gets every free slot


class Calculation(StrEnum):
    """How the demands of several active triggers become one."""

    MAX = "max"
    MIN = "min"
    AVG = "avg"
    SUM = "sum"


class Rollout(StrEnum):
    """What an edit of the ScaledJob means for Jobs that are not finished."""

    IMMEDIATE = "immediate"  # they are deleted
    GRADUAL = "gradual"  # they end by themselves


class Outcome(StrEnum):
    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What the user set.

    Attributes:
        deduction: Jobs' worth of queue that is never started; strategy custom only.
        share: share of the begun Jobs whose message is still queued; strategy custom only.
        begun_when: pod conditions; a Job has begun when a pod has all of them. Without any, when a
            pod runs or has succeeded.
        successes_kept, failures_kept: finished Jobs that stay.
        propagation: how a rollout deletes: Background or Foreground.
    """

    min: int = 0
    max: int = 100
    strategy: Strategy = Strategy.DEFAULT
    deduction: int = 0
    share: Fraction = Fraction(1)
    calculation: Calculation = Calculation.MAX
    begun_when: tuple[str, ...] = ()
    successes_kept: int = 100
    failures_kept: int = 100
    rollout: Rollout = Rollout.IMMEDIATE
    propagation: str = "Background"
    paused: bool = False
    mode: Mode = Mode.AUTO

    @property
    def reads(self) -> bool:
        """Whether triggers are read at all."""
        return not self.paused and self.mode is not Mode.OFF

    @property
    def floor(self) -> int:
        """Jobs that are kept besides what the queue asks for."""
        return min(self.min, self.max)

    @property
    def sees_pods(self) -> bool:
        """Whether pending and begun Jobs count differently, so that pods must be looked at."""
        return self.strategy is not Strategy.DEFAULT


@dataclass(frozen=True, slots=True)
class JobPod:
    """What of a pod tells how far its Job is.

    Attributes:
        conditions: the types that are True.
        awaits_node: it has no node yet: none fits, or the one that was planned for it is starting.
    """

    phase: str
    conditions: frozenset[str] = frozenset()
    awaits_node: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One Job.

    Attributes:
        generation: of the ScaledJob when it made this Job; "" when the Job does not say.
        sequence: which of the ScaledJob's Jobs it is, from 1 on; 0 when the Job does not say.
        outcome: None while it is not finished.
        ended: when it finished.
        leaving: it is being deleted; its pods may still run.
        pods: None when they were not looked at; it then counts as begun.
    """

    name: str
    uid: str
    created: datetime
    generation: str = ""
    sequence: int = 0
    outcome: Outcome | None = None
    ended: datetime | None = None
    leaving: bool = False
    pods: tuple[JobPod, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """The Jobs that are not finished, counted.

    Attributes:
        begun: those at work.
        pending: those that have not begun; they will, so they are in flight like the others.
        waiting: the pending ones without a node, their pod not yet made or not yet placed.
        leaving: being deleted: each holds a slot, none works for the queue.
    """

    begun: int = 0
    pending: int = 0
    waiting: int = 0
    leaving: int = 0

    @property
    def in_flight(self) -> int:
        return self.begun + self.pending


class RemovalReason(StrEnum):
    HISTORY = "History"  # beyond the history limit
    ROLLOUT = "Rollout"  # made by another generation of the ScaledJob


@dataclass(frozen=True, slots=True)
class Removal:
    """A Job to delete; with its UID, so that a namesake is never meant."""

    name: str
    uid: str
    reason: RemovalReason
    propagation: str = "Background"


class JobReason(StrEnum):
    """Which rule made the decision."""

    DEMAND = "Demand"  # some trigger is active
    PARTIAL = "PartlyBlind"  # some trigger is active, another did not answer
    IDLE = "Idle"  # every trigger is at or under its activation
    BLIND = "Blind"  # none is known to be active and some did not answer
    PAUSED = "Paused"
    OFF = "Off"  # tandem.sh/mode: off


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDecision:
    """The Jobs to start and to delete, and everything that led to it.

    Attributes:
        create: how many to start.
        remove: which to delete.
        needed: Jobs that the queue asks for, within the limits and before what is in flight.
        active: whether there is work; None when nobody can tell.
        last_active: the time to remember for the next decision.
    """

    create: int
    remove: tuple[Removal, ...]
    needed: int
    tally: Tally
    reason: JobReason
    message: str
    active: bool | None
    votes: tuple[Vote, ...] = ()
    last_active: datetime | None = None

    @property
    def errors(self) -> tuple[str, ...]:
        """Why triggers are blind, one sentence each."""
        blind = [vote.reading for vote in self.votes if vote.reading.value is None]
        return tuple(f"trigger '{read.trigger}': {read.error}" for read in blind)
