"""Giving a pod its node.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/binding-v1/
"""

from __future__ import annotations

from kube.client import Client, Json
from kube.resources import PODS


async def bind(client: Client, namespace: str, pod: str, node: str, *, uid: str = "") -> None:
    """Bind a pod to a node. Raises `Conflict` when it already has one, or has another uid."""
    metadata: Json = {"name": pod, "namespace": namespace}
    if uid:
        metadata["uid"] = uid
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": metadata,
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    }
    await client.create(PODS, body, namespace=namespace, name=pod, subresource="binding")
