"""The metrics API in the operator's loop.

Only the process that leads serves, because only it reads the sources.
"""

from __future__ import annotations

import asyncio
import os

import structlog
from prometheus_client import CollectorRegistry

from eventscaler.metrics.external import ExternalMeters
from eventscaler.metrics_api import MetricsServer, ServerSettings, Source
from eventscaler.metrics_api.keys import FileKeys, Keys, OwnKeys, ServiceName
from eventscaler.metrics_api.publish import Place, publish
from kube.client import Client
from tandem.clock import now
from tandem.errors import BadInput
from tandem.offer import FLAG, Offer

log = structlog.get_logger()

CERTIFICATE, KEY = "tls.crt", "tls.key"


async def serve(
    offered: Offer, source: Source, client: Client, namespace: str, registry: CollectorRegistry
) -> None:
    """Serve *source* until cancelled.

    The *client* passes its gate while this process leads; the *namespace* is the operator's own.

    Raises:
        BadInput: the address, or a file, cannot be used.
    """
    service = ServiceName(namespace, offered.service)
    keys: Keys = OwnKeys(client, service, now)
    if offered.certificates is not None:
        keys = FileKeys(*(offered.certificates / name for name in (CERTIFICATE, KEY)))
    settings = ServerSettings(offered.address, offered.port)
    server = MetricsServer(client, source, keys, settings, ExternalMeters(registry))
    async with asyncio.TaskGroup() as group:

        def listening(bound: int) -> None:
            log.info("serving", object=f"https://{offered.address}:{bound}", why="external metrics")
            if offered.published:
                place = Place(service, offered.published, bound)
                group.create_task(publish(client, place))

        try:
            await server.run(listening)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise BadInput(f"{FLAG}: {_why(error)}") from error


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        where = f"{error.filename}: " if error.filename else ""
        return where + os.strerror(error.errno).lower()
    return str(error)
