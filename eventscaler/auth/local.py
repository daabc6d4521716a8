"""Parameters from the cluster itself: variables of the workload, keys of Secrets and ConfigMaps."""

from __future__ import annotations

from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import EnvRef, KeyRef
from kube.resources import CONFIG_MAPS, SECRETS
from scalers.base import Secret

RESOURCES = {resource.kind: resource for resource in (SECRETS, CONFIG_MAPS)}


async def variable(source: EnvRef, where: Where) -> Fetched:
    environment = await where.workload.environment()
    value = await environment.value(source.name, source.container or where.container)
    return Fetched({source.parameter: Secret(value)})


async def key(source: KeyRef, where: Where) -> Fetched:
    resource = RESOURCES[source.kind]
    text = await where.objects.key(resource, where.home, source.name, source.key)
    return Fetched({source.parameter: Secret(text)})
