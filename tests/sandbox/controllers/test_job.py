"""Counting a Job's pods: whatever order things are seen in, each pod counts exactly once."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kube.client import Json
from kube.resources import JOBS, PODS
from tandem.sandbox.controllers.job import reconcile
from tandem.sandbox.controllers.job_indexes import compress, expand
from tandem.sandbox.controllers.plans import Change
from tandem.sandbox.controllers.things import JOB_TRACKING, thing

NOW = datetime(2026, 1, 1, tzinfo=UTC)

PHASES = st.lists(st.sampled_from(["Succeeded", "Failed"]), max_size=6)


def pod(number: int, phase: str) -> Json:
    metadata = {"name": f"p{number}", "namespace": "d", "uid": f"u{number}"}
    return {"metadata": {**metadata, "finalizers": [JOB_TRACKING]}, "status": {"phase": phase}}


def job() -> Json:
    metadata = {"name": "j", "namespace": "d", "uid": "j"}
    spec = {"completions": 99, "parallelism": 0, "backoffLimit": 99}
    return {"metadata": metadata, "spec": spec, "status": {}}


def merged(old: Json, patch: Json) -> Json:
    found = dict(old)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            inner = found.get(key)
            is_object = isinstance(value, dict)
            found[key] = (
                merged(inner if isinstance(inner, dict) else {}, value) if is_object else value
            )
    return found


@given(PHASES, st.lists(st.integers(0, 2), max_size=30))
def test_each_pod_counts_once_wherever_a_look_is_cut_short(
    phases: list[str], carried: list[int]
) -> None:
    """Each look carries out only the first few of its actions, as a crash would leave it."""
    pods = {f"p{number}": pod(number, phase) for number, phase in enumerate(phases)}
    work = job()
    for most in [*carried, *[99] * 5]:
        plan = reconcile(thing(work), [thing(each) for each in pods.values()], NOW)
        for action in plan.actions[:most]:
            assert isinstance(action, Change)
            patch = {key: value for key, value in action.body.items() if key != "metadata"}
            if action.resource == JOBS:
                work = merged(work, patch)
            else:
                assert action.resource == PODS
                pods[action.name]["metadata"]["finalizers"] = []

    status = work["status"]
    counted = (status.get("succeeded", 0), status.get("failed", 0))
    assert counted == (phases.count("Succeeded"), phases.count("Failed"))
    assert not any(status["uncountedTerminatedPods"].values())
    assert not any(each["metadata"]["finalizers"] for each in pods.values())


@given(st.sets(st.integers(0, 60)))
def test_indexes_survive_being_written(indexes: set[int]) -> None:
    assert expand(compress(sorted(indexes))) == sorted(indexes)
