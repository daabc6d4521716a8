"""Tokens of ServiceAccounts, asked of the API server (TokenRequest).

Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from collections.abc import Sequence

from eventscaler.auth.objects import AuthFault, Ref, unread
from eventscaler.auth.where import Where
from kube.client import Json
from kube.errors import Denied, KubeError, NotFound
from kube.resources import SERVICE_ACCOUNTS
from kube.values import times
from scalers._kept import Lasting
from scalers.base import Secret


async def requested(
    where: Where, name: str, *, namespace: str = "", audiences: Sequence[str] = ()
) -> Lasting[Secret]:
    """A fresh token of the ServiceAccount *name*, and when it ends.

    The account is in the home namespace, unless *namespace* says another. Where no *audiences* are
    given, the API server accepts it.

    Raises:
        AuthFault: there is no such account, or its tokens may not be asked for.
    """
    namespace = namespace or where.home
    what = f"serviceaccount {namespace}/{name}"
    client = where.cluster(f"a token of {what}")
    spec: Json = {"expirationSeconds": int(where.settings.token_life.total_seconds())}
    if audiences:
        spec["audiences"] = list(audiences)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    try:
        answer = await client.create(
            SERVICE_ACCOUNTS,
            body,
            namespace=namespace,
            name=name,
            subresource="token",
            stores=False,
        )
    except NotFound:
        where.objects.note(Ref(SERVICE_ACCOUNTS.kind, namespace, name), "")
        raise AuthFault(f"{what} does not exist") from None
    except Denied as denied:
        raise AuthFault(f"{what}: its tokens may not be asked for: {denied}") from denied
    except KubeError as error:
        raise unread(f"a token of {what}", error) from error
    status = answer["status"]
    return Lasting(Secret(status["token"]), times.parse(status["expirationTimestamp"]))
