"""What a ScaledJob decodes to, and every message of a bad one."""

from __future__ import annotations

import copy
import textwrap
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core.faults import Severity
from eventscaler.core.jobs import Calculation, JobSettings, Rollout, Strategy
from eventscaler.core.model import Mode
from eventscaler.decode import AuthRef, ScaledJob, scaled_job
from kube.client import Json
from kube.scale import Target
from tests.eventscaler import manifests

DOCS = Path(__file__).parents[3] / "docs" / "scaledjob.md"
CONTAINER = {"name": "main", "image": "busybox"}


def decoded(body: Json) -> ScaledJob:
    order, faults = scaled_job(body)
    assert order is not None, faults
    return order


def faults_of(body: Json) -> list[str]:
    return [str(fault) for fault in scaled_job(body)[1]]


def job_of(pod: Json, **more: Any) -> Json:
    return {"jobTargetRef": {"template": {"spec": pod}, **more}}


def test_defaults_are_the_originals() -> None:
    order, faults = scaled_job(manifests.scaled_job())

    assert faults == ()
    assert order is not None
    assert (order.polling_s, order.settings) == (30, JobSettings())
    assert order.settings == JobSettings(
        min=0,
        max=100,
        strategy=Strategy.DEFAULT,
        calculation=Calculation.MAX,
        successes_kept=100,
        failures_kept=100,
        rollout=Rollout.IMMEDIATE,
        propagation="Background",
        paused=False,
    )
    assert order.target == Target("default", "keda.sh/v1alpha1", "ScaledJob", "batch")


def test_the_manifest_of_the_docs_says_the_defaults() -> None:
    text = DOCS.read_text()
    start = text.index("    apiVersion:")
    block = text[start : text.index("\n\n`", start)]
    order, faults = scaled_job(yaml.safe_load(textwrap.dedent(block)))

    assert faults == ()
    assert order is not None
    assert (order.polling_s, order.settings) == (30, JobSettings())


def test_every_field_is_read() -> None:
    trigger = manifests.pods_trigger(
        name="q", authenticationRef={"name": "creds", "kind": "ClusterTriggerAuthentication"}
    )
    body = manifests.scaled_job(
        "batch",
        trigger,
        pollingInterval=7,
        successfulJobsHistoryLimit=0,
        failedJobsHistoryLimit=3,
        envSourceContainerName="side",
        minReplicaCount=2,
        maxReplicaCount=9,
        rollout={"strategy": "gradual", "propagationPolicy": "foreground"},
        scalingStrategy={
            "strategy": "custom",
            "customScalingQueueLengthDeduction": 1,
            "customScalingRunningJobPercentage": "0.29",
            "pendingPodConditions": ["Ready", "PodScheduled"],
            "multipleScalersCalculation": "sum",
        },
    )
    body["metadata"] |= {"uid": "u", "generation": 4}
    order, faults = scaled_job(body)

    assert faults == ()
    assert order is not None
    assert order.settings == JobSettings(
        min=2,
        max=9,
        strategy=Strategy.CUSTOM,
        deduction=1,
        share=Fraction(29, 100),
        calculation=Calculation.SUM,
        begun_when=("Ready", "PodScheduled"),
        successes_kept=0,
        failures_kept=3,
        rollout=Rollout.GRADUAL,
        propagation="Foreground",
    )
    assert (order.polling_s, order.container) == (7, "side")
    assert (order.uid, order.generation) == ("u", "4")
    assert order.triggers[0].name == "q"
    assert order.triggers[0].auth == AuthRef("creds", "ClusterTriggerAuthentication")
    assert order.borrows


@pytest.mark.parametrize(
    ("given_policy", "kept"), [(None, "OnFailure"), ("", "OnFailure"), ("Never", "Never")]
)
def test_the_job_is_kept_with_a_restart_policy(given_policy: str | None, kept: str) -> None:
    pod: Json = {"containers": [CONTAINER], "restartPolicy": given_policy}
    body = manifests.scaled_job(**job_of(pod, backoffLimit=4, parallelism=2))
    before = copy.deepcopy(body)
    order = decoded(body)

    assert order.job == {
        "template": {"spec": {"containers": [CONTAINER], "restartPolicy": kept}},
        "backoffLimit": 4,
        "parallelism": 2,
    }
    assert order.workload["spec"]["template"]["spec"]["containers"] == [CONTAINER]
    assert body == before, "what was given is not changed"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobTargetRef": None}, "spec.jobTargetRef: found nothing, want a JobSpec"),
        ({"jobTargetRef": {}}, "spec.jobTargetRef.template: found nothing, want a pod template"),
        ({"jobTargetRef": "x"}, "spec.jobTargetRef: found 'x', want an object"),
        (job_of({"containers": []}),
         "spec.jobTargetRef.template.spec.containers: found nothing, want at least one container"),
        (job_of({"containers": [{"image": "x"}]}),
         "spec.jobTargetRef.template.spec.containers[0].name: found nothing, want a text"),
        (job_of({"containers": [CONTAINER], "restartPolicy": "Always"}),
         ("spec.jobTargetRef.template.spec.restartPolicy: found 'Always', "
         "want OnFailure or Never: a Job's pods may end")),
        ({"maxReplicaCount": 0}, "spec.maxReplicaCount: found 0, want at least 1"),
        ({"pollingInterval": 0}, "spec.pollingInterval: found 0, want at least 1"),
        ({"successfulJobsHistoryLimit": -1},
         "spec.successfulJobsHistoryLimit: found -1, want at least 0"),
        ({"failedJobsHistoryLimit": "5"},
         "spec.failedJobsHistoryLimit: found '5', want a whole number"),
        ({"rollout": {"strategy": "gradually"}},
         ("spec.rollout.strategy: found 'gradually', want one of immediate, gradual; "
         "did you mean 'gradual'?")),
        ({"rollout": {"propagationPolicy": "orphan"}},
         "spec.rollout.propagationPolicy: found 'orphan', want one of background, foreground"),
        ({"scalingStrategy": {"customScalingRunningJobPercentage": "half"}},
         ("spec.scalingStrategy.customScalingRunningJobPercentage: found 'half', "
         "want a share of at least 0, such as '0.5'")),
        ({"scalingStrategy": {"customScalingRunningJobPercentage": "1e999"}},
         ("spec.scalingStrategy.customScalingRunningJobPercentage: found '1e999', "
         "want a share of at least 0, such as '0.5'")),
        ({"scalingStrategy": {"customScalingQueueLengthDeduction": -1}},
         "spec.scalingStrategy.customScalingQueueLengthDeduction: found -1, want at least 0"),
        ({"scalingStrategy": {"pendingPodConditions": "Ready"}},
         "spec.scalingStrategy.pendingPodConditions: found 'Ready', want a list of texts"),
        ({"scalingStrategy": {"kind": "eager"}},
         "spec.scalingStrategy.kind: found 'kind', want a field of this object"),
        ({"cooldownPeriod": 3}, "spec.cooldownPeriod: found 'cooldownPeriod'"),
        ({"triggers": []}, "spec.triggers: found nothing, want at least one trigger"),
        ({"triggers": [{"type": "cpu", "metadata": {"value": "5"}}]},
         ("spec.triggers[0].type: found 'cpu', want another trigger: "
         "Jobs have no replicas that share a load")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_fault_says_where_what_and_what_would_do(change: Json, message: str) -> None:
    order, faults = scaled_job(manifests.scaled_job(**change))

    assert order is None
    assert [str(fault) for fault in faults if message in str(fault)], faults


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minReplicaCount": 5, "maxReplicaCount": 3},
         ("spec.minReplicaCount: found 5, want at most maxReplicaCount, "
         "which is 3 and what counts")),
        ({"rolloutStrategy": "gradual"},
         "spec.rolloutStrategy: deprecated; write rollout.strategy"),
        ({"scalingStrategy": {"strategy": "acurate"}},
         ("spec.scalingStrategy.strategy: found 'acurate', want one of default, custom, "
         "accurate, eager; did you mean 'accurate'?; default is used")),
        ({"scalingStrategy": {"multipleScalersCalculation": "highest"}},
         ("spec.scalingStrategy.multipleScalersCalculation: found 'highest', "
         "want one of max, min, avg, sum; max is used")),
        ({"scalingStrategy": {"strategy": "custom"}},
         ("spec.scalingStrategy.customScalingRunningJobPercentage: found nothing, "
         "want a share such as '0.5'; every running Job is deducted")),
        ({"triggers": [manifests.pods_trigger(metricType="Value")]},
         ("spec.triggers[0].metricType: found 'Value', want no such field here: "
         "Jobs are counted by AverageValue and read each time")),
        ({"triggers": [manifests.pods_trigger(useCachedMetrics=True)]},
         ("spec.triggers[0].useCachedMetrics: found true, want no such field here: "
         "Jobs are counted by AverageValue and read each time")),
    ],
    ids=["min", "rolloutStrategy", "strategy", "calculation", "custom", "metricType", "cached"],
)  # fmt: skip
def test_what_works_otherwise_than_written_is_a_warning(change: Json, message: str) -> None:
    order, faults = scaled_job(manifests.scaled_job(**change))

    assert order is not None
    assert [(str(fault), fault.severity) for fault in faults] == [(message, Severity.WARNING)]
    assert order.triggers[0].metric_type == "AverageValue"


def test_the_old_rollout_field_wins_as_in_keda() -> None:
    body = manifests.scaled_job(rolloutStrategy="gradual", rollout={"strategy": "immediate"})
    assert decoded(body).settings.rollout is Rollout.GRADUAL


@pytest.mark.parametrize(
    ("text", "paused"),
    [("true", True), ("please", True), ("false", False), ("0", False), (None, False)],
)
def test_pause(text: str | None, paused: bool) -> None:
    body = manifests.scaled_job()
    if text is not None:
        body["metadata"]["annotations"] = {"autoscaling.keda.sh/paused": text}

    assert decoded(body).settings.paused is paused


@pytest.mark.parametrize("mode", Mode)
def test_mode(mode: Mode) -> None:
    body = manifests.scaled_job()
    body["metadata"]["annotations"] = {"tandem.sh/mode": mode.value}

    assert decoded(body).settings.mode is mode


def test_an_unknown_mode_is_refused() -> None:
    body = manifests.scaled_job()
    body["metadata"]["annotations"] = {"tandem.sh/mode": "of"}

    assert faults_of(body) == [
        (
            "metadata.annotations[tandem.sh/mode]: found 'of', want auto or recommend or off; "
            "did you mean 'off'?"
        )
    ]


def test_labels_but_for_those_that_are_left_out() -> None:
    body = manifests.scaled_job()
    body["metadata"] |= {
        "labels": {"team": "a", "app": "b", "argo": "c"},
        "annotations": {"scaledjob.keda.sh/job-excluded-labels": "argo, app"},
    }

    assert decoded(body).labels == {"team": "a"}


def test_a_long_name_is_refused() -> None:
    assert faults_of(manifests.scaled_job("x" * 64)) == [
        "metadata.name: found '64 characters', want at most 63"
    ]


def test_equal_bodies_decode_to_equal_values() -> None:
    body = manifests.scaled_job()
    other = copy.deepcopy(body) | {"status": {"lastActiveTime": "2026-05-01T12:00:00Z"}}

    assert scaled_job(body)[0] == scaled_job(other)[0]


KEYS = st.sampled_from(
    [
        "metadata",
        "spec",
        "triggers",
        "jobTargetRef",
        "template",
        "containers",
        "scalingStrategy",
        "metricType",
        "pendingPodConditions",
    ]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_no_body_makes_it_raise(body: Json) -> None:
    order, faults = scaled_job(body)

    assert order is not None or faults


@given(st.text(max_size=12) | st.floats().map(str))
def test_any_share_is_a_number_or_a_fault(text: str) -> None:
    strategy = {"strategy": "custom", "customScalingRunningJobPercentage": text}
    order, faults = scaled_job(manifests.scaled_job(scalingStrategy=strategy))

    assert faults or (order is not None and 0 <= order.settings.share <= 1000)
