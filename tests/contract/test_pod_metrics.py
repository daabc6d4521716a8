"""metrics.k8s.io of the sandbox: shapes as the metrics API documents them.

The real API server has no such API without metrics-server, so the sandbox alone is asked here;
that the documented shape is what Kubernetes' own client reads is shown by kubectl top, and by the
real HPA in tests/eventscaler/test_real_hpa.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clusters import Cluster
from tests.contract.http import Api, Json
from tests.contract.places import Space, container, pod

ROOT = "/apis/metrics.k8s.io/v1beta1"


pytestmark = pytest.mark.parametrize("cluster", ["sandbox"], indirect=True)


async def running(api: Api, space: Space, name: str, **notes: str) -> None:
    body = pod(name, labels={"app": name}, containers=[container(), container(name="side")])
    body["metadata"]["annotations"] = {f"tandem.sh/{key}": text for key, text in notes.items()}
    (await api.post(space("pods"), body)).ok()
    (await api.patch(space("pods", name, "status"), {"status": {"phase": "Running"}})).ok()


def usage(metrics: Json) -> dict[str, Json]:
    return {each["name"]: each["usage"] for each in metrics["containers"]}


async def test_pods_use_what_their_annotations_say(api: Api, space: Space) -> None:
    await running(api, space, "a", **{"usage": "cpu=1500m,memory=64Mi", "usage.side": "cpu=0.25"})
    await running(api, space, "idle")
    (await api.post(space("pods"), pod("pending"))).ok()
    listed = (await api.get(space("pods", root=ROOT))).ok()

    assert (listed["kind"], listed["apiVersion"]) == ("PodMetricsList", "metrics.k8s.io/v1beta1")
    a, idle = listed["items"]
    assert usage(a) == {
        "main": {"cpu": "1500m", "memory": "64Mi"},
        "side": {"cpu": "250m", "memory": "64Mi"},
    }
    assert usage(idle)["main"] == {"cpu": "0", "memory": "0"}
    assert a["metadata"]["labels"] == {"app": "a"}
    assert a["window"] == "15s"
    assert a["timestamp"].endswith("Z")


async def test_labels_select_and_one_pod_can_be_asked_for(api: Api, space: Space) -> None:
    for name in ("a", "b"):
        await running(api, space, name)
    found = (await api.get(space("pods", root=ROOT), labelSelector="app=b")).ok()
    one = (await api.get(space("pods", "b", root=ROOT))).ok()

    assert [each["metadata"]["name"] for each in found["items"]] == ["b"]
    assert one == found["items"][0] | {"kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1"}
    everywhere = (await api.get(f"{ROOT}/pods", labelSelector="app=b")).ok()
    assert one["metadata"]["name"] in {each["metadata"]["name"] for each in everywhere["items"]}


async def test_what_is_not_there_is_refused(api: Api, space: Space) -> None:
    (await api.get(space("pods", "ghost", root=ROOT))).refused(404, "NotFound")
    (await api.get(f"{ROOT}/nodes")).refused(404, "NotFound")
    refused = await api.post(space("pods", root=ROOT), {})
    assert refused.status == 405


async def test_a_bad_annotation_is_named(api: Api, space: Space) -> None:
    await running(api, space, "a", usage="cpu=much")
    told = (await api.get(space("pods", root=ROOT))).refused(500, "InternalError")

    assert told["message"] == (
        f"pod {space.name}/a: tandem.sh/usage: 'much' is no quantity; write it like 500m, 1.5Gi "
        "or 2e3"
    )


async def test_discovery_lists_it(api: Api) -> None:
    groups = (await api.get("/apis")).ok()["groups"]
    (resource,) = (await api.get(ROOT)).ok()["resources"]

    assert "metrics.k8s.io" in {each["name"] for each in groups}
    assert (resource["name"], resource["kind"], resource["verbs"]) == (
        "pods", "PodMetrics", ["get", "list"],
    )  # fmt: skip


async def test_kubectl_top_shows_it(
    api: Api, space: Space, cluster: Cluster, kubectl: Path
) -> None:
    await running(api, space, "a", usage="cpu=750m,memory=64Mi")
    command = [str(kubectl), f"--kubeconfig={cluster.kubeconfig}", "top", "pods", "--no-headers"]
    done = subprocess.run(  # noqa: ASYNC221 - the sandbox is another process
        [*command, f"--namespace={space.name}"], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["a", "1500m", "128Mi"]
