"""What a decision reads of Jobs and pods."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eventscaler.core.jobs import Job, JobPod, Outcome
from eventscaler.decode.job import is_finished, jobs_of
from kube.client import Json


def body(uid: str = "u1", **more: Any) -> Json:
    meta = {"name": "batch-x", "uid": uid, "creationTimestamp": "2026-05-01T10:00:00Z"}
    return {"metadata": meta | more.pop("metadata", {}), **more}


def pod(owner: str, phase: str | None = "Pending", **more: Any) -> Json:
    owners = [{"uid": "other"}, {"uid": owner, "controller": True}]
    status = {key: value for key, value in {"phase": phase, **more}.items() if value}
    return {"metadata": {"ownerReferences": owners}, "status": status, "spec": {}}


def condition(kind: str, status: str = "True") -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": "2026-05-01T10:07:00Z"}


def test_a_job_that_runs() -> None:
    notes = {"scaledjob.keda.sh/generation": "4", "tandem.sh/sequence": "17"}
    (job,) = jobs_of([body(metadata={"annotations": notes})], None)

    assert job == Job(
        name="batch-x",
        uid="u1",
        created=datetime(2026, 5, 1, 10, tzinfo=UTC),
        generation="4",
        sequence=17,
        pods=None,
    )


@pytest.mark.parametrize(
    ("status", "outcome", "minute"),
    [
        (
            {
                "conditions": [condition("Suspended"), condition("Complete")],
                "completionTime": "2026-05-01T10:05:00Z",
            },
            Outcome.COMPLETE,
            5,
        ),
        ({"conditions": [condition("Failed")]}, Outcome.FAILED, 7),
        ({"conditions": [condition("Failed", "False")]}, None, None),
        ({"conditions": [condition("FailureTarget")]}, None, None),
        ({}, None, None),
        (None, None, None),
    ],
    ids=["complete", "failed", "not failed", "about to fail", "no condition", "no status"],
)
def test_when_a_job_is_over(status: Any, outcome: Outcome | None, minute: int | None) -> None:
    given = body(status=status)
    (job,) = jobs_of([given], None)

    assert (job.outcome, is_finished(given)) == (outcome, outcome is not None)
    assert job.ended == (minute and datetime(2026, 5, 1, 10, minute, tzinfo=UTC))


@pytest.mark.parametrize("odd", ["-3", "x", "٣", ""])
def test_an_odd_number_is_none(odd: str) -> None:
    (job,) = jobs_of([body(metadata={"annotations": {"tandem.sh/sequence": odd}})], None)
    assert job.sequence == 0


def test_one_that_is_being_deleted() -> None:
    (job,) = jobs_of([body(metadata={"deletionTimestamp": "2026-05-01T10:00:00Z"})], None)
    assert job.leaving


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, JobPod("Pending", awaits_node=True)),
        ({"status": {}}, JobPod("Pending", awaits_node=True)),
        (
            {"status": {"phase": "Pending", "nominatedNodeName": "n1"}},
            JobPod("Pending", awaits_node=True),
        ),
        (
            {
                "status": {
                    "phase": "Pending",
                    "conditions": [condition("PodScheduled", "False"), condition("Ready")],
                }
            },
            JobPod("Pending", frozenset({"Ready"}), awaits_node=True),
        ),
        ({"spec": {"nodeName": "n1"}}, JobPod("Pending")),
        ({"status": {"phase": "Failed"}}, JobPod("Failed")),
    ],
    ids=["new", "no phase", "nominated", "unschedulable", "placed", "failed before it was placed"],
)
def test_pods_are_found_by_their_job(change: Json, expected: JobPod) -> None:
    first, second = jobs_of([body("u1"), body("u2")], [pod("u2") | change])

    assert (first.pods, second.pods) == ((), (expected,))
