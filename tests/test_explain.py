"""`tandem explain`, from a running operator and from a status alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kube.client import Json
from tandem.explain_command import Explanation, lines
from tests.eventscaler.manifests import deployment, scaled_job, scaled_object
from tests.test_operator import LONG_S, Stage, answer, says

APPS = "/apis/apps/v1/namespaces/default/deployments"
JOBS = "/apis/keda.sh/v1alpha1/namespaces/default/scaledjobs"
OBJECTS = "/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects"
CRON = {
    "type": "cron",
    "name": "always",
    "metadata": {
        "timezone": "UTC",
        "start": "0 0 1 1 *",
        "end": "59 23 31 12 *",
        "desiredReplicas": "3",
    },
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


def explain(stage: Stage, what: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tandem", "explain", what, *flags]
    known = f"--kubeconfig={stage.kubeconfig}"
    return subprocess.run([*command, known], capture_output=True, text=True, check=False)


def test_a_running_operator_tells_what_it_decided(stage: Stage) -> None:
    stage.sandbox()
    health = f"http://127.0.0.1:{stage.health}"
    assert answer(stage.url + APPS, "POST", deployment())[0] == 201
    assert answer(stage.url + OBJECTS, "POST", scaled_object("orders", CRON))[0] == 201
    assert answer(stage.url + JOBS, "POST", scaled_job("batch", CRON))[0] == 201
    operator = stage.operator("one", f"--listen=127.0.0.1:{stage.health}", "--only=events")
    operator.wait_until(says(operator, "scaled"), LONG_S)

    found = json.loads(explain(stage, "so/orders", "--json", f"--operator={health}").stdout)
    first = found["decisions"][0]
    assert (first["currentReplicas"], first["desiredReplicas"]) == (0, 3)
    assert (first["rule"], first["winner"], first["written"]) == ("Demand", "always", True)
    assert first["triggers"][0]["value"] == 3

    operator.wait_until(says(operator, "jobs"), LONG_S)
    told = explain(stage, "sj/batch", f"--operator={health}").stdout
    assert "ScaledJob default/batch" in told
    assert "0 -> 3  Demand      always: 3 at 1 each asks for 3; none in flight; starting 3" in told

    told = explain(stage, "scaledobject/orders", f"--operator={health}").stdout
    assert "0 -> 3  Demand      always: 3 at 1 each asks for 3" in told
    assert answer(f"{health}/decisions/ScaledObject/default/other")[0] == 404

    told = explain(stage, "scaledobject/orders").stdout
    assert "the last turn, from its status" in told
    assert "no pod has the label app.kubernetes.io/name=tandem" in told


def test_bad_input(stage: Stage) -> None:
    stage.sandbox()
    assert answer(stage.url + OBJECTS, "POST", scaled_object())[0] == 201
    other = explain(stage, "pod/web")
    deaf = explain(stage, "so/orders", "--operator=http://127.0.0.1:1")
    gone = explain(stage, "so/gone")

    assert (other.returncode, other.stderr) == (
        2,
        "tandem: KIND/NAME: found 'pod/web'; would do: scaledobject/NAME, scaledjob/NAME\n",
    )
    assert deaf.returncode == 2
    assert "--operator: http://127.0.0.1:1 gives no decisions" in deaf.stderr
    assert gone.returncode == 1
    assert 'scaledobjects.keda.sh "gone" not found' in gone.stderr


BODY: Json = {
    "kind": "ScaledObject",
    "metadata": {"namespace": "shop", "name": "orders"},
    "status": {"conditions": [{"type": "Ready", "status": "True", "message": "all well"}]},
}


def made(**fields: object) -> Json:
    return {
        "since": "2026-05-01T12:00:00Z",
        "until": "2026-05-01T12:10:00Z",
        "times": 1,
        "currentReplicas": 4,
        "desiredReplicas": 9,
        "rule": "Demand",
        "message": "orders: 81 at 10 each asks for 9",
        "written": True,
        "triggers": [{"name": "orders", "value": None, "error": "connection refused"}],
        **fields,
    }


def test_what_was_refused_repeated_or_not_answered_is_seen() -> None:
    decisions = [
        made(written=False, refused="forbidden"),
        made(written=False),
        made(desiredReplicas=4, rule="Blind", times=7, written=False),
    ]
    told = lines(Explanation(BODY, decisions))

    assert told[:2] == ["ScaledObject shop/orders", "  Ready     True     all well"]
    assert told[4].endswith("asks for 9; refused: forbidden")
    assert told[5] == "      orders: no answer: connection refused"
    assert told[6].endswith("asks for 9; not written")
    assert told[8].endswith("asks for 9 (7 times until 12:10:00)")


def test_a_formula_without_a_result_says_what_keeps_it_from_one() -> None:
    made: Json = {
        "time": "2026-05-01T12:00:00Z",
        "currentReplicas": 4,
        "desiredReplicas": 4,
        "rule": "Blind",
        "message": "no answer from composite-metric; holding 4",
        "triggers": [{"name": "a", "error": "refused"}, {"name": "composite-metric"}],
    }
    told = lines(Explanation(BODY | {"status": {"lastDecision": made}}, None))

    assert told[-4:-2] == [
        "      a: no answer: refused",
        "      composite-metric: no answer: a trigger that the formula names does not answer",
    ]


def test_an_object_that_nobody_looked_at_yet() -> None:
    assert lines(Explanation(BODY, None, "nobody")) == [
        "ScaledObject shop/orders",
        "  Ready     True     all well",
        "",
        "no decision yet",
        "",
        "note: nobody",
    ]
