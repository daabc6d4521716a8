"""From a trigger's authenticationRef to its parameters.

Knows the TriggerAuthentications of the cluster by being told of them; a reference to one that is
missing or faulty is an `AuthFault`, and mends itself when the object comes.
"""

from __future__ import annotations

from collections.abc import Mapping

from eventscaler.auth.environment import Environment
from eventscaler.auth.objects import AuthFault, Objects
from eventscaler.core.faults import Fault
from eventscaler.decode import Authentication, AuthRef
from kube.resources import CONFIG_MAPS, SECRETS
from scalers.base import Secret

CLUSTER_KIND = "ClusterTriggerAuthentication"

Key = tuple[str, str, str]  # kind, namespace ("" for the cluster kind), name


def key_of(ref: AuthRef, namespace: str) -> Key:
    """What *ref*, in an object of *namespace*, refers to."""
    return (ref.kind, "" if ref.kind == CLUSTER_KIND else namespace, ref.name)


class Resolver:
    """The known authentications.

    Args:
        cluster_namespace: where a ClusterTriggerAuthentication's secrets and config maps are.
    """

    def __init__(self, cluster_namespace: str) -> None:
        self._cluster_namespace = cluster_namespace
        self._known: dict[Key, Authentication | tuple[Fault, ...]] = {}

    def put(self, key: Key, found: Authentication | tuple[Fault, ...]) -> bool:
        """Remember an authentication, or what is wrong with it; whether that is news."""
        news = self._known.get(key) != found
        self._known[key] = found
        return news

    def drop(self, key: Key) -> None:
        self._known.pop(key, None)

    def known(self) -> frozenset[Key]:
        return frozenset(self._known)

    async def resolve(
        self,
        ref: AuthRef,
        namespace: str,
        objects: Objects,
        environment: Environment | None,
        container: str = "",
    ) -> Mapping[str, Secret]:
        """The parameters that *ref* yields; later sources win: env, config maps, secrets.

        *container* is whose environment is meant where the authentication does not say.

        Raises:
            AuthFault: something of it is missing; nothing is yielded then.
        """
        found = self._authentication(ref, namespace)
        values: dict[str, Secret] = {}
        for variable in found.env:
            if environment is None:
                raise AuthFault(f"'{variable.parameter}' is an env of a workload that has none")
            value = await environment.value(variable.name, variable.container or container)
            values[variable.parameter] = Secret(value)
        home = found.namespace or self._cluster_namespace
        for resource, refs in ((CONFIG_MAPS, found.config_maps), (SECRETS, found.secrets)):
            for item in refs:
                text = await objects.key(resource, home, item.name, item.key)
                values[item.parameter] = Secret(text)
        return values

    def wants_env(self, ref: AuthRef, namespace: str) -> bool:
        """Whether the workload must be read to resolve *ref*."""
        found = self._known.get(key_of(ref, namespace))
        return isinstance(found, Authentication) and bool(found.env)

    def _authentication(self, ref: AuthRef, namespace: str) -> Authentication:
        kind, where, name = key = key_of(ref, namespace)
        what = f"{kind} {where}/{name}" if where else f"{kind} {name}"
        found = self._known.get(key)
        if found is None:
            raise AuthFault(f"{what} does not exist")
        if isinstance(found, tuple):
            raise AuthFault(f"{what}: {'; '.join(str(fault) for fault in found)}")
        return found
