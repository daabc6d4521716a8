"""OAuth2 client credentials: `oauth2`.

It yields no parameter but the way to get a token: the scaler asks for one at each read, and gets
the one that all with equal credentials share until shortly before it ends.
Source: https://www.rfc-editor.org/rfc/rfc6749#section-4.4
"""

from __future__ import annotations

from eventscaler.auth.remote import kit
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import OAuth2
from scalers._grants import ClientCredentials, token


async def fetch(source: OAuth2, where: Where) -> Fetched:
    """How to get the token of *source*; one is had here, so that a refusal is told at once."""
    async with kit.faults(f"oauth2 {source.token_url}", where):
        grant = ClientCredentials(
            token_url=source.token_url,
            client_id=source.client_id,
            client_secret=await where.secret(source.client_secret),
            scopes=source.scopes,
            params=tuple(sorted(source.params.items())),
        )
        await token(grant, where.io)
    return Fetched({}, grant=grant)
