"""`podIdentity`, wherever it is written, with the rules that KEDA's webhook holds.

Source: https://keda.sh/docs/latest/concepts/authentication/#pod-authentication-providers
"""

from __future__ import annotations

from eventscaler.core.faults import Severity
from eventscaler.decode.node import Node
from scalers.base import PodIdentity

PROVIDERS = ("azure-workload", "gcp", "aws", "aws-eks", "none")
OWNERS = ("keda", "workload")


def pod_identity(node: Node) -> PodIdentity | None:
    """Read *node*; None where it is not given or its provider is none."""
    provider = node.text("provider", required=True, of=PROVIDERS)
    identity = PodIdentity(
        provider="aws" if provider == "aws-eks" else provider,
        role_arn=node.text("roleArn"),
        external_id=node.text("externalID"),
        owner=node.text("identityOwner", of=OWNERS),
        identity_id=node.text("identityId"),
        tenant_id=node.text("identityTenantId"),
        authority_host=node.text("identityAuthorityHost"),
    )
    if provider == "aws-eks":
        node.fault("provider", provider, "aws: aws-eks is deprecated", Severity.WARNING)
    _judge(node, identity)
    node.unknown()
    return identity if provider not in ("", "none") else None


def _judge(node: Node, identity: PodIdentity) -> None:
    if node.has("identityId") and not identity.identity_id:
        node.fault("identityId", "", "an id; leave it out for the operator's own")
    if identity.authority_host and not identity.tenant_id:
        node.fault("identityAuthorityHost", identity.authority_host, "identityTenantId beside it")
    if identity.role_arn and identity.owner == "workload":
        node.fault("roleArn", identity.role_arn, "nothing: identityOwner workload has its own role")
    if identity.external_id and not identity.role_arn:
        node.fault("externalID", identity.external_id, "roleArn beside it")
