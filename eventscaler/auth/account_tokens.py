"""Tokens of ServiceAccounts, asked of the API server (TokenRequest).

Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from eventscaler.auth.objects import AuthFault
from eventscaler.auth.where import Where
from kube.errors import Denied, KubeError, NotFound
from kube.resources import SERVICE_ACCOUNTS
from kube.values import times
from scalers._kept import Lasting
from scalers.base import Secret


async def requested(where: Where, name: str) -> Lasting[Secret]:
    """A fresh token of the ServiceAccount *name* in the home namespace, and when it ends.

    Raises:
        AuthFault: there is no such account, or its tokens may not be asked for.
    """
    what = f"serviceaccount {where.home}/{name}"
    client = where.cluster(f"a token of {what}")
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": int(where.settings.token_life.total_seconds())},
    }
    try:
        answer = await client.create(
            SERVICE_ACCOUNTS, body, namespace=where.home, name=name, subresource="token"
        )
    except NotFound:
        raise AuthFault(f"{what} does not exist") from None
    except Denied as denied:
        raise AuthFault(f"{what}: its tokens may not be asked for: {denied}") from denied
    except KubeError as error:
        raise AuthFault(f"{what}: no token can be had now: {error}") from error
    status = answer["status"]
    return Lasting(Secret(status["token"]), times.parse(status["expirationTimestamp"]))
