"""An operator whose webhook judges the objects of one namespace of a real API server."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kube.certificates import KeyPair
from kube.client import Json
from tests import control_plane
from tests.charts.helm import Refused, Tool, environ_of
from tests.clusters import Cluster
from tests.e2e.operator import OperatorProcess
from tests.processes import free_ports

SOON_S = 30.0
KINDS = (
    "scaledobjects",
    "scaledjobs",
    "triggerauthentications",
    "clustertriggerauthentications",
)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A namespace whose objects a webhook judges."""

    kubectl: Tool
    namespace: str
    port: int
    health: str

    def apply(self, body: Json, *flags: str) -> str:
        """What kubectl says of *body* put into this namespace, warnings included."""
        meta = body["metadata"]
        labels = meta.get("labels", {}) | {"guarded": self.namespace}
        placed = meta | {"namespace": self.namespace, "labels": labels}
        if body["kind"].startswith("Cluster"):
            del placed["namespace"]
        text = json.dumps(body | {"metadata": placed})
        return self.kubectl("apply", "--filename=-", *flags, stdin=text)

    def refusal(self, body: Json, *flags: str) -> str:
        """The words in which it is refused; caches of other objects may be a moment behind."""
        ends = time.monotonic() + SOON_S
        while True:
            try:
                told = self.apply(body, "--dry-run=server", *flags)
            except Refused as refused:
                return str(refused)
            assert time.monotonic() < ends, f"taken: {told}"

    def warned(self, body: Json) -> str:
        """What its author is told, though it is taken."""
        with pytest.raises(Refused) as told:
            self.apply(body, "--warnings-as-errors")
        return str(told.value)

    def metric(self, name: str, **labels: str) -> float:
        with urllib.request.urlopen(f"{self.health}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        found = [line for line in lines if line.startswith(name + "{")]
        return sum(
            float(line.rpartition(" ")[2]) for line in found if all(w in line for w in wanted)
        )


@contextmanager
def standing_by(cluster: Cluster, folder: Path, pair: KeyPair | None = None) -> Iterator[Guarded]:
    """An operator that does not lead, and a webhook configuration that leads to it.

    With *pair* it shows that certificate from files, else one of its own making.
    """
    programs = control_plane.assets()
    assert programs is not None
    kubectl = Tool(programs / "kubectl", environ_of(folder, cluster.kubeconfig))
    name, (port,) = f"webhook-{uuid.uuid4().hex[:8]}", free_ports(1)
    kubectl("apply", "--server-side", "--force-conflicts", "--filename=crds")
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    for body in (held_lease(name), namespace(name), configuration(name, port, pair)):
        kubectl("apply", "--filename=-", stdin=json.dumps(body))
    certificate = f"--webhook-configuration={name}"
    if pair is not None:
        (folder / "tls.crt").write_bytes(pair.certificate)
        (folder / "tls.key").write_bytes(pair.key)
        certificate = f"--webhook-certificates={folder}"
    where = f"--webhook=127.0.0.1:{port}"
    operator = OperatorProcess(
        cluster, folder, "--only=events", f"--lease={name}", where, certificate
    )
    operator.start(until="trusted" if pair is None else "serving")
    health = next(
        line["object"] for line in operator.lines() if line.get("why") == "health and metrics"
    )
    wait_for_port(port)
    yield Guarded(kubectl, name, port, health)
    operator.stop()
    kubectl("delete", "validatingwebhookconfiguration", name)
    assert "leading" not in {line.get("event") for line in operator.lines()}


def held_lease(name: str) -> Json:
    renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 3600, "renewTime": renewed}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def configuration(name: str, port: int, pair: KeyPair | None) -> Json:
    """As the chart's, but by URL and for objects of this test."""
    trust = {"caBundle": b64encode(pair.authority).decode()} if pair else {}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": f"{plural}.admission.tandem.sh",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "timeoutSeconds": 10,
                "objectSelector": {"matchLabels": {"guarded": name}},
                "clientConfig": {"url": f"https://127.0.0.1:{port}/{plural}", **trust},
                "rules": [
                    {
                        "apiGroups": ["keda.sh"],
                        "apiVersions": ["v1alpha1"],
                        "resources": [plural],
                        "operations": ["CREATE", "UPDATE"],
                    }
                ],
            }
            for plural in KINDS
        ],
    }


def wait_for_port(port: int) -> None:
    ends = time.monotonic() + SOON_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            assert time.monotonic() < ends
            time.sleep(0.05)
        else:
            return
