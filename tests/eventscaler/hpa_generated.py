"""Cases for the real HPA, made from a seed: one seed, one case, for ever."""

from __future__ import annotations

import random

from tests.eventscaler.hpa_cases import APP, OPEN, SIDE, Case, External, Json, Pod, Resource

COUNTS = (1, 2, 3, 4, 5, 7, 10, 13)
# Of the target: far from it, at the edges of the usual tolerance, and exactly there.
RATIOS = (0.0, 0.1, 0.4, 0.75, 0.89, 0.9, 0.95, 1.0, 1.05, 1.1, 1.11, 1.3, 1.5, 2.0, 3.7)
TARGETS = (1, 100, 250, 1000, 3000, 5000, 7000, 10_000, 100_000, 12_345)  # thousandths
UNMEASURED = Pod(started=3600, usage=None)
LAGGARDS = (  # pods that do not simply run
    Pod(phase="Pending", ready=None, started=None),
    Pod(phase="Failed", ready=False),
    Pod(phase="Succeeded", ready=False, usage=None),
    Pod(deleted=True),
    UNMEASURED,
    Pod(ready=None),
    Pod(started=None),
    Pod(ready=False, started=120, turned=110),  # young and not ready
    Pod(started=120, turned=20, window=30, measured=5),  # sampled before it turned ready
    Pod(started=120, turned=100, window=30, measured=5),  # young, and measured since
    Pod(ready=False, started=3600, turned=3590),  # never been ready
    Pod(ready=False, started=3600, turned=100),  # was ready once
)


def generated(seed: int) -> Case:
    """Every third case with a behavior of its own, every eighth with several metrics."""
    rng = random.Random(seed)
    current = rng.choice(COUNTS)
    many = rng.random() < 0.125
    kinds = [rng.choice(("average", "average", "value", "pods", "pods")) for _ in range(1 + many)]
    pods = _pods(rng, current) if set(kinds) - {"average"} else ()
    return Case(
        name=f"g{seed}",
        current=current,
        low=rng.choice((1, 1, 1, min(2, current))),
        high=rng.choice((30, 100, max(current, 6))),
        metrics=tuple(_metric(rng, kind, current, pods) for kind in kinds),
        pods=pods,
        behavior=_behavior(rng) if rng.random() < 0.35 else OPEN,
    )


def _metric(
    rng: random.Random, kind: str, current: int, pods: tuple[Pod, ...]
) -> External | Resource:
    if kind == "pods":
        return _resource(rng, pods)
    if rng.random() < 0.08:
        return External(target=1000)  # the source is down
    target = rng.choice(TARGETS)
    whole = target * current if kind == "average" else target
    value = round(whole * rng.choice(RATIOS)) + rng.choice((0, 0, 0, 1, -1, rng.randrange(50)))
    value = max(0, value)
    first = rng.randrange(value + 1)
    values = (value,) if rng.random() < 0.8 else (first, value - first)
    return External(
        type="AverageValue" if kind == "average" else "Value", target=target, values=values
    )


def _resource(rng: random.Random, pods: tuple[Pod, ...]) -> Resource:
    name = rng.choice(("cpu", "cpu", "memory"))
    container = rng.choice(("", "", APP, SIDE))
    if rng.random() < 0.7:
        return Resource(name=name, target=rng.choice((30, 50, 80, 100, 130)), container=container)
    used = [
        sum(amounts[name] for box, amounts in pod.usage.items() if container in ("", box))
        for pod in pods
        if pod.usage
    ]
    level = max(1, sum(used) // max(1, len(used)))
    target = max(1, round(level / (rng.choice(RATIOS) or 1)))
    return Resource(name=name, type="AverageValue", target=target, container=container)


def _pods(rng: random.Random, current: int) -> tuple[Pod, ...]:
    """As many as there should be, or some fewer; half of the time all of them run."""
    count = current if rng.random() < 0.8 else rng.randrange(current + 1)
    settled = rng.random() < 0.5
    requests = {
        APP: {"cpu": rng.choice((100, 250, 1000)), "memory": rng.choice((64, 100)) * 2**20},
        SIDE: {"cpu": rng.choice((10, 33)), "memory": 10 * 2**20},
    }
    load = rng.choice(RATIOS)
    return tuple(
        _pod(rng, requests, load, Pod() if settled or rng.random() < 0.5 else rng.choice(LAGGARDS))
        for _ in range(count)
    )


def _pod(rng: random.Random, requests: dict[str, dict[str, int]], load: float, like: Pod) -> Pod:
    usage = {
        box: {
            name: round(amount * load * rng.choice((0.5, 0.8, 1.0)))
            for name, amount in amounts.items()
        }
        for box, amounts in requests.items()
    }
    measured = None if like is UNMEASURED or like.phase in ("Pending", "Succeeded") else usage
    return Pod(
        phase=like.phase,
        ready=like.ready,
        started=like.started,
        turned=like.turned,
        measured=like.measured,
        window=like.window,
        deleted=like.deleted,
        requests=requests,
        usage=measured,
    )


def _behavior(rng: random.Random) -> Json | None:
    """Any mixture of rules; None one time in six."""
    if rng.random() < 1 / 6:
        return None
    rules = {way: _rules(rng) for way in ("scaleUp", "scaleDown") if rng.random() < 0.8}
    return rules or {"scaleUp": _rules(rng)}


def _rules(rng: random.Random) -> Json:
    rules: Json = {"stabilizationWindowSeconds": rng.choice((0, 0, 0, 300))}
    if rng.random() < 0.4:
        rules["tolerance"] = rng.choice(("0", "0.05", "0.25", "0.5"))
    if rng.random() < 0.2:
        rules["selectPolicy"] = "Disabled"
        return rules
    if rng.random() < 0.8:
        rules["selectPolicy"] = rng.choice(("Max", "Min"))
        rules["policies"] = [_policy(rng) for _ in range(rng.choice((1, 1, 2)))]
    return rules


def _policy(rng: random.Random) -> Json:
    kind = rng.choice(("Pods", "Percent"))
    value = rng.choice((1, 2, 4, 8)) if kind == "Pods" else rng.choice((1, 10, 25, 50, 100, 300))
    return {"type": kind, "value": value, "periodSeconds": rng.choice((60, 300))}
