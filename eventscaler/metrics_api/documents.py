"""The documents of the API: discovery in its three forms, OpenAPI stubs, lists and statuses. Pure.

Source: https://github.com/kubernetes/metrics/tree/master/pkg/apis/external_metrics and
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

from eventscaler.core.hpa import SELECTOR, amount
from eventscaler.metrics_api.values import API_VERSION, GROUP, VERSION, Measured, Refusal
from kube.client import Json
from kube.values import times

LIST_KIND = "ExternalMetricValueList"
# One resource stands for all metrics: their names are not resources, and there may be thousands.
RESOURCE = "externalmetrics"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
OPENAPI_PATH = f"apis/{API_VERSION}"


def value_list(metric: str, scaled_object: str, measured: Measured) -> Json:
    """What an HPA reads; the value is a quantity in thousandths."""
    item = {
        "metricName": metric,
        "metricLabels": {SELECTOR: scaled_object},
        "timestamp": times.seconds(measured.at),
        "value": amount(measured.value),
    }
    return {"kind": LIST_KIND, "apiVersion": API_VERSION, "metadata": {}, "items": [item]}


def status(refusal: Refusal) -> Json:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": str(refusal),
        "reason": refusal.reason,
        "code": refusal.code,
    }


def group() -> Json:
    version = {"groupVersion": API_VERSION, "version": VERSION}
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": [version],
        "preferredVersion": version,
    }


def groups() -> Json:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]}


def resources() -> Json:
    resource = {
        "name": RESOURCE,
        "singularName": "",
        "namespaced": True,
        "kind": LIST_KIND,
        "verbs": ["get"],
    }
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": API_VERSION,
        "resources": [resource],
    }


def aggregated_groups() -> Json:
    """Discovery in one document, as newer API servers ask for it."""
    resource = {
        "resource": RESOURCE,
        "responseKind": {"group": GROUP, "version": VERSION, "kind": LIST_KIND},
        "scope": "Namespaced",
        "singularResource": "",
        "verbs": ["get"],
    }
    version = {"version": VERSION, "resources": [resource], "freshness": "Current"}
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [{"metadata": {"name": GROUP}, "versions": [version]}],
    }


INFO: Json = {"title": "Tandem external metrics", "version": VERSION}


def openapi_v2() -> Json:
    return {"swagger": "2.0", "info": INFO, "paths": {}, "definitions": {}}


def openapi_v3_index() -> Json:
    return {"paths": {OPENAPI_PATH: {"serverRelativeURL": f"/openapi/v3/{OPENAPI_PATH}"}}}


def openapi_v3() -> Json:
    return {"openapi": "3.0.0", "info": INFO, "paths": {}, "components": {"schemas": {}}}
