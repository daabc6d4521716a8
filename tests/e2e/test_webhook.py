"""The webhook on a real API server: `kubectl apply` is refused with our text, or warned.

The operator under test does not lead, since another one holds its Lease: every replica answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kube.certificates import self_signed
from kube.client import Json
from tests.charts.helm import Refused
from tests.clusters import Cluster, Fleet, Kind
from tests.e2e.guarded import KINDS, Guarded, standing_by
from tests.eventscaler.manifests import (
    deployment,
    pods_trigger,
    scaled_object,
    trigger_authentication,
)
from tests.test_cli import tandem

pytestmark = pytest.mark.timeout(120)
DENIED = 'admission webhook "{}.admission.tandem.sh" denied the request: {}'
CPU: Json = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
LONG = "a" * 63


@pytest.fixture(scope="module")
def standby(_real: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with standing_by(_real.get(Kind.OPERATED), tmp_path_factory.mktemp("webhook")) as found:
        yield found


@pytest.fixture
def guarded(standby: Guarded) -> Iterator[Guarded]:
    """The same namespace, empty."""
    yield standby
    kinds = "scaledobjects,triggerauthentications,deployments,limitranges,hpa"
    standby.kubectl("delete", kinds, "--all", f"--namespace={standby.namespace}", "--timeout=20s")


def hpa(**annotations: str) -> Json:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3},
    }


def with_metadata(body: Json, **more: Any) -> Json:
    return body | {"metadata": body["metadata"] | more}


TRANSFER = {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}


@pytest.mark.parametrize(
    ("before", "body", "label", "text"),
    [
        pytest.param(
            [],
            scaled_object(LONG),
            "hpa-name-too-long",
            f"found 'keda-hpa-{LONG}', 72 characters, want at most 63",
            id="name of the HPA",
        ),
        pytest.param(
            [],
            scaled_object(LONG + "b", scaleTargetRef={"name": "orders"}),
            "name-too-long",
            "metadata.name: found '64 characters', want at most 63",
            id="name",
        ),
        pytest.param(
            [],
            scaled_object(
                "orders",
                pods_trigger(name="a"),
                advanced={"scalingModifiers": {"formula": "a + b", "target": "1"}},
            ),
            "scaling-modifiers",
            "'b' is not a trigger; named triggers: a",
            id="formula",
        ),
        pytest.param(
            [],
            scaled_object("orders", {"type": "crno", "metadata": {}}),
            "incorrect-triggers",
            "spec.triggers[0].type: 'crno' is not a trigger type; did you mean 'cron'?",
            id="unknown type",
        ),
        pytest.param(
            [],
            scaled_object("orders", CPU),
            "scale-to-zero-requirements-not-met",
            "spec.minReplicaCount: found 0, want at least 1, or a trigger of another type",
            id="cpu from zero",
        ),
        pytest.param(
            [scaled_object("first", scaleTargetRef={"name": "orders"})],
            scaled_object(),
            "other-scaled-object",
            "Deployment/orders, want a target of its own: ScaledObject/first scales this one",
            id="another ScaledObject",
        ),
        pytest.param(
            [scaled_object("first")],
            scaled_object(advanced={"horizontalPodAutoscalerConfig": {"name": "keda-hpa-first"}}),
            "other-scaled-object-hpa",
            "found 'keda-hpa-first', want a name of its own: ScaledObject/first has this HPA",
            id="another ScaledObject's HPA",
        ),
        pytest.param(
            [hpa()],
            scaled_object(),
            "other-hpa",
            "want a target that no HPA scales: HorizontalPodAutoscaler/web scales this one",
            id="a foreign HPA",
        ),
        pytest.param(
            [hpa()],
            with_metadata(scaled_object(), annotations=TRANSFER),
            "transfer-ownership-missing-hpa-name",
            "found nothing, want 'web': the HPA of this workload is to be taken over",
            id="transfer without a name",
        ),
    ],
)
def test_it_is_refused(
    guarded: Guarded, before: list[Json], body: Json, label: str, text: str
) -> None:
    for each in before:
        guarded.apply(each)
    labels = {"namespace": guarded.namespace, "reason": label, "action": "create"}
    name = "keda_webhook_scaled_object_validation_errors_total"
    was = guarded.metric(name, **labels)

    told = guarded.refusal(body)

    assert DENIED.format("scaledobjects", "") in told
    assert text in told
    assert guarded.metric(name, **labels) == was + 1


def test_a_container_needs_a_request(guarded: Guarded) -> None:
    order = scaled_object("orders", CPU, minReplicaCount=1)
    guarded.apply(deployment())
    with pytest.raises(Refused, match="to have a cpu request or limit, or a LimitRange"):
        guarded.apply(order)

    assert "created (server dry run)" in guarded.apply(order, "--dry-run=server")

    limits = [{"type": "Container", "defaultRequest": {"cpu": "1"}}]
    guarded.apply(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "l"},
            "spec": {"limits": limits},
        }
    )
    assert "created" in guarded.apply(order)


def test_a_workload_that_is_not_there_yet_is_a_warning(guarded: Guarded) -> None:
    text = "is not there yet: the requests of its containers are not checked"
    assert text in guarded.warned(scaled_object("orders", CPU, minReplicaCount=1))


def test_warnings_reach_the_author(guarded: Guarded) -> None:
    trigger = pods_trigger(metadata={"podSelector": "a=b", "value": "1", "valu": "1"})
    told = guarded.warned(scaled_object("orders", trigger, minReplicaCount=1, cooldownPeriod=9))

    assert "Warning: spec.cooldownPeriod: has no effect with minReplicaCount 1" in told
    assert "did you mean 'value'?" in told


def test_an_edit_is_judged_and_a_deletion_is_not(guarded: Guarded) -> None:
    place = f"--namespace={guarded.namespace}"
    guarded.apply(with_metadata(scaled_object(), finalizers=["example.com/kept"]))
    guarded.apply(hpa())

    told = guarded.refusal(scaled_object(maxReplicaCount=7))
    guarded.kubectl("delete", "so", "orders", place, "--wait=false")
    freed = '--patch={"metadata":{"finalizers":null}}'
    guarded.kubectl("patch", "so", "orders", place, "--type=merge", freed)

    assert "want a target that no HPA scales" in told
    assert guarded.kubectl("get", "so", place, "--output=name") == ""


def test_a_finalizer_can_be_taken_off(guarded: Guarded) -> None:
    place = f"--namespace={guarded.namespace}"
    order = scaled_object()
    guarded.apply(with_metadata(order, finalizers=["example.com/kept"]))
    guarded.apply(hpa())
    guarded.refusal(scaled_object(maxReplicaCount=7))

    freed = '--patch={"metadata":{"finalizers":null}}'

    assert "patched" in guarded.kubectl("patch", "so", "orders", place, "--type=merge", freed)


def test_authentications_are_judged(guarded: Guarded) -> None:
    identity = {"provider": "aws", "externalID": "x"}
    told = guarded.refusal(trigger_authentication(podIdentity=identity))

    assert "spec.podIdentity" in told


def test_scaled_jobs_are_judged(guarded: Guarded) -> None:
    template = {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}
    trigger = {"type": "crno", "metadata": {}}
    body = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "orders"},
        "spec": {"jobTargetRef": {"template": template}, "triggers": [trigger]},
    }
    told = guarded.refusal(body)

    assert DENIED.format("scaledjobs", "spec.triggers[0].type: 'crno' is not a trigger") in told


def test_its_own_certificate_is_the_only_one_it_shows(guarded: Guarded) -> None:
    shown = guarded.kubectl(
        "get", "validatingwebhookconfiguration", guarded.namespace,
        "--output=jsonpath={.webhooks[*].clientConfig.caBundle}",
    )  # fmt: skip

    assert len(set(shown.split())) == 1
    assert len(shown.split()) == len(KINDS)


def test_a_certificate_from_files(real_cluster: Cluster, tmp_path: Path) -> None:
    pair = self_signed(["127.0.0.1"], datetime.now(UTC))
    with standing_by(real_cluster, tmp_path, pair) as guarded:
        told = guarded.refusal(scaled_object(LONG))

    assert DENIED.format("scaledobjects", "spec.advanced") in told


def test_what_is_right_passes(guarded: Guarded) -> None:
    name = "keda_webhook_scaled_object_validation_total"
    was = guarded.metric(name, namespace=guarded.namespace, action="create")
    guarded.apply(hpa(**{"validations.keda.sh/hpa-ownership": "false"}))

    assert "created" in guarded.apply(scaled_object())
    assert guarded.metric(name, namespace=guarded.namespace, action="create") == was + 1


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        pytest.param(
            ("--webhook=here",), "--webhook: found 'here'; would do: host:port", id="port"
        ),
        pytest.param(("--webhook=127.0.0.1:1",), "--webhook: found no certificate", id="none"),
        pytest.param(
            ("--webhook=127.0.0.1:1", "--webhook-certificates=/gone"),
            "--webhook-certificates: /gone/tls.crt is not there",
            id="no files",
        ),
    ],
)
def test_flags_that_cannot_work(flags: tuple[str, ...], text: str) -> None:
    answer = tandem("run", *flags)

    assert answer.returncode == 2
    assert text in answer.stderr
