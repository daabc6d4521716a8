"""Tell the scheduler which pods a node was bought for, before it may use the node.

kube-scheduler looks at a pod's nominated node first. Left to its scores it spreads pods over the
new nodes, and of a tight plan some then fit nowhere and need another round (`tests/bench/rounds.py`
counts them). The field is written while the node still has its unregistered taint, so nobody is
quicker. It is advice: a pod that does not fit there is scheduled, and planned, like any other.
"""

from __future__ import annotations

import structlog

from kube.errors import KubeError
from kube.resources import PODS
from nodescaler.controllers.kit import Kit
from nodescaler.controllers.state import State
from nodescaler.controllers.together import together
from nodescaler.core.model import ClaimState, NodeState, PodSpec

log = structlog.get_logger()

AT_ONCE = 32


async def point_out(kit: Kit, state: State, claim: ClaimState, node: NodeState) -> None:
    """Nominate *node* for the pods that its claim was planned for and that still wait."""
    pods = [pod for pod in state.promised_to(claim.name, node.name) if not _is_told(pod, node)]
    await together((_nominate(kit, pod, node) for pod in pods), at_once=AT_ONCE)


def _is_told(pod: PodSpec, node: NodeState) -> bool:
    return pod.nominated_node == node.name


async def _nominate(kit: Kit, pod: PodSpec, node: NodeState) -> None:
    body = {"metadata": {"uid": pod.uid}, "status": {"nominatedNodeName": node.name}}
    try:
        await kit.client.patch(PODS, pod.name, body, namespace=pod.namespace, subresource="status")
    except KubeError as error:  # the plan holds without it; the scheduler may put the pod elsewhere
        log.info("not nominated", object=f"Pod/{pod.key}", node=node.name, why=str(error))
