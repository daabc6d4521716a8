"""Long runs: whatever happens, no missing reading ever lowers a count; and a day is repeatable."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from eventscaler.core.behavior import Behavior, Policy, Rules, Unit
from eventscaler.core.decide import decide
from eventscaler.core.model import Decision, Limits, Memory, Reading, Settings, State
from tests.eventscaler.core.strategies import BEHAVIORS, NOON, limits, readings

STEPS = st.integers(-3600, 86_400).map(lambda s: timedelta(seconds=s))


class Workload(RuleBasedStateMachine):
    """One object through readings, errors, restarts, clock steps and a user who scales by hand."""

    @initialize(within=limits(), behavior=BEHAVIORS, jump=st.booleans(), force=st.booleans())
    def begin(self, within: Limits, behavior: Behavior, jump: bool, force: bool) -> None:
        self.limits = within
        self.settings = Settings(behavior=behavior, jump=jump, force=force)
        self.now = self.created = NOON
        self.current = within.rest
        self.memory = Memory()
        self.made: Decision | None = None

    @rule(seen=readings(), waited=st.integers(0, 600))
    def sample(self, seen: list[Reading], waited: int) -> None:
        self.now += timedelta(seconds=waited)
        before = self.current
        self.made = self.decided(seen)
        self.take(self.made)
        silent = [read for read in seen if read.value is None and not read.passive]
        if silent:
            assert self.current >= min(before, self.limits.max)

    @rule(seen=readings(st.none()), waited=st.integers(0, 100_000))
    def blackout(self, seen: list[Reading], waited: int) -> None:
        """Every source is gone, for however long."""
        self.sample([replace(read, passive=False) for read in seen], waited)

    @rule(step=STEPS)
    def clock(self, step: timedelta) -> None:
        """The wall clock is set, forward or back."""
        self.now = max(self.created, self.now + step)

    @rule(saved=st.booleans())
    def restart(self, saved: bool) -> None:
        """The process dies; what `status` holds may be there or lost."""
        self.memory = Memory(last_active=self.memory.last_active if saved else None)
        self.made = None

    @rule(count=st.integers(0, 80))
    def by_hand(self, count: int) -> None:
        self.current = count
        self.made = None

    @invariant()
    def within_limits(self) -> None:
        if getattr(self, "made", None) is not None:
            assert self.limits.rest <= self.current <= self.limits.max

    def decided(self, seen: list[Reading]) -> Decision:
        state = State(
            current=self.current,
            created=self.created,
            last_active=self.memory.last_active,
            history=self.memory.history,
            failures=self.memory.failures,
        )
        return decide(seen, self.limits, state, self.settings, self.now)

    def take(self, made: Decision) -> None:
        moved = made.history.moved(made.replicas - self.current, self.now)
        self.memory = replace(made.memory, history=moved)
        self.current = made.replicas


Workload.TestCase.settings = settings(stateful_step_count=30)
TestWorkload = Workload.TestCase


def day(seed: int) -> list[tuple[datetime, int, str]]:
    """Every decision of a day with a morning, a noisy afternoon, faults and a restart."""
    rng = random.Random(seed)
    paced = Behavior(
        up=Rules(policies=(Policy(Unit.PERCENT, 50, timedelta(seconds=60)),)),
        down=Rules(policies=(Policy(Unit.PODS, 2, timedelta(seconds=60)),)),
    )
    asked = Settings(behavior=paced, cooldown=timedelta(minutes=5))
    memory, current, made = Memory(), 0, list[tuple[datetime, int, str]]()
    for second in range(0, 86_400, 15):
        now = NOON + timedelta(seconds=second)
        if second == 43_200:
            memory = Memory(last_active=memory.last_active)
        busy = 6 <= second / 3600 < 20
        load = None if rng.random() < 0.02 else float(rng.randint(0, 300) if busy else 0)
        read = Reading(trigger="q", metric="s0-q", value=load, target=10)
        state = State(
            current=current,
            created=NOON,
            last_active=memory.last_active,
            history=memory.history,
        )
        decision = decide([read], Limits(0, 30), state, asked, now)
        moved = decision.history.moved(decision.replicas - current, now)
        memory, current = replace(decision.memory, history=moved), decision.replicas
        made.append((now, decision.replicas, decision.message))
    return made


def test_a_day_gives_the_same_decisions_twice() -> None:
    first, second = day(7), day(7)

    assert first == second
    counts = [count for _, count, _ in first]
    assert counts[0] == 0
    assert max(counts) == 30
    assert counts[-1] == 0
    assert first != day(8)
