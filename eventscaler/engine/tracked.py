"""What the engine remembers of one object, and of them all. No raw body is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from eventscaler.core.faults import Fault
from eventscaler.core.journal import Journal
from eventscaler.core.model import Decision, Memory
from eventscaler.core.status import Status
from eventscaler.decode import ScaledJob, ScaledObject
from eventscaler.engine.schedule import Key
from eventscaler.scaled_jobs.memory import JobMemory
from eventscaler.scaling.binding import Binding
from kube.scale import Target


@dataclass(slots=True, kw_only=True)
class Tracked:
    """One ScaledObject or ScaledJob.

    Attributes:
        order: what is asked for; None when the manifest is refused.
        faults: what is wrong with the manifest.
        essence: what an edit of the manifest would change; None where nobody counts edits.
        status: as last written or found.
        written_at: when the status was last written, on the loop's clock.
        guarded: whether it carries the finalizer; `labelled`: the label.
        binding: its triggers, ready to read; None when they must be bound anew.
        bound_at: when they were bound, on the loop's clock.
        target: the workload that `memory` is of.
        memory: for the next decision; last_active is written less often than it is kept.
        running: a sample is under way; `again` asks for another right after it.
        report: tells the API of the newest turn; None when that is done or under way.
        reporting: whether one is.
        refused: what the last write of the scale was refused with.
        placed: whether it has its place in the interval.
        count: of its target, as last seen or written; None before the first look.
        decision: the last one, made at `sampled_at` on the loop's clock; `journal` has more.
        waiting: for the end of a turn.
        told: the warnings that an Event has told of.
        resumed: it was active when whoever handled it before stopped: its cooldown begins now.
        shard: of which it is; one process at a time handles that.
        jobs: what a ScaledJob's rounds remember.
        edits: how often something it is made of was edited.
        doubted: a reading failed with this binding's credentials.
        stale: the binding is to be replaced, and serves until it is; `renewing`: it is being so.
    """

    key: Key
    uid: str
    order: ScaledObject | ScaledJob | None
    faults: tuple[Fault, ...]
    status: Status
    essence: bytes | None = None
    written_at: float = float("-inf")
    guarded: bool = False
    labelled: bool = False
    binding: Binding | None = None
    bound_at: float = 0.0
    target: Target | None = None
    memory: Memory = field(default_factory=Memory)
    running: bool = False
    again: bool = False
    refused: str = ""
    report: Callable[[], Awaitable[None]] | None = None
    reporting: bool = False
    placed: bool = False
    count: int | None = None
    decision: Decision | None = None
    sampled_at: float = float("-inf")
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    told: tuple[Fault, ...] = ()
    resumed: bool = False
    shard: int = 0
    jobs: JobMemory = field(default_factory=JobMemory)
    edits: int = 0
    doubted: bool = False
    stale: bool = False
    renewing: bool = False
    unwritten: str = ""

    def start_anew(self) -> None:
        """Something it is made of was edited: bind again, and report without delay."""
        self.binding = None
        self.edits += 1
        self.written_at = float("-inf")

    def turned(self) -> None:
        """A turn has ended: tell those that wait for it."""
        for each in self.waiting:
            if not each.done():
                each.set_result(None)
        self.waiting.clear()

    @property
    def name(self) -> str:
        return f"{self.key.namespace}/{self.key.kind}/{self.key.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatistics:
    """How the engine is doing.

    Attributes:
        reads: of sources; `shared` answers cost none.
        scaled: writes of a scale; `reported` writes of a status.
        latest_s: how late the latest sample started.
    """

    objects: int
    running: int
    samples: int
    reads: int
    shared: int
    scaled: int
    reported: int
    latest_s: float


@dataclass(slots=True)
class Counts:
    """Running totals behind `EngineStatistics`."""

    samples: int = 0
    scaled: int = 0
    reported: int = 0
    latest_s: float = 0.0
    running: int = 0
