"""What a source of parameters is fetched with, and what it gives.

A source is fetched by one coroutine, ``async def fetch(source, where) -> Fetched``; the table of
them is in `eventscaler.auth.sources`. It raises `AuthFault` for whatever keeps it from yielding all
of its parameters; the message names what is missing and holds no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from eventscaler.auth.objects import AuthFault, Objects
from eventscaler.auth.surroundings import RemoteSettings
from eventscaler.auth.workload import Workload
from eventscaler.decode.sources import SecretKey
from kube.client import Client
from kube.resources import SECRETS
from scalers._grants import Grant
from scalers.base import Secret
from scalers.io import IO


@dataclass(frozen=True, slots=True)
class Fetched:
    """The parameters of one source.

    Attributes:
        until: when they end, aware UTC; they are fetched anew before that. None for never.
        grant: how a scaler gets a token whenever it needs one; None where there is none to get.
    """

    values: Mapping[str, Secret]
    until: datetime | None = None
    grant: Grant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """What the operator allows.

    Attributes:
        cluster_namespace: where a ClusterTriggerAuthentication finds its objects; the operator's.
        file_root: below it are the files of `filePath`; "" for no such files.
        token_life: how long a token of a ServiceAccount is asked for.
        restricted: Secrets are read in `cluster_namespace` only.
        remote: what vaults and clouds may be given, and how long their values are kept.
    """

    cluster_namespace: str = "tandem"
    file_root: str = ""
    token_life: timedelta = timedelta(hours=1)
    restricted: bool = False
    remote: RemoteSettings = field(default_factory=RemoteSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The place that a source is fetched for.

    Attributes:
        home: namespace of the Secrets, ConfigMaps and ServiceAccounts that the source names: the
            authentication's own, or the operator's for the cluster kind.
        namespace: the ScaledObject's.
        objects: reads each Secret and ConfigMap once.
        workload: the scale target: its environment and its ServiceAccount.
        io: shared clients and the clock (`io.now()`); HTTP goes through `scalers._http`.
        container: whose environment is meant where the source does not say.
        doubted: a reading failed with what was fetched before: what is remembered may be wrong.
    """

    home: str
    namespace: str
    objects: Objects
    workload: Workload
    io: IO
    settings: AuthSettings = field(default_factory=AuthSettings)
    container: str = ""
    kube: Client | None = None
    doubted: bool = False

    async def secret(self, ref: SecretKey) -> Secret:
        """One key of a Secret in the home namespace.

        Raises:
            AuthFault: no such Secret or key.
        """
        return Secret(await self.objects.key(SECRETS, self.home, ref.name, ref.key))

    def cluster(self, wanted: str) -> Client:
        """The cluster's API, to get *wanted* from.

        Raises:
            AuthFault: there is none, as in an offline check.
        """
        if self.kube is None:
            raise AuthFault(f"there is no cluster to get {wanted} from")
        return self.kube
