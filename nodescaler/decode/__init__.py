"""From the API's objects to the model of `nodescaler.core`: structs, faults, a function a kind.

Each struct has only the fields that a decision reads, so that caches stay small. A manifest that
is wrong gives all its faults at once, each with its field's path.
"""

from nodescaler.decode.amounts import amounts
from nodescaler.decode.faults import Fault, Faults
from nodescaler.decode.nodes import claim_state, coming_node, node_state
from nodescaler.decode.pods import daemon_spec, pod_spec, unreadable_pod
from nodescaler.decode.pools import node_pool
from nodescaler.decode.provisioners import provisioner
from nodescaler.decode.stock import Stock
from nodescaler.decode.storage import (
    CsiNodeObject,
    StorageClaimObject,
    StorageClassObject,
    VolumeObject,
)
from nodescaler.decode.structs import (
    DaemonSetObject,
    KwokNodeClassObject,
    NodeClaimObject,
    NodeObject,
    NodePoolObject,
    PodObject,
    ProvisionerObject,
    ReplicaSetObject,
)
from nodescaler.decode.volumes import attach_limits, resolve

__all__ = [
    "CsiNodeObject",
    "DaemonSetObject",
    "Fault",
    "Faults",
    "KwokNodeClassObject",
    "NodeClaimObject",
    "NodeObject",
    "NodePoolObject",
    "PodObject",
    "ProvisionerObject",
    "ReplicaSetObject",
    "Stock",
    "StorageClaimObject",
    "StorageClassObject",
    "VolumeObject",
    "amounts",
    "attach_limits",
    "claim_state",
    "coming_node",
    "daemon_spec",
    "node_pool",
    "node_state",
    "pod_spec",
    "provisioner",
    "resolve",
    "unreadable_pod",
]
