"""As whom a scaler acts: a podIdentity with what only the cluster knows filled in.

`identityOwner: workload` means the role that the workload's own ServiceAccount is annotated with,
taken with a token of that account. Source:
https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from eventscaler.auth.objects import AuthFault, Ref, unread
from eventscaler.auth.tokens import token_of
from eventscaler.auth.where import Where
from kube.errors import KubeError, NotFound
from kube.resources import SERVICE_ACCOUNTS
from scalers.base import PodIdentity

ROLE = "eks.amazonaws.com/role-arn"
AUDIENCE = "sts.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Acting:
    """An identity, None for none, and when its token ends."""

    identity: PodIdentity | None = None
    until: datetime | None = None


async def acting(identity: PodIdentity | None, where: Where) -> Acting:
    """*identity* as a scaler can use it.

    Raises:
        AuthFault: the workload's ServiceAccount, its role or its token cannot be had.
    """
    if identity is None or identity.provider != "aws" or identity.owner != "workload":
        return Acting(identity)
    namespace, account = where.workload.namespace, await where.workload.service_account()
    role = await _role(where, namespace, account)
    token = await token_of(where, namespace, account, [AUDIENCE])
    return Acting(replace(identity, role_arn=role, web_token=token.value), token.until)


async def _role(where: Where, namespace: str, account: str) -> str:
    what = f"serviceaccount {namespace}/{account}"
    ref = Ref(SERVICE_ACCOUNTS.kind, namespace, account)
    try:
        body = await where.cluster(what).get(SERVICE_ACCOUNTS, account, namespace=namespace)
    except NotFound as error:
        where.objects.note(ref, "")
        raise AuthFault(f"{what} of {where.workload.what} does not exist") from error
    except KubeError as error:
        raise unread(what, error) from error
    where.objects.note(ref, str(body["metadata"].get("resourceVersion") or ""))
    role = (body["metadata"].get("annotations") or {}).get(ROLE)
    if not role:
        raise AuthFault(f"{what} of {where.workload.what} has no annotation {ROLE}")
    return str(role)
