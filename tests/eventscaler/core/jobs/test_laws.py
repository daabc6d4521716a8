"""What holds for all queues, Jobs and settings; above all that no Job is started twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventscaler.core.jobs import Calculation, Job, JobSettings, Outcome, Strategy, decide
from eventscaler.core.model import Reading
from tests.eventscaler.core.jobs.made import GENERATION, NODELESS, NOON, RUNNING, job, jobs, read
from tests.eventscaler.core.strategies import AMOUNTS, readings

SHARES = st.integers(0, 100).map(lambda percent: Fraction(percent, 100))
SETTINGS = st.builds(
    JobSettings,
    min=st.integers(0, 12),
    max=st.integers(1, 30),
    strategy=st.sampled_from(Strategy),
    deduction=st.integers(0, 3),
    share=SHARES,
    calculation=st.sampled_from(Calculation),
)


@st.composite
def some_jobs(draw: st.DrawFn) -> list[Job]:
    count = st.integers(0, 15)
    return jobs(begun=draw(count), pending=draw(count), leaving=draw(st.integers(0, 4)))


def started(there: list[Job], count: int) -> list[Job]:
    """*there*, and as many new ones that still wait for a node."""
    return there + [job(1000 + len(there) + index, pods=NODELESS) for index in range(count)]


@given(readings(), some_jobs(), SETTINGS)
def test_never_more_than_max_and_never_more_than_the_queue_needs(
    given_readings: list[Reading], there: list[Job], settings: JobSettings
) -> None:
    """Running + pending + started is at most max, and what is started is asked for."""
    made = decide(given_readings, there, settings, GENERATION, NOON)
    tally, floor = made.tally, settings.floor
    total = tally.in_flight + tally.leaving + made.create

    assert made.create >= 0
    assert made.create == 0 or total <= settings.max
    counted = tally.in_flight if settings.strategy is Strategy.DEFAULT else tally.pending
    assert made.create == 0 or counted + made.create <= made.needed + floor


@given(readings(), some_jobs(), SETTINGS)
def test_a_second_look_starts_nothing(
    given_readings: list[Reading], there: list[Job], settings: JobSettings
) -> None:
    """While new Jobs wait for nodes, the same queue never starts them again."""
    made = decide(given_readings, there, settings, GENERATION, NOON)
    after = started(there, made.create)

    assert decide(given_readings, after, settings, GENERATION, NOON).create == 0


@given(readings(), some_jobs(), SETTINGS, st.integers(0, 3))
def test_a_trigger_that_falls_silent_starts_nothing_more(
    given_readings: list[Reading], there: list[Job], settings: JobSettings, index: int
) -> None:
    """By max and sum; min and avg may rise when a low trigger leaves the account."""
    settings = replace(
        settings,
        calculation=Calculation.SUM if settings.calculation in {"sum", "avg"} else Calculation.MAX,
    )
    blind = list(given_readings)
    lost = index % len(blind)
    blind[lost] = replace(blind[lost], value=None)

    before = decide(given_readings, there, settings, GENERATION, NOON)
    after = decide(blind, there, settings, GENERATION, NOON)
    assert after.create <= before.create
    assert after.remove == before.remove


@given(AMOUNTS, AMOUNTS, some_jobs(), SETTINGS)
def test_more_work_never_starts_fewer(
    value: float, more: float, there: list[Job], settings: JobSettings
) -> None:
    few = decide([read(value)], there, settings, GENERATION, NOON)
    many = decide([read(value + more)], there, settings, GENERATION, NOON)

    assert few.create <= many.create


KEDA: dict[Strategy, Callable[[int, int, JobSettings], int]] = {
    Strategy.DEFAULT: lambda most, running, _: most - running,
    Strategy.CUSTOM: lambda most, running, s: min(
        most - s.deduction - int(running * s.share), s.max - running
    ),
    Strategy.ACCURATE: lambda most, running, s: s.max - running if most + running > s.max else most,
    Strategy.EAGER: lambda most, running, s: min(s.max - running, most),
}


@given(st.integers(0, 60), st.integers(1, 7), st.integers(0, 30), SETTINGS)
def test_with_nothing_pending_the_formulas_are_kedas(
    queue: int, target: int, running: int, settings: JobSettings
) -> None:
    settings = replace(settings, min=0)
    most = min(ceil(queue / target), settings.max)
    expected = max(0, KEDA[settings.strategy](most, running, settings)) if queue else 0
    made = decide([read(queue, target=target)], jobs(begun=running), settings, GENERATION, NOON)

    assert made.create == expected


class Work(RuleBasedStateMachine):
    """A queue of one message a Job, on a cluster that is slow to give pods a node.

    At pick-up, or at the end of a Job, its message leaves the queue; the strategy fits.
    """

    @initialize(
        strategy=st.sampled_from([Strategy.DEFAULT, Strategy.ACCURATE, Strategy.EAGER]),
        high=st.integers(1, 6),
    )
    def begin(self, strategy: Strategy, high: int) -> None:
        self.settings = JobSettings(strategy=strategy, max=high, successes_kept=0)
        self.published = self.queued = self.taken = self.made = 0
        self.there: list[Job] = []

    @rule(messages=st.integers(1, 4))
    def publish(self, messages: int) -> None:
        self.published += messages
        self.queued += messages

    @rule(blind=st.booleans())
    def look(self, blind: bool) -> None:
        visible = self.queued
        if self.settings.strategy is Strategy.DEFAULT:
            visible += self.taken
        reading = read(None if blind else visible)
        made = decide([reading], self.there, self.settings, GENERATION, NOON)
        gone = {removal.uid for removal in made.remove}
        self.there = [each for each in self.there if each.uid not in gone]
        for _ in range(made.create):
            self.made += 1
            self.there.append(job(self.made, pods=NODELESS))

    @precondition(lambda self: any(each.pods == NODELESS for each in self.there))
    @rule()
    def a_node_comes(self) -> None:
        index = next(i for i, each in enumerate(self.there) if each.pods == NODELESS)
        self.there[index] = replace(self.there[index], pods=RUNNING)
        self.queued -= 1
        self.taken += 1

    @precondition(
        lambda self: any(each.pods == RUNNING and not each.outcome for each in self.there)
    )
    @rule()
    def a_job_ends(self) -> None:
        going = [i for i, e in enumerate(self.there) if e.pods == RUNNING and not e.outcome]
        self.there[going[0]] = replace(self.there[going[0]], outcome=Outcome.COMPLETE)
        self.taken -= 1

    @invariant()
    def no_job_without_a_message(self) -> None:
        if not hasattr(self, "settings"):
            return
        unfinished = [each for each in self.there if each.outcome is None]
        assert len(unfinished) <= self.settings.max
        assert self.made <= self.published
        assert self.queued >= 0, "a Job that found no message was one too many"


TestWork = Work.TestCase
