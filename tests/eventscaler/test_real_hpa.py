"""Counts against the HPA of the real kube-controller-manager: same metrics, pods and behavior.

Where the two differ, the difference is one that docs/differences.md names (`hpa_explained`); how
many cases are equal is told there, too, and held here.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eventscaler.core.history import History
from eventscaler.core.model import Decision
from scalers.io import IO
from tests import control_plane
from tests.clusters import Cluster
from tests.eventscaler.hpa_cases import Case, External, Json
from tests.eventscaler.hpa_edges import EDGES, grouped
from tests.eventscaler.hpa_explained import is_guarded, spared
from tests.eventscaler.hpa_generated import generated
from tests.eventscaler.hpa_plane import MANAGER, HpaPlane
from tests.eventscaler.hpa_rules import Memory
from tests.eventscaler.hpa_stage import Answer, Stage, staged
from tests.eventscaler.hpa_tandem import CREATED, decided, decided_on, external, order_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
DIFFERENCES = Path(__file__).parents[2] / "docs" / "differences.md"
SEEDS = range(200)
FIGURE = re.compile(r"(\d+) of (\d+) generated cases")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HpaPlane]:
    programs = control_plane.assets()
    if programs is None or not (programs / MANAGER).is_file():
        pytest.skip(control_plane.missing())
    found = HpaPlane(programs, tmp_path_factory.mktemp("hpa"))
    yield found
    found.stop()


@dataclass(frozen=True, slots=True)
class Both:
    """A case, what the HPA answered and what Tandem decided."""

    case: Case
    answer: Answer
    made: Decision

    @property
    def theirs(self) -> int:
        """The HPA's count; one that cannot say holds."""
        found = self.answer.replicas
        return self.case.current if found is None else found

    @property
    def equal(self) -> bool:
        return self.theirs == self.made.replicas

    def __str__(self) -> str:
        told = f"HPA {self.answer}, Tandem {self.made.replicas}: {self.made.message}"
        return f"{self.case}\n{told}; {self.made.errors}"


class Judge:
    """Asks both."""

    def __init__(self, stage: Stage, io: IO) -> None:
        self.stage, self._io = stage, io

    async def both(self, cases: Iterable[Case]) -> list[Both]:
        cases = list(cases)
        answers = await self.stage.ask(cases)
        return [Both(case, answers[case.name], await decided(case, self._io)) for case in cases]

    async def unexplained(self, found: Iterable[Both]) -> list[str]:
        """Those that differ, and for no reason that is known."""
        differ = [each for each in found if not each.equal]
        answers = await self.stage.ask(filter(None, (spared(each.case) for each in differ)))
        return [str(each) for each in differ if not _is_explained(each, answers)]


def _is_explained(each: Both, answers: dict[str, Answer]) -> bool:
    answer = answers.get(f"{each.case.name}-spared", each.answer)
    theirs = each.case.current if answer.replicas is None else answer.replicas
    return theirs == each.made.replicas or is_guarded(each.case, theirs, each.made)


@asynccontextmanager
async def judged(plane: HpaPlane) -> AsyncIterator[Judge]:
    cluster = Cluster("hpa", plane.url, plane.folder, plane.token, plane.authority)
    client = cluster.client()
    async with staged(plane) as stage:
        try:
            yield Judge(stage, IO(lambda: datetime.now(UTC), client))
        finally:
            await client.close()


async def test_generated_cases(plane: HpaPlane) -> None:
    """Of every kind of metric and pod, with and without a behavior."""
    async with judged(plane) as judge:
        found = await judge.both(generated(seed) for seed in SEEDS)
        unexplained = await judge.unexplained(found)

    assert unexplained == []
    equal = sum(each.equal for each in found)
    told = FIGURE.search(DIFFERENCES.read_text())
    assert told is not None
    assert (equal, len(found)) == (int(told[1]), int(told[2])), "docs/differences.md tells another"
    moves = Counter(_direction(each) for each in found)
    assert min(moves["up"], moves["down"], moves["held"], moves["cannot say"]) > len(SEEDS) // 40


def _direction(each: Both) -> str:
    if each.answer.replicas is None:
        return "cannot say"
    way = each.answer.replicas - each.case.current
    return "held" if way == 0 else "up" if way > 0 else "down"


async def test_groups_of_pods(plane: HpaPlane) -> None:
    """One pod of each sort beside two that run: the HPA tells by its counts where it belongs."""
    async with judged(plane) as judge:
        found = await judge.both(case for case, _ in grouped())

    counts = {each.case.name: (each.theirs, each.made.replicas) for each in found}
    assert counts == {case.name: (count, count) for case, count in grouped()}


async def test_edges(plane: HpaPlane) -> None:
    """By hand: the HPA's answer (None: it cannot say) and Tandem's."""
    async with judged(plane) as judge:
        found = await judge.both(case for case, _, _ in EDGES)

    assert {each.case.name: (each.answer.replicas, each.made.replicas) for each in found} == {
        case.name: (theirs, ours) for case, theirs, ours in EDGES
    }


def sequence(seed: int) -> tuple[Case, list[int]]:
    """A workload with a behavior whose windows and periods hold all of the test, and its load."""
    rng = random.Random(seed)
    wanted = [rng.randrange(40) for _ in range(STEPS)]
    metric = External(target=1000, values=(wanted[0] * 1000,))
    behavior = {way: _lasting(rng) for way in ("scaleUp", "scaleDown")}
    case = Case(
        name=f"s{seed}",
        current=rng.randrange(1, 20),
        high=1000,
        metrics=(metric,),
        behavior=behavior,
    )
    return case, wanted


def _lasting(rng: random.Random) -> Json:
    policies = [
        {"type": kind, "value": value, "periodSeconds": HOUR // 2}
        for kind, value in rng.sample(PACES, rng.choice((1, 2)))
    ]
    return {
        "tolerance": "0",
        "stabilizationWindowSeconds": rng.choice((0, 0, HOUR)),
        "selectPolicy": rng.choice(("Max", "Min")),
        "policies": policies,
    }


STEPS = 8
HOUR = 3600
# Percentages that a float holds exactly.
PACES = (("Pods", 1), ("Pods", 5), ("Pods", 12), ("Percent", 25), ("Percent", 50), ("Percent", 200))


async def test_sequences(plane: HpaPlane) -> None:
    """Windows and policies remember: the HPA, Tandem and the naive re-statement, step by step."""
    async with judged(plane) as judge, asyncio.TaskGroup() as group:
        stories = [sequence(seed) for seed in range(30)]
        answers = await judge.stage.ask(case for case, _ in stories)
        tasks = [
            group.create_task(_heard(judge.stage, case, wanted, answers[case.name]))
            for case, wanted in stories
        ]
    for (case, wanted), task in zip(stories, tasks, strict=True):
        assert task.result() == _restated(case, wanted) == _decided(case, wanted), (case, wanted)


async def _heard(stage: Stage, case: Case, wanted: list[int], first: Answer) -> list[int | None]:
    later = [(await stage.again(case, count * 1000)).replicas for count in wanted[1:]]
    return [first.replicas, *later]


def _restated(case: Case, wanted: list[int]) -> list[int]:
    memory, current, told = Memory(), case.current, []
    assert case.behavior is not None
    for moment, count in enumerate(wanted):
        current = memory.step(case.behavior, current, count, (case.low, case.high), moment)
        told.append(current)
    return told


def _decided(case: Case, wanted: list[int]) -> list[int]:
    order, history, now, told = order_of(case), History(), CREATED, []
    (trigger,) = order.triggers
    for count in wanted:
        now += timedelta(seconds=1)
        reading = external(trigger, External(target=1000, values=(count * 1000,)))
        made = decided_on(case, order, [reading], history, now)
        history = made.history.moved(made.replicas - case.current, now)
        case = replace(case, current=made.replicas)
        told.append(made.replicas)
    return told
