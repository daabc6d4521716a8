"""`tandem run` as its own process: what it answers, how it ends, and what it survives.

Against the sandbox as another process, which a test may end and start again on the same port.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from kube.client import Json
from tests.processes import Server, free_ports

LONG_S = 60.0
CRDS = Path(__file__).parents[1] / "crds"
PROVISIONER = {
    "apiVersion": "karpenter.k8s.aws/v1alpha1",
    "kind": "Provisioner",
    "metadata": {"name": "default"},
    "spec": {"provider": {"instanceTypes": ["t3.micro"], "capacityType": ["spot"]}},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "work"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "work"}},
        "template": {
            "metadata": {"labels": {"app": "work"}},
            "spec": {"containers": [{"name": "main", "image": "work"}]},
        },
    },
}


def order(url: str) -> Json:
    """A ScaledObject that reads *url*."""
    metadata = {"url": url, "valueLocation": "n", "targetValue": "5"}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "work"},
        "spec": {
            "scaleTargetRef": {"name": "work"},
            "triggers": [{"type": "metrics-api", "metadata": metadata}],
        },
    }


class Stage:
    """A sandbox on a fixed port, and operators that use it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.port, self.health = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "c", "cluster": {"server": self.url}}],
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                    "users": [{"name": "u", "user": {}}],
                    "current-context": "c",
                }
            )
        )

    def sandbox(self) -> Server:
        written = f"--kubeconfig={self.folder / 'written'}"
        command = ["sandbox", f"--port={self.port}", written]
        server = self._server(self.folder / "sandbox.log", *command)
        server.wait_until(lambda: answer(f"{self.url}/version")[0] == 200, LONG_S)
        return server

    def operator(self, name: str, *flags: str) -> Server:
        common = [f"--kubeconfig={self.kubeconfig}", "--log-format=json"]
        if not any(flag.startswith("--listen") for flag in flags):
            common.append("--listen=127.0.0.1:0")
        return self._server(self.folder / f"{name}.log", "run", *common, *flags)

    def _server(self, log: Path, *arguments: str) -> Server:
        server = Server([sys.executable, "-m", "tandem", *arguments], log)
        self._stack.callback(server.stop, signal.SIGKILL)
        return server


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


def answer(url: str, method: str = "GET", body: object = None) -> tuple[int, str]:
    """Status and text; 0 when nobody listens."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def events(server: Server) -> list[str]:
    """The events of its log, and proof that each line is one of it."""
    lines = server.log.read_text().splitlines()
    return [json.loads(line)["event"] for line in lines if line.endswith("}")]


def says(server: Server, event: str, times: int = 1) -> Callable[[], bool]:
    return lambda: events(server).count(event) >= times


def lease_of(stage: Stage) -> str:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/tandem"
    return str(json.loads(answer(stage.url + path)[1])["spec"]["holderIdentity"])


def test_a_signal_ends_it_cleanly(stage: Stage) -> None:
    stage.sandbox()
    operator = stage.operator("one", f"--listen=127.0.0.1:{stage.health}")
    operator.wait_until(says(operator, "ready"), LONG_S)
    health = f"http://127.0.0.1:{stage.health}"

    assert answer(f"{health}/healthz") == (200, "ok")
    assert answer(f"{health}/readyz") == (200, "ok")
    shown = answer(f"{health}/metrics")[1]
    assert "tandem_leading 1.0" in shown
    assert 'keda_build_info{git_commit="",goarch="' in shown
    assert f'version="{version("tandem-autoscaler")}"}} 1.0' in shown
    assert lease_of(stage) != ""

    operator.send(signal.SIGINT)

    assert operator.wait(LONG_S) == 0
    assert events(operator)[-1] == "stopped"
    assert lease_of(stage) == ""


def test_a_port_in_use(stage: Stage) -> None:
    command = [sys.executable, "-m", "tandem", "run", f"--kubeconfig={stage.kubeconfig}"]
    stage.sandbox()
    found = subprocess.run(
        [*command, f"--listen=127.0.0.1:{stage.port}"], capture_output=True, text=True, check=False
    )

    assert found.returncode == 2
    told = f"tandem: --listen: 127.0.0.1:{stage.port} cannot be used: address already in use"
    assert found.stderr.splitlines()[-1] == told


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        pytest.param(["PORT"], "--metrics-api: ", id="a port in use"),
        pytest.param(
            ["--metrics-api=127.0.0.1:0", "--metrics-api-certificates=/gone"],
            "--metrics-api: /gone/tls.crt: no such file or directory",
            id="no certificate",
        ),
    ],
)
def test_a_metrics_api_that_cannot_be_served(stage: Stage, flags: list[str], problem: str) -> None:
    stage.sandbox()
    command = [sys.executable, "-m", "tandem", "run", f"--kubeconfig={stage.kubeconfig}"]
    taken = f"--metrics-api=127.0.0.1:{stage.port}"
    own = ["--listen=127.0.0.1:0", "--only=events", "--scale-with=hpa"]
    found = subprocess.run(
        [*command, *own, *(taken if flag == "PORT" else flag for flag in flags)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 2
    assert f"tandem: {problem}" in found.stderr.splitlines()[-1]


def test_a_dead_leader_is_succeeded_and_a_paused_one_ends_itself(stage: Stage) -> None:
    stage.sandbox()
    first = stage.operator("first", "--lease-duration=3s")
    first.wait_until(says(first, "ready"), LONG_S)
    second = stage.operator("second", "--lease-duration=3s")
    second.wait_until(says(second, "serving"), LONG_S)
    assert "ready" not in events(second)

    first.stop(signal.SIGKILL)
    second.wait_until(says(second, "ready"), LONG_S)
    third = stage.operator("third", "--lease-duration=3s")
    third.wait_until(says(third, "serving"), LONG_S)

    second.send(signal.SIGSTOP)
    third.wait_until(says(third, "ready"), LONG_S)
    second.send(signal.SIGCONT)

    assert second.wait(LONG_S) == 3
    assert "scaled" not in events(second)[events(second).index("ready") :]


def test_the_api_may_be_late_and_go_away(stage: Stage) -> None:
    operator = stage.operator("late", "--no-elect")
    operator.wait_until(says(operator, "not listed"), LONG_S)
    sandbox = stage.sandbox()
    operator.wait_until(says(operator, "ready"), LONG_S)
    operator.wait_until(says(operator, "nodes synced"), LONG_S)

    sandbox.stop(signal.SIGKILL)
    operator.wait_until(says(operator, "watch broken", 3), LONG_S)
    stage.sandbox()  # another cluster, with versions that start anew
    make = "/apis/karpenter.k8s.aws/v1alpha1/provisioners"
    assert answer(stage.url + make, "POST", PROVISIONER)[0] == 201
    operator.wait_until(says(operator, "pool ready"), LONG_S)

    operator.send(signal.SIGTERM)
    assert operator.wait(LONG_S) == 0
    assert "Traceback" not in operator.log.read_text()


def test_a_trigger_may_not_lead_where_egress_is_denied(stage: Stage) -> None:
    stage.sandbox()
    operator = stage.operator("limited", "--no-elect", "--egress-deny=127.0.0.0/8")
    operator.wait_until(says(operator, "ready"), LONG_S)
    for path, body in {
        "apps/v1/namespaces/default/deployments": DEPLOYMENT,
        "keda.sh/v1alpha1/namespaces/default/scaledobjects": order(f"{stage.url}/version"),
    }.items():
        assert answer(f"{stage.url}/apis/{path}", "POST", body)[0] == 201
    made = f"{stage.url}/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects/work"
    told = "127.0.0.1 may not be reached: egress to 127.0.0.0/8 is denied"

    operator.wait_until(lambda: told in answer(made)[1], LONG_S)


def test_kinds_may_go_and_come_back(stage: Stage) -> None:
    stage.sandbox()
    definitions = f"{stage.url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    operator = stage.operator("kinds")
    operator.wait_until(says(operator, "nodes synced"), LONG_S)
    for name in ("provisioners.karpenter.k8s.aws", "scaledobjects.keda.sh"):
        assert answer(f"{definitions}/{name}", "DELETE")[0] == 200
    late = stage.operator("without", "--no-elect")
    late.wait_until(says(late, "ready"), LONG_S)
    assert "kind not installed" in events(late)

    for name in ("karpenter.k8s.aws_provisioners", "keda.sh_scaledobjects"):
        body = yaml.safe_load((CRDS / f"{name}.yaml").read_text())
        assert answer(definitions, "POST", body)[0] == 201
    make = f"{stage.url}/apis/karpenter.k8s.aws/v1alpha1/provisioners"
    late.wait_until(lambda: answer(make)[0] == 200, LONG_S)
    assert answer(make, "POST", PROVISIONER)[0] == 201
    operator.wait_until(says(operator, "pool ready"), LONG_S)
    late.wait_until(says(late, "pool ready"), LONG_S)

    for each in (operator, late):
        each.send(signal.SIGTERM)
        assert each.wait(LONG_S) == 0
        assert "Traceback" not in each.log.read_text()


def test_no_secret_is_told(stage: Stage) -> None:
    """Not in the log, nor in what the API shows, even when the source tells it back."""
    planted, labels = "planted-hunter2", {"app": "w"}
    stage.sandbox()
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    auth = {"secretTargetRef": [{"parameter": "apiKey", "name": "key", "key": "k"}]}
    source = {
        "url": f"{stage.url}/nothing",
        "valueLocation": "value",
        "targetValue": "1",
        "authModes": "apiKey",
    }
    trigger = {"type": "metrics-api", "metadata": source, "authenticationRef": {"name": "auth"}}
    order = {"scaleTargetRef": {"name": "w"}, "pollingInterval": 1, "triggers": [trigger]}
    scaled_objects = "/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects"
    bodies: dict[str, tuple[str, Json]] = {
        "/api/v1/namespaces/default/secrets": ("key", {"stringData": {"k": planted}}),
        "/apis/apps/v1/namespaces/default/deployments": (
            "w",
            {"spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}},
        ),
        scaled_objects.replace("scaledobjects", "triggerauthentications"): ("auth", {"spec": auth}),
        scaled_objects: ("w", {"spec": order}),
    }
    for path, (name, body) in bodies.items():
        code, told = answer(stage.url + path, "POST", {"metadata": {"name": name}, **body})
        assert code == 201, told
    operator = stage.operator("discreet", "--log-level=debug")
    operator.wait_until(says(operator, "held"), LONG_S)
    operator.wait_until(
        lambda: "answered 404" in answer(f"{stage.url}{scaled_objects}/w")[1], LONG_S
    )

    assert planted not in operator.log.read_text()
    assert planted not in answer(f"{stage.url}{scaled_objects}/w")[1]
    assert planted not in answer(f"{stage.url}/api/v1/events")[1]
