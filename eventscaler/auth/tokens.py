"""`boundServiceAccountToken`: tokens of ServiceAccounts, shared until they are to be renewed.

Equal tokens make equal sources: a thousand triggers with one account are read once, and its token
is asked for once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from eventscaler.auth.account_tokens import requested
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import BoundToken
from scalers._kept import Ages, Kept, Lasting
from scalers.base import Secret

RENEWED_AT = 0.8  # of its life
DOUBTED_AFTER = timedelta(minutes=1)


async def bound(source: BoundToken, where: Where) -> Fetched:
    token = await token_of(where, where.home, source.service_account)
    return Fetched({source.parameter: token.value}, token.until)


async def token_of(
    where: Where, namespace: str, account: str, audiences: Sequence[str] = ()
) -> Lasting[Secret]:
    """A token of a ServiceAccount that is good for a while; one for all who ask.

    With no *audiences* the API server accepts it.

    Raises:
        AuthFault: no such account, or no token for this operator.
    """
    life = where.settings.token_life
    key = ("service account token", namespace, account, tuple(audiences), life)
    shared = where.io.remembered(key, Kept[Secret])

    async def fetch() -> Lasting[Secret]:
        return await requested(where, account, namespace=namespace, audiences=audiences)

    ages = Ages(oldest=DOUBTED_AFTER) if where.doubted else Ages(early=RENEWED_AT)
    return await shared.get(where.io.now(), fetch, ages)
