"""Write a NodeClaim so that it exists once, whatever becomes of the answers."""

from __future__ import annotations

import asyncio

import structlog

from kube.client import Json
from kube.errors import AlreadyExists, Unavailable
from kube.resources import NODE_CLAIMS
from nodescaler.controllers.kit import Kit

log = structlog.get_logger()

RETRY_S = 1.0
AT_ONCE = 32  # so that a large plan's last claims do not hold up what its first ones need next


async def insist(kit: Kit, body: Json) -> Json:
    """Create the claim *body*; ask again while no answer comes, because it may exist already.

    Returns:
        The claim as the API has it: new, or the one of that name that was there.

    Raises:
        KubeError: the API refuses it.
    """
    name = body["metadata"]["name"]
    while True:
        try:
            return await kit.client.create(NODE_CLAIMS, body)
        except AlreadyExists:
            return await kit.client.get(NODE_CLAIMS, name)
        except Unavailable as error:
            log.warning("asking again", object=f"NodeClaim/{name}", why=str(error))
            await asyncio.sleep(RETRY_S)
