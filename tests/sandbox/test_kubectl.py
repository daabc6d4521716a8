"""The real kubectl against the embedded cluster: every command that issue 2 names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import control_plane
from tests.processes import Server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox-kubectl")]

READY_S = 30.0
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: "example/web:1", resources: {requests: {cpu: 100m}}}
"""
SCALED = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  maxReplicaCount: 7
  triggers:
  - type: cron
    metadata: {timezone: UTC, start: "0 0 * * *", end: "1 0 * * *", desiredReplicas: "1"}
"""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Run kubectl in a namespace of its own."""

    program: Path
    kubeconfig: Path
    folder: Path
    namespace: str = "default"

    def __call__(
        self, *words: str, given: str = "", fails: bool = False, editor: str = "false"
    ) -> str:
        command = [*self.prefix, *words]
        environ = {**os.environ, "EDITOR": editor, "HOME": str(self.folder)}
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=40, check=False,
            env=environ,
        )  # fmt: skip
        shown = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, f"{' '.join(words)}: {shown}"
        return shown

    @property
    def prefix(self) -> list[str]:
        return [str(self.program), "--kubeconfig", str(self.kubeconfig), "-n", self.namespace]

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """A sandbox with its actors and two nodes."""
    programs = control_plane.assets()
    if programs is None or not (programs / "kubectl").is_file():
        pytest.skip(control_plane.missing())
    folder = tmp_path_factory.mktemp("kubectl")
    address = folder / "address"
    command = [sys.executable, "-m", "tests.sandbox_process", str(address), "--controllers"]
    server = Server(command, folder / "sandbox.log")
    server.wait_until(address.is_file, READY_S)
    (folder / "kubeconfig").write_text(control_plane.kubeconfig(address.read_text()))
    kubectl = Kubectl(programs / "kubectl", folder / "kubeconfig", folder)
    for name in ("node-a", "node-b"):
        kubectl("create", "-f", "-", given=json.dumps(_node(name)))
    kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=20s")
    yield kubectl
    server.stop()


def _node(name: str) -> Any:
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    marks = {"kubernetes.io/hostname": name, "kwok.x-k8s.io/node": "fake"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": marks, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


@pytest.fixture
def kubectl(fleet: Kubectl, request: pytest.FixtureRequest) -> Kubectl:
    """A namespace for one test."""
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[:60].strip("-")
    fleet("create", "namespace", name)
    return Kubectl(fleet.program, fleet.kubeconfig, fleet.folder, name)


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    """The namespace with a Deployment that has rolled out."""
    kubectl("apply", "-f", "-", given=DEPLOYMENT)
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    return kubectl


def test_get_prints_tables(web: Kubectl) -> None:
    assert web("get", "deploy").splitlines()[0].split() == [
        "NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE",
    ]  # fmt: skip
    assert "example/web:1" in web("get", "deploy", "-o", "wide")
    assert (
        web("get", "pods", "-l", "app=web", "--field-selector=status.phase=Running").count(
            "Running"
        )
        == 2
    )
    assert "replicas: 2" in web("get", "deploy", "web", "-o", "yaml")
    assert "No resources" in web("get", "pods", "-l", "app=other")


def test_get_watches(web: Kubectl) -> None:
    watch = [*web.prefix, "get", "configmap", "-w", "--output-watch-events", "--no-headers"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        web("create", "configmap", "seen", "--from-literal=a=b")
        seen = running.stdout.readline()
        running.kill()

    assert seen.split()[:2] == ["ADDED", "seen"]


def test_apply_client_side(web: Kubectl) -> None:
    assert "unchanged" in web("apply", "-f", "-", given=DEPLOYMENT)
    changed = DEPLOYMENT.replace("web:1", "web:2")
    assert "configured" in web("apply", "-f", "-", given=changed)
    image = web("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image == "example/web:2"


def test_apply_server_side(kubectl: Kubectl) -> None:
    for _ in range(2):
        assert "serverside-applied" in kubectl(
            "apply", "--server-side", "-f", "-", given=DEPLOYMENT
        )
    changed = DEPLOYMENT.replace("web:1", "web:2")
    other = ("apply", "--server-side", "--field-manager=other", "-f", "-")

    refused = kubectl(*other, given=changed, fails=True)
    forced = kubectl(*other, "--force-conflicts", given=changed)

    assert 'conflict with "kubectl": .spec.template.spec.containers[name="c"].image' in refused
    assert "serverside-applied" in forced


def test_apply_takes_over_from_client_side(web: Kubectl) -> None:
    changed = DEPLOYMENT.replace("web:1", "web:2")

    assert "serverside-applied" in web("apply", "--server-side", "-f", "-", given=changed)


def test_strict_validation_tells_the_unknown_field(kubectl: Kubectl) -> None:
    wrong = DEPLOYMENT.replace("replicas: 2", "replica: 2")

    assert 'unknown field "spec.replica"' in kubectl("apply", "-f", "-", given=wrong, fails=True)


PATCHES = {
    "strategic": '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"x:9"}]}}}}',
    "merge": '{"metadata":{"labels":{"a":"b"}}}',
    "json": '[{"op":"replace","path":"/spec/replicas","value":1}]',
}


@pytest.mark.parametrize("kind", PATCHES)
def test_patch(web: Kubectl, kind: str) -> None:
    command = ("patch", "deploy", "web", f"--type={kind}", "-p", PATCHES[kind])

    assert "patched" in web(*command)
    assert "(no change)" in web(*command)


def test_edit(web: Kubectl) -> None:
    script = web.folder / "edit.sh"
    script.write_text('#!/bin/sh\nsed -i "s/replicas: 2/replicas: 3/" "$1"\n')
    script.chmod(0o755)

    assert "edited" in web("edit", "deploy", "web", editor=str(script))
    assert web.json("get", "deploy", "web")["spec"]["replicas"] == 3


def test_scale_label_and_annotate(web: Kubectl) -> None:
    web("scale", "deploy", "web", "--replicas=3")
    web("label", "deploy", "web", "tier=front")
    web("annotate", "deploy", "web", "note=hello")

    deploy = web.json("get", "deploy", "web")
    assert deploy["spec"]["replicas"] == 3
    assert deploy["metadata"]["labels"]["tier"] == "front"
    assert deploy["metadata"]["annotations"]["note"] == "hello"


def test_delete_waits_and_cascades(web: Kubectl) -> None:
    web("delete", "deploy", "web", "--cascade=orphan")
    assert "web" in web("get", "rs")
    web("delete", "rs", "--all", "--cascade=foreground")
    assert "No resources" in web("get", "pods,rs")


def test_describe(web: Kubectl) -> None:
    assert "2 desired | 2 updated" in web("describe", "deploy", "web")
    assert "Controlled By:  ReplicaSet/" in web("describe", "pod", "-l", "app=web")
    assert "Non-terminated Pods:" in web("describe", "node", "node-a")
    web("apply", "-f", "-", given=SCALED)
    assert "Kind:         ScaledObject" in web("describe", "scaledobject", "web")


def test_wait_and_logs(web: Kubectl) -> None:
    web("wait", "--for=condition=Available", "deploy/web", "--timeout=10s")
    web("wait", "--for=jsonpath={.status.phase}=Running", "pod", "-l", "app=web", "--timeout=10s")
    assert "container c started on node" in web("logs", "deploy/web")


def test_drain_cordon_and_uncordon(web: Kubectl) -> None:
    assert "cordoned" in web("cordon", "node-a")
    web("drain", "node-a", "--ignore-daemonsets", "--force", "--timeout=30s")
    assert "SchedulingDisabled" in web("get", "node", "node-a")
    web("uncordon", "node-a")
    assert "SchedulingDisabled" not in web("get", "node", "node-a")


def test_a_drain_waits_for_the_budget(web: Kubectl) -> None:
    web("create", "pdb", "web", "--selector=app=web", "--min-available=2")
    web("wait", "--for=jsonpath={.status.currentHealthy}=2", "pdb/web", "--timeout=20s")

    told = web("drain", "node-a", "node-b", "--ignore-daemonsets", "--timeout=3s", fails=True)
    web("uncordon", "node-a", "node-b")

    assert "Cannot evict pod as it would violate the pod's disruption budget" in told


def test_custom_resources(kubectl: Kubectl) -> None:
    for said in ("created", "unchanged"):
        assert said in kubectl("apply", "-f", "-", given=SCALED)
    header, row = kubectl("get", "so").splitlines()
    assert header.split()[:3] == ["NAME", "SCALETARGETKIND", "SCALETARGETNAME"]
    assert "7" in row.split()
    assert "patched" in kubectl(
        "patch", "so", "web", "--type=merge", "-p", '{"spec":{"pollingInterval":5}}'
    )
    columns = "custom-columns=N:.metadata.name,M:.spec.maxReplicaCount"
    assert kubectl("get", "so", "-o", columns).split() == ["N", "M", "web", "7"]
    kubectl("delete", "so", "web")


def test_api_resources_and_explain(kubectl: Kubectl) -> None:
    resources = kubectl("api-resources")
    assert "deployments" in resources
    assert "keda.sh/v1alpha1" in resources
    told = " ".join(kubectl("explain", "pod.spec").split())
    assert "Containers cannot currently be added or removed" in told
    assert "nodeSelectorTerms" in kubectl("explain", "pod.spec", "--recursive")
    assert "scaleTargetRef" in kubectl("explain", "scaledobject.spec", "--recursive")


def test_typed_commands(kubectl: Kubectl) -> None:
    """These send protobuf."""
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    kubectl("create", "deployment", "typed", "--image=x:1", "--replicas=0")
    kubectl("create", "job", "typed", "--image=x:1")
    kubectl("create", "secret", "generic", "typed", "--from-literal=a=b")
    assert kubectl.json("get", "secret", "typed")["data"] == {"a": "Yg=="}
    assert kubectl.json("get", "deploy", "typed")["spec"]["replicas"] == 0


def test_a_namespace_is_emptied(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "a")
    kubectl("delete", "namespace", kubectl.namespace, "--timeout=30s")
    assert "NotFound" in kubectl("get", "namespace", kubectl.namespace, fails=True)


def test_a_bad_manifest_tells_every_fault(kubectl: Kubectl) -> None:
    manifest = textwrap.dedent("""\
        apiVersion: v1
        kind: Pod
        metadata: {name: bad}
        spec: {restartPolicy: Sometimes, containers: [{name: Upper, image: x}]}
        """)

    told = kubectl("create", "-f", "-", given=manifest, fails=True)

    assert 'spec.restartPolicy: Unsupported value: "Sometimes"' in told
    assert 'spec.containers[0].name: Invalid value: "Upper"' in told
