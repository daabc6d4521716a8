"""What pods use of cpu or memory, grouped as the HPA groups them.

    ready     measured and past its start: counts with what it uses
    unready   pending, or (cpu only) still starting: its sample says nothing of the load
    missing   runs, but nothing measured it
    (ignored) failed or being deleted: no part of the workload any more

A pod is still starting while it is not ready in its first five minutes or was last sampled before
it turned ready; later, when it has never been ready since thirty seconds after its start.

Amounts are whole thousandths. Pure. Source:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

Used = Sequence[tuple[int, int]]  # usage and request of pods, thousandths

CPU, MEMORY = "cpu", "memory"
WHOLE = 100  # per cent
INITIALIZATION = timedelta(minutes=5)  # --horizontal-pod-autoscaler-cpu-initialization-period
READINESS_DELAY = timedelta(seconds=30)  # --horizontal-pod-autoscaler-initial-readiness-delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod of a workload.

    Attributes:
        ready: its Ready condition, unknown counting as ready; None: there is none yet.
        turned: when that condition last changed.
        request: what it requests of the resource.
    """

    name: str
    phase: str = "Pending"
    is_going: bool = False
    ready: bool | None = None
    started: datetime | None = None
    turned: datetime | None = None
    request: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What one pod used on average over *window* until *at*."""

    amount: int
    at: datetime
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PodUsage:
    """The pods of a workload; none at all where nothing runs.

    Attributes:
        ready: usage and request of each.
        unready, missing: the request of each.
    """

    ready: tuple[tuple[int, int], ...] = ()
    unready: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()

    @property
    def pods(self) -> int:
        return len(self.ready) + len(self.unready) + len(self.missing)


def utilization(used: Used) -> int:
    """Percent of the requests, a fraction dropped as the HPA does.

    >>> utilization([(90, 100), (41, 100)])
    65
    """
    return sum(amount for amount, _ in used) * WHOLE // sum(request for _, request in used)


def average(used: Used) -> int:
    """Thousandths per pod, a fraction dropped as the HPA does."""
    return sum(amount for amount, _ in used) // len(used)


def grouped(
    pods: Iterable[Pod], samples: Mapping[str, Measured], resource: str, now: datetime
) -> PodUsage:
    """Group *pods* by what is known of them; *samples* are by the pod's name."""
    ready, unready, missing = [], [], []
    for pod in pods:
        if pod.is_going or pod.phase == "Failed":
            continue
        sample = samples.get(pod.name)
        if pod.phase == "Pending":
            unready.append(pod.request)
        elif sample is None:
            missing.append(pod.request)
        elif resource == CPU and _is_starting(pod, sample, now):
            unready.append(pod.request)
        else:
            ready.append((sample.amount, pod.request))
    return PodUsage(ready=tuple(ready), unready=tuple(unready), missing=tuple(missing))


def _is_starting(pod: Pod, sample: Measured, now: datetime) -> bool:
    """Whether a running pod's cpu still says more about its start than about its load."""
    if pod.ready is None or pod.started is None or pod.turned is None:
        return True
    if pod.started + INITIALIZATION > now:
        return not pod.ready or sample.at < pod.turned + sample.window
    return not pod.ready and pod.started + READINESS_DELAY > pod.turned
