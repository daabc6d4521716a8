"""Which pods count with what they use, and which do not; ages are in seconds."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta

import pytest

from kube.values import usage
from kube.values.usage import CPU, MEMORY, Measured, Pod, PodUsage, average, grouped

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
READY, UNREADY = PodUsage(ready=((7, 10),)), PodUsage(unready=(10,))
MISSING, IGNORED = PodUsage(missing=(10,)), PodUsage()


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def pod(
    phase: str = "Running",
    *,
    ready: bool | None = True,
    started: float | None = 3600,
    turned: float | None = 3600,
    is_going: bool = False,
) -> Pod:
    return Pod(
        name="a",
        phase=phase,
        is_going=is_going,
        ready=ready,
        started=None if started is None else ago(started),
        turned=None if turned is None else ago(turned),
        request=10,
    )


def sampled(one: Pod, resource: str = CPU, *, at: float = 0, window: float = 15) -> PodUsage:
    measured = Measured(7, ago(at), timedelta(seconds=window))
    return grouped([one], {"a": measured}, resource, NOON)


def test_the_examples_hold() -> None:
    assert doctest.testmod(usage).failed == 0


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(pod(), READY, id="runs"),
        pytest.param(pod("Pending"), UNREADY, id="waits"),
        pytest.param(pod("Failed"), IGNORED, id="failed"),
        pytest.param(pod(is_going=True), IGNORED, id="goes"),
        pytest.param(pod(ready=None), UNREADY, id="nobody looked yet"),
        pytest.param(pod(turned=None), UNREADY, id="a condition without a time"),
        pytest.param(pod(started=None), UNREADY, id="not started"),
        pytest.param(pod(ready=False, started=299, turned=100), UNREADY, id="young, not ready"),
        pytest.param(pod(started=299, turned=15), READY, id="young, measured since it is ready"),
        pytest.param(pod(started=299, turned=14), UNREADY, id="young, measured partly before"),
        pytest.param(pod(started=301, turned=1), READY, id="old, ready just now"),
        pytest.param(pod(ready=False, started=3600, turned=3571), UNREADY, id="never been ready"),
        pytest.param(pod(ready=False, started=3600, turned=3570), READY, id="was ready once"),
        pytest.param(pod(ready=False, started=300, turned=100), READY, id="five minutes are over"),
    ],
)
def test_cpu(one: Pod, expected: PodUsage) -> None:
    assert sampled(one) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(pod(ready=False, started=10), READY, id="readiness is no matter"),
        pytest.param(pod("Pending"), UNREADY, id="waits"),
        pytest.param(pod("Failed"), IGNORED, id="failed"),
    ],
)
def test_memory(one: Pod, expected: PodUsage) -> None:
    assert sampled(one, MEMORY) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(pod(), MISSING, id="runs"),
        pytest.param(pod("Succeeded"), MISSING, id="done, but still counted as the HPA does"),
        pytest.param(pod(ready=None), MISSING, id="of those that start too"),
        pytest.param(pod("Pending"), UNREADY, id="but not of those that wait"),
        pytest.param(pod(is_going=True), IGNORED, id="nor of those that go"),
    ],
)
def test_without_a_sample(one: Pod, expected: PodUsage) -> None:
    assert grouped([one], {}, CPU, NOON) == expected


def test_pods_are_counted_without_the_ignored() -> None:
    pods = [pod(), pod("Pending"), pod("Failed")]

    assert grouped(pods, {}, CPU, NOON).pods == 2
    assert grouped([], {}, CPU, NOON).pods == 0


def test_an_average_drops_its_fraction() -> None:
    assert average([(10, 0), (11, 0)]) == 10
