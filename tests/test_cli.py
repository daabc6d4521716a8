"""The command line as a stranger meets it: answers, exit codes, one line for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ORDER = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: orders, namespace: shop}
spec:
  scaleTargetRef: {name: orders}
  triggers:
    - type: TYPE
      metadata: {timezone: Europe/Berlin, start: 0 0 * * *, end: 59 23 * * *, desiredReplicas: "3"}
"""


def tandem(*arguments: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run the console script's module; `given` is its standard input, *more* its environment."""
    command = [sys.executable, "-m", "tandem", *arguments]
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "COLUMNS": "200", **more}
    return subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=environ
    )


@pytest.mark.parametrize(
    "command", ["run", "demo", "sandbox", "plan", "check", "validate", "version"]
)
def test_every_command_has_help(command: str) -> None:
    answer = tandem(command, "--help")

    assert answer.returncode == 0
    assert "Usage:" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(["validate", "-f", "/gone.yaml"], "/gone.yaml: no such file", id="no file"),
        pytest.param(["validate"], "Missing option", id="no option"),
        pytest.param(["validate", "--fiel", "x"], "No such option", id="a wrong flag"),
        pytest.param(["demo", "--broker", "zeromq"], "found 'zeromq'; would do: http", id="broker"),
        pytest.param(["sandbox", "--port", "99999"], "Invalid value for '--port'", id="port"),
        pytest.param(["run", "--listen", "8080"], "--listen: found '8080'; would do", id="listen"),
        pytest.param(
            ["run", "--shards", "2", "--no-elect"],
            "--shards: found '2'; would do: 1 with --no-elect",
            id="shards without leases",
        ),
        pytest.param(
            ["run", "--shards", "2", "--only", "nodes"],
            "--shards: found '2'; would do: 1 with --only nodes",
            id="shards of the other half",
        ),
        pytest.param(["run", "--scale-with", "keda"], "'tandem', 'hpa'", id="who scales"),
        pytest.param(
            ["run", "--metrics-api", "6443"], "--metrics-api: found '6443'", id="metrics API"
        ),
        pytest.param(
            ["run", "--metrics-api-address", "pod"],
            "--metrics-api-address: found 'pod'; would do: an IP address",
            id="no address",
        ),
        pytest.param(
            ["run", "--scale-with", "hpa", "--shards", "2"], "--shards 1", id="HPAs and shards"
        ),
        pytest.param(
            ["run", "--batch-idle-duration", "soon"],
            "--batch-idle-duration: found 'soon'; would do: a duration from 0, such as 1s",
            id="a duration",
        ),
        pytest.param(
            ["run", "--batch-max-duration", "-1s"],
            "--batch-max-duration: found '-1s'",
            id="negative",
        ),
        pytest.param(
            ["run", "--plan-deadline", "0s"],
            "--plan-deadline: found '0s'; would do: a duration above 0",
            id="no time to plan",
        ),
        pytest.param(["run", "--preference-policy", "Obey"], "'Respect', 'Ignore'", id="policy"),
        pytest.param(
            ["run", "--min-values-policy", "x"], "'Strict', 'BestEffort'", id="another policy"
        ),
        pytest.param(["run", "--node-cost", "nan"], "--node-cost: found 'nan'", id="a cost"),
        pytest.param(
            ["run", "--performance-factor", "m7g"],
            "found 'm7g'; would do: FAMILY=FACTOR with a factor above 0, such as m7g=1.2",
            id="a factor",
        ),
        pytest.param(["run", "--performance-factor", "m7g=0"], "found 'm7g=0'", id="no factor"),
        pytest.param(
            ["run", "--performance-factor", "t3=1", "--performance-factor", "t3=2"],
            "found 't3=2'; would do: one factor for t3; it already is 1",
            id="two factors",
        ),
        pytest.param(
            ["run", "--egress-allow", "10.0.0.0/8", "--egress-deny", "10.0.0.1/8"],
            "--egress-deny: '10.0.0.1/8' has bits outside of its mask; want 10.0.0.0/8",
            id="an address",
        ),
        pytest.param(
            ["run", "--trusted-vault", "vault.example"],
            "--trusted-vault: found 'vault.example'; would do: an address such as https://",
            id="a vault",
        ),
        pytest.param(
            ["run", "--trusted-azure-host", "*"], "--trusted-azure-host: found '*'", id="any Azure"
        ),
        pytest.param(
            ["run", "--secret-refresh", "1s"], "--secret-refresh: found '1s'", id="too often"
        ),
        pytest.param(["run", "--kubeconfig", "/gone"], "/gone", id="no kubeconfig"),
        pytest.param(["sandbox", "--kubeconfig", "/gone/k"], "'/gone' does not exist", id="folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], problem: str) -> None:
    answer = tandem(*arguments)

    assert answer.returncode == 2
    assert problem in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("BATCH_IDLE_DURATION", "soon", "--batch-idle-duration: found 'soon'"),
        ("PLAN_DEADLINE", "0s", "--plan-deadline: found '0s'"),
        ("PERFORMANCE_FACTOR", "m7g=1.2 t3", "--performance-factor: found 't3'"),
        ("TRUSTED_VAULT", "https://a b", "--trusted-vault: found 'b'"),
        ("TRUSTED_AZURE_HOST", "http://[", "--trusted-azure-host: found 'http://['"),
        ("EGRESS_ALLOW", "10.0.0.0/8 http://x", "--egress-allow: 'http://x' says no address"),
        ("EGRESS_DENY", "10.0.0.0/8 a b/c", "--egress-deny: 'b/c' says no address or host"),
    ],
)
def test_flags_about_planning_and_egress_come_from_the_environment_too(
    name: str, value: str, problem: str
) -> None:
    answer = tandem("run", **{name: value})

    assert answer.returncode == 2
    assert problem in answer.stderr


def test_a_valid_manifest(tmp_path: Path) -> None:
    path = tmp_path / "order.yaml"
    path.write_text(ORDER.replace("TYPE", "cron"))

    answer = tandem("validate", "-f", str(path), "--json")

    assert answer.returncode == 0
    assert json.loads(answer.stdout) == {"valid": True, "objects": 1, "faults": []}


def test_a_faulty_manifest_from_standard_input() -> None:
    answer = tandem("validate", "-f", "-", given=ORDER.replace("TYPE", "crno"))

    assert answer.returncode == 1
    assert "spec.triggers[0].type" in answer.stdout
    assert "did you mean 'cron'?" in answer.stdout


def test_the_examples_are_valid_together() -> None:
    answer = tandem("validate", "-f", str(Path(__file__).parents[1] / "examples"))

    assert answer.stdout.endswith(" objects: valid\n")
    assert answer.returncode == 0


@pytest.mark.parametrize(
    ("flags", "environ", "code"),
    [
        pytest.param((), {}, 0, id="warned of"),
        pytest.param(("--strict",), {}, 1, id="flag"),
        pytest.param((), {"KEDA_CHECK_UNEXPECTED_SCALERS_PARAMS": "enabled"}, 1, id="as KEDA"),
    ],
)
def test_a_key_that_nobody_reads(
    flags: tuple[str, ...], environ: dict[str, str], code: int
) -> None:
    order = ORDER.replace("TYPE", "cron").replace("{timezone", "{timezoen: x, timezone")
    answer = tandem("validate", "-f", "-", *flags, given=order, **environ)

    assert answer.returncode == code
    assert "'timezoen' is not a key of this trigger; did you mean 'timezone'?" in answer.stdout


def test_faults_of_both_halves_at_once() -> None:
    pool = """---
apiVersion: karpenter.k8s.aws/v1alpha1
kind: Provisioner
metadata: {name: default}
spec: {provider: {instanceTypes: [m5.larg]}}
---
kind: Pod
metadata: {name: a}
spec: {containers: [{name: c, resources: {requests: {cpu: "-1"}}}]}
"""
    answer = tandem("validate", "-f", "-", given=ORDER.replace("TYPE", "crno") + pool)

    assert answer.returncode == 1
    assert "spec.triggers[0].type" in answer.stdout
    assert "-, document 2: Provisioner default allows none of the" in answer.stdout
    assert "-, document 3: Pod a: spec.containers[0].resources.requests.cpu" in answer.stdout
    assert answer.stdout.endswith("3 objects: 3 faults\n")


def test_check_reads_for_real(tmp_path: Path) -> None:
    path = tmp_path / "order.yaml"
    path.write_text(ORDER.replace("TYPE", "cron"))

    answer = tandem("check", "-f", str(path), "--json")

    report = json.loads(answer.stdout)
    assert (answer.returncode, report["active"], report["desiredReplicas"]) == (0, True, 3)
    assert report["triggers"][0]["type"] == "cron"


def test_check_of_a_scaled_job(tmp_path: Path) -> None:
    path = tmp_path / "jobs.yaml"
    job = "jobTargetRef: {template: {spec: {containers: [{name: main, image: x}]}}}"
    text = ORDER.replace("TYPE", "cron").replace("kind: ScaledObject", "kind: ScaledJob")
    path.write_text(text.replace("scaleTargetRef: {name: orders}", job))
    answer = tandem("check", "-f", str(path), "--json")
    told = tandem("check", "-f", str(path))

    report = json.loads(answer.stdout)
    assert (answer.returncode, report["active"], report["desiredReplicas"]) == (0, True, 3)
    assert report["jobs"] == {"begun": 0, "pending": 0, "create": 3, "delete": []}
    assert "1 a job" in told.stdout
    assert "0 → 3 jobs in flight: s0-cron" in told.stdout


def test_check_of_a_source_that_does_not_answer() -> None:
    order = ORDER.replace("TYPE", "metrics-api")
    i = order.index("metadata: {timezone")
    order = order[:i] + 'metadata: {url: "http://127.0.0.1:9/", valueLocation: n, targetValue: "1"}'

    answer = tandem("check", "-f", "-", given=order)

    assert answer.returncode == 1
    assert "no answer" in answer.stdout
