"""Bodies that tests apply, with the part that matters to the test given by it."""

from __future__ import annotations

import base64
from typing import Any

from kube.client import Json

SECRET = "s3cr3t-canary-7f"


def scaled_object(name: str = "orders", *triggers: Json, **spec: Any) -> Json:
    """A ScaledObject that scales the Deployment of its own name, unless told otherwise."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "scaleTargetRef": {"name": name},
            "triggers": list(triggers) or [pods_trigger()],
            **spec,
        },
    }


def scaled_job(name: str = "batch", *triggers: Json, **spec: Any) -> Json:
    """A ScaledJob with one small container."""
    container = {"name": "main", "image": "busybox"}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "jobTargetRef": {"template": {"spec": {"containers": [container]}}},
            "triggers": list(triggers) or [pods_trigger()],
            **spec,
        },
    }


def pods_trigger(app: str = "work", **more: Any) -> Json:
    """One replica for each pod labelled app=*app*: a queue that lives in the API."""
    metadata = {"podSelector": f"app={app}", "value": "1"}
    return {"type": "kubernetes-workload", "metadata": metadata} | more


def http_trigger(**metadata: str) -> Json:
    return {
        "type": "metrics-api",
        "metadata": {"url": "http://queue.default:80/", "valueLocation": "n", "targetValue": "5"}
        | metadata,
    }


def deployment(name: str = "orders", replicas: int = 0, env: Any = ()) -> Json:
    container = {"name": "main", "image": "busybox", "env": list(env)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
        },
    }


def pod(name: str, app: str = "work") -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "image": "busybox"}]},
    }


def secret(name: str, namespace: str = "default", **data: str) -> Json:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": encoded,
    }


def config_map(name: str, namespace: str = "default", **data: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def trigger_authentication(name: str = "creds", *, cluster: bool = False, **spec: Any) -> Json:
    metadata = {"name": name} if cluster else {"name": name, "namespace": "default"}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ClusterTriggerAuthentication" if cluster else "TriggerAuthentication",
        "metadata": metadata,
        "spec": spec,
    }
