"""What a (Cluster)CloudEventSource may show to its sink: its authenticationRef, resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eventscaler.auth import AuthFault, Objects, Resolver, Where, Workload
from eventscaler.auth.identities import Acting
from eventscaler.auth.where import Fetched
from eventscaler.decode import CloudEventSource
from kube.client import Client, Json
from kube.scale import Target
from scalers.base import PodIdentity, Secret
from scalers.io import IO


@dataclass(frozen=True, slots=True)
class Credentials:
    values: Mapping[str, Secret] = field(default_factory=dict)
    identity: PodIdentity | None = None


class _NoWorkload(Workload):
    """A source scales nothing."""

    async def body(self) -> Json:
        raise AuthFault("a CloudEventSource has no workload with an environment or an account")


async def credentials(
    source: CloudEventSource, resolver: Resolver, client: Client, io: IO
) -> Credentials:
    """What the authentication of *source* yields now; nothing where it names none.

    That of a cluster source is looked for in the operator's namespace.

    Raises:
        AuthFault: something of it is missing.
    """
    if source.auth is None:
        return Credentials()
    settings = resolver.settings
    namespace = source.namespace or settings.cluster_namespace
    secrets_in = settings.cluster_namespace if settings.restricted else ""
    objects = Objects(client, secrets_in=secrets_in)
    target = Target(namespace, "eventing.keda.sh/v1alpha1", source.kind, source.name)
    where = Where(
        home=namespace,
        namespace=namespace,
        objects=objects,
        workload=_NoWorkload(None, None, target, objects),
        io=io,
        settings=settings,
        kube=client,
    )
    found: Fetched = await resolver.resolve(source.auth, where)
    acting: Acting = await resolver.identity(source.auth, where)
    return Credentials(found.values, acting.identity)
