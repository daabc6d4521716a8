"""Parameters that live outside the cluster: vaults, secret managers of clouds, token endpoints.

One file is one source: ``async def fetch(source, where) -> Fetched``. All calls go through the
shared clients of `scalers`; a failure of any kind is an `AuthFault` that names the source, its
address and the secret, with the status of the answer and never a part of it. One secret that
cannot be had keeps the whole source from yielding anything.
"""

from __future__ import annotations
