"""A kwok machine and its Node object, each made from the other. Pure.

The Node joins the way a kubelet joins: in one write, with its capacity, a Ready condition and the
taint `karpenter.sh/unregistered:NoExecute`, which the registration takes off.
"""

from __future__ import annotations

from datetime import datetime

from kube.client import Json
from kube.values import times
from nodescaler.clouds.base import Instance, LaunchSpec
from nodescaler.clouds.offers import Offer, quantities, taints_json
from nodescaler.core.labels import HOSTNAME
from nodescaler.core.taints import UNREGISTERED
from nodescaler.decode import amounts

PREFIX = "kwok://"
FAKE = "kwok.x-k8s.io/node"
TOKEN = "kwok.x-k8s.io/token"  # noqa: S105 - a label's name
RESERVATION = "karpenter.kwok.sh/capacity-reservation-id"
PRICE = "eks-node-viewer/instance-price"


def instance_from(spec: LaunchSpec, offer: Offer) -> Instance:
    """The machine that answers *spec*."""
    reservation = offer.offering.reservation
    return Instance(
        provider_id=PREFIX + spec.token,
        token=spec.token,
        name=spec.name,
        labels=offer.labels | ({RESERVATION: reservation} if reservation else {}),
        capacity=offer.type.capacity,
        allocatable=offer.type.allocatable,
        usd_per_hour=offer.offering.usd_per_hour,
    )


def node_body(spec: LaunchSpec, machine: Instance, now: datetime) -> Json:
    """The Node as it joins."""
    labels = {
        **spec.labels,
        **machine.labels,
        HOSTNAME: machine.name,
        FAKE: "fake",
        TOKEN: machine.token,
        PRICE: f"{machine.usd_per_hour:g}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": machine.name, "labels": labels, "annotations": {FAKE: "fake"}},
        "spec": {
            "providerID": machine.provider_id,
            "taints": taints_json((UNREGISTERED, *spec.taints)),
        },
        "status": {
            "capacity": quantities(machine.capacity),
            "allocatable": quantities(machine.allocatable),
            "conditions": [_ready(now)],
            "nodeInfo": {"kubeletVersion": "fake", "architecture": "", "operatingSystem": ""},
        },
    }


def _ready(now: datetime) -> Json:
    return {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "the simulated kubelet is ready",
        "lastHeartbeatTime": times.seconds(now),
        "lastTransitionTime": times.seconds(now),
    }


def provider_id(node: Json) -> str:
    return str(node.get("spec", {}).get("providerID", ""))


def token_of(provider: str) -> str:
    return provider.removeprefix(PREFIX)


def machine_of(node: Json) -> Instance:
    """The machine whose Node this is."""
    status, labels = node.get("status", {}), node["metadata"].get("labels", {})
    return Instance(
        provider_id=provider_id(node),
        token=token_of(provider_id(node)),
        name=node["metadata"]["name"],
        labels=labels,
        capacity=amounts(status.get("capacity", {})),
        allocatable=amounts(status.get("allocatable", {})),
        usd_per_hour=float(labels.get(PRICE, 0)),
    )
