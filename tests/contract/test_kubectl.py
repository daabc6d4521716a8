"""The real kubectl against both halves: what users type, and what they are answered."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.clusters import Cluster
from tests.contract.definitions import INTEGER, schema, served
from tests.contract.http import Api, Json
from tests.contract.places import NODES, Space, config_map, container, node, pod, workload

Kubectl = Callable[..., Coroutine[Any, Any, str]]
COMMAND_S = 30.0


@pytest.fixture
def run(kubectl: Path, cluster: Cluster, space: Space, tmp_path: Path) -> Kubectl:
    """Run kubectl in the case's namespace; give what it printed, fail when it fails."""

    async def run(*words: str, fails: bool = False, **environ: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(str(kubectl), "--kubeconfig", str(cluster.kubeconfig), "-n", space.name, *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"HOME": str(tmp_path)} | environ,
        )
        async with asyncio.timeout(COMMAND_S):
            out, _ = await process.communicate()
        text = out.decode()
        assert (process.returncode != 0) == fails, f"{words}: {process.returncode}\n{text}"
        return text

    return run


def written(folder: Path, body: Json) -> str:
    path = folder / "manifest.json"
    path.write_text(json.dumps(body))
    return str(path)


def full(api_version: str, kind: str, body: Json) -> Json:
    return {"apiVersion": api_version, "kind": kind} | body


async def test_version_names_both_sides(run: Kubectl) -> None:
    text = await run("version")

    assert "Client Version: v1." in text
    assert "Server Version: v1." in text


async def test_get_prints_a_table(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("web", 3))).ok()

    header, line = (await run("get", "deployments")).splitlines()

    assert header.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert line.split()[:4] == ["web", "0/3", "0", "0"]


async def test_get_wide_prints_more(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n1"))).ok()

    header, line = (await run("get", "po", "-o", "wide")).splitlines()

    assert header.split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert "n1" in line


async def test_get_yaml_is_the_object(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a", k="1"))).ok()

    text = await run("get", "configmap", "a", "-o", "yaml")

    assert 'apiVersion: v1\ndata:\n  k: "1"\nkind: ConfigMap\n' in text
    assert "managedFields" not in text


async def test_get_takes_selectors(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", labels={"app": "x"}))).ok()
    (await api.post(space("pods"), pod("b", nodeName="n1"))).ok()

    by_label = await run("get", "pods", "-l", "app=x", "-o", "name")
    by_field = await run("get", "pods", "--field-selector", "spec.nodeName=n1", "-o", "name")

    assert (by_label, by_field) == ("pod/a\n", "pod/b\n")


async def test_get_of_nothing_says_so(run: Kubectl, space: Space) -> None:
    missing = await run("get", "pod", "a", fails=True)

    assert (await run("get", "pods")).strip() == f"No resources found in {space.name} namespace."
    assert missing.strip() == 'Error from server (NotFound): pods "a" not found'


async def test_get_watches(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(
            run("get", "pods", "-w", "--request-timeout=3s", "--output-watch-events")
        )
        (await api.patch(space("pods", "a", "status"), {"status": {"phase": "Running"}})).ok()

    lines = watching.result().splitlines()
    assert lines[0].split()[:2] == ["EVENT", "NAME"]
    assert lines[1].split()[:2] == ["ADDED", "a"]


async def test_apply_creates_configures_and_leaves(
    run: Kubectl, api: Api, space: Space, tmp_path: Path
) -> None:
    first = written(tmp_path, full("apps/v1", "Deployment", workload("web", 1)))
    said = [await run("apply", "-f", first), await run("apply", "-f", first)]
    second = written(tmp_path, full("apps/v1", "Deployment", workload("web", 2)))
    said.append(await run("apply", "-f", second))

    assert [s.strip() for s in said] == [
        "deployment.apps/web created",
        "deployment.apps/web unchanged",
        "deployment.apps/web configured",
    ]
    assert (await api.get(space("deployments", "web"))).ok()["spec"]["replicas"] == 2


async def test_apply_refuses_an_unknown_field(run: Kubectl, tmp_path: Path) -> None:
    body = full("apps/v1", "Deployment", workload("web", 1))
    body["spec"]["replica"] = 1

    text = await run("apply", "-f", written(tmp_path, body), fails=True)

    assert 'unknown field "spec.replica"' in text


async def test_apply_on_the_server(run: Kubectl, api: Api, space: Space, tmp_path: Path) -> None:
    body = full("v1", "ConfigMap", config_map("a", k="1"))
    said = await run("apply", "--server-side", "-f", written(tmp_path, body))
    (await api.patch(space("configmaps", "a"), {"data": {"k": "2"}}, fieldManager="bob")).ok()

    conflict = await run("apply", "--server-side", "-f", written(tmp_path, body), fails=True)
    forced = await run("apply", "--server-side", "--force-conflicts", "-f", written(tmp_path, body))

    assert said.strip() == forced.strip() == "configmap/a serverside-applied"
    assert 'conflict with "bob" using v1: .data.k' in conflict
    assert (await api.get(space("configmaps", "a"))).ok()["data"] == {"k": "1"}


async def test_create_makes_objects_from_words(run: Kubectl, api: Api, space: Space) -> None:
    await run("create", "configmap", "a", "--from-literal=k=1")
    await run("create", "deployment", "web", "--image=example.invalid/app:1", "--replicas=2")

    assert (await api.get(space("configmaps", "a"))).ok()["data"] == {"k": "1"}
    assert (await api.get(space("deployments", "web"))).ok()["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param("merge", '{"data":{"k":"2"}}', id="merge"),
        pytest.param("strategic", '{"data":{"k":"2"}}', id="strategic"),
        pytest.param("json", '[{"op":"replace","path":"/data/k","value":"2"}]', id="json"),
    ],
)
async def test_patch(run: Kubectl, api: Api, space: Space, kind: str, change: str) -> None:
    (await api.post(space("configmaps"), config_map("a", k="1"))).ok()

    said = await run("patch", "configmap", "a", "--type", kind, "-p", change)

    assert said.strip() == "configmap/a patched"
    assert (await api.get(space("configmaps", "a"))).ok()["data"] == {"k": "2"}


async def test_edit_saves_what_the_editor_leaves(
    run: Kubectl, api: Api, space: Space, tmp_path: Path
) -> None:
    (await api.post(space("configmaps"), config_map("a", k="old"))).ok()
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/k: old/k: new/" "$1"\n')
    editor.chmod(0o755)

    said = await run("edit", "configmap", "a", KUBE_EDITOR=str(editor))

    assert said.strip() == "configmap/a edited"
    assert (await api.get(space("configmaps", "a"))).ok()["data"] == {"k": "new"}


async def test_scale(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("web", 1))).ok()

    await run("scale", "deployment/web", "--replicas=4", "--current-replicas=1")
    refused = await run("scale", "deploy/web", "--replicas=5", "--current-replicas=1", fails=True)

    assert (await api.get(space("deployments", "web"))).ok()["spec"]["replicas"] == 4
    assert "expected replicas to be 1, was 4" in refused.lower()


async def test_label_and_annotate(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", labels={"old": "1"}))).ok()

    await run("label", "pod", "a", "x=y", "old-")
    await run("annotate", "pod", "a", "note=here")

    meta = (await api.get(space("pods", "a"))).ok()["metadata"]
    assert meta["labels"] == {"x": "y"}
    assert meta["annotations"] == {"note": "here"}


async def test_delete_waits_until_it_is_gone(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    said = await run("delete", "pod", "a")

    assert said.startswith('pod "a" deleted')
    (await api.get(space("pods", "a"))).refused(404, "NotFound")


async def test_describe_shows_object_and_events(run: Kubectl, api: Api, space: Space) -> None:
    made = (await api.post(space("pods"), pod("a", nodeName="n1"))).ok()
    about = {"kind": "Pod", "namespace": space.name, "name": "a", "uid": made["metadata"]["uid"]}
    told = {"reason": "Started", "message": "it runs", "type": "Normal", "count": 1}
    (
        await api.post(space("events"), {"metadata": {"name": "e"}, "involvedObject": about} | told)
    ).ok()

    text = await run("describe", "pod", "a")

    assert text.splitlines()[0].split() == ["Name:", "a"]
    assert "it runs" in text


async def test_describe_a_node(run: Kubectl, api: Api, space: Space) -> None:
    name = space.node_name("n")
    body = node(name, space) | {"status": {"capacity": {"cpu": "4"}, "allocatable": {"cpu": "4"}}}
    (await api.post(NODES, body)).ok()

    text = await run("describe", "node", name)
    (await api.delete(f"{NODES}/{name}")).ok()

    assert "node.kubernetes.io/not-ready:NoSchedule" in text
    assert "Non-terminated Pods:          (0 in total)" in text


async def test_wait_for_a_condition(run: Kubectl, api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(run("wait", "--for=condition=Ready", "pod/a", "--timeout=20s"))
        (await api.patch(space("pods", "a", "status"), ready)).ok()

    assert waiting.result().strip() == "pod/a condition met"


async def test_cordon_and_drain(run: Kubectl, api: Api, space: Space) -> None:
    name = space.node_name("n")
    (await api.post(NODES, node(name, space))).ok()
    (await api.post(space("pods"), pod("a", nodeName=name, terminationGracePeriodSeconds=0))).ok()

    cordoned = await run("cordon", name)
    unmanaged = await run("drain", name, fails=True)
    drained = await run("drain", name, "--force", "--timeout=20s")
    (await api.delete(f"{NODES}/{name}")).ok()

    assert cordoned.strip() == f"node/{name} cordoned"
    assert "cannot delete Pods that declare no controller" in unmanaged
    assert f"node/{name} drained" in drained
    (await api.get(space("pods", "a"))).refused(404, "NotFound")


async def test_api_resources_name_everything(run: Kubectl) -> None:
    text = await run("api-resources", "--no-headers")

    lines = {line.split()[0]: line.split() for line in text.splitlines()}
    assert lines["deployments"][1:] == ["deploy", "apps/v1", "true", "Deployment"]
    assert {"pods", "nodes", "leases", "poddisruptionbudgets", "events"} <= set(lines)


async def test_explain_knows_the_fields(run: Kubectl) -> None:
    text = await run("explain", "deployment.spec.replicas")

    assert "FIELD: replicas <integer>" in text


async def test_custom_resources_are_first_class(run: Kubectl, api: Api, space: Space) -> None:
    columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]
    custom = await served(api, space, schema(size=INTEGER), additionalPrinterColumns=columns)
    (await custom.create(spec={"size": 3})).ok()

    header, line = (await run("get", f"widgets.{custom.group}")).splitlines()

    assert header.split() == ["NAME", "SIZE"]
    assert line.split() == ["a", "3"]


async def test_a_rollout_is_followed(run: Kubectl, api: Api, space: Space) -> None:
    made = (await api.post(space("deployments"), workload("web", 1))).ok()
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    status = counts | {"observedGeneration": made["metadata"]["generation"]}
    (await api.patch(space("deployments", "web", "status"), {"status": status})).ok()

    text = await run("rollout", "status", "deployment/web", "--timeout=10s")

    assert text.strip() == 'deployment "web" successfully rolled out'


async def test_a_job_applied_by_the_client_is_applied_on_the_server(
    run: Kubectl, api: Api, space: Space, tmp_path: Path
) -> None:
    """Nobody owns what the server added to the job, so kubectl's migration leaves it in place."""
    bare = {"restartPolicy": "Never", "containers": [container()]}
    body = full(
        "batch/v1", "Job", {"metadata": {"name": "j"}, "spec": {"template": {"spec": bare}}}
    )
    path = written(tmp_path, body)
    await run("apply", "-f", path)
    before = (await api.get(space("jobs", "j"))).ok()

    said = await run("apply", "--server-side", "-f", path)

    after = (await api.get(space("jobs", "j"))).ok()
    assert said.strip() == "job.batch/j serverside-applied"
    assert after["spec"] == before["spec"]
    assert after["metadata"]["labels"] == before["spec"]["template"]["metadata"]["labels"]


async def test_what_the_server_adds_has_no_owner(run: Kubectl, api: Api, space: Space) -> None:
    await run("create", "job", "j", "--image=example.invalid/app:1")
    await run("run", "p", "--image=example.invalid/app:1")
    await run("create", "secret", "generic", "s", "--from-literal=k=1")

    owned = {
        name: await _owned(api, space(plural, name))
        for plural, name in (("jobs", "j"), ("pods", "p"), ("secrets", "s"))
    }

    assert "f:selector" not in owned["j"]["f:spec"]
    assert "f:labels" not in owned["j"]["f:spec"]["f:template"].get("f:metadata", {})
    assert not {"f:tolerations", "f:priority", "f:status"} & set(owned["p"]["f:spec"] | owned["p"])
    assert "." not in owned["p"]["f:spec"]["f:containers"]
    assert owned["s"] == {"f:data": {".": {}, "f:k": {}}, "f:type": {}}


async def _owned(api: Api, path: str) -> Json:
    (entry,) = (await api.get(path)).ok()["metadata"]["managedFields"]
    fields: Json = entry["fieldsV1"]
    return fields


async def test_a_list_is_applied_item_by_item(
    run: Kubectl, api: Api, space: Space, tmp_path: Path
) -> None:
    """For a List kubectl asks for the older OpenAPI document, in protobuf only."""
    items = [full("v1", "ConfigMap", config_map(name, k="1")) for name in ("a", "b")]
    path = written(tmp_path, full("v1", "List", {"items": items}))

    said = await run("apply", "-f", path)

    assert said.split("\n")[:2] == ["configmap/a created", "configmap/b created"]


async def test_an_unknown_kind_is_said_to_have_no_definition(run: Kubectl, tmp_path: Path) -> None:
    path = written(tmp_path, full("nope.example/v1", "Foo", {"metadata": {"name": "a"}}))

    text = await run("apply", "-f", path, fails=True)

    assert 'no matches for kind "Foo" in version "nope.example/v1"' in text
