"""The sources that a TriggerAuthentication may name, each as a frozen value.

One value is one source: what it yields are the parameters in it. The names of the fields are ours,
the comments give the API's. Nothing here is read or fetched; `eventscaler.auth` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scalers.base import PodIdentity, Secret


@dataclass(frozen=True, slots=True)
class SecretKey:
    """One key of a Secret in the home namespace: `valueFrom.secretKeyRef`."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class KeyRef:
    """A parameter that is one key of a Secret or ConfigMap: `kind` says of which."""

    parameter: str
    name: str
    key: str
    kind: str = "Secret"


@dataclass(frozen=True, slots=True)
class EnvRef:
    """A parameter that is one variable of a container of the workload."""

    parameter: str
    name: str
    container: str = ""


@dataclass(frozen=True, slots=True)
class BoundToken:
    """A parameter that is a token of a ServiceAccount in the home namespace."""

    parameter: str
    service_account: str


@dataclass(frozen=True, slots=True)
class File:
    """A JSON map of parameters, in a file below the root that the operator is given."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PkiData:
    """What a certificate is asked for with: `pkiData`; "" for what was not given."""

    common_name: str = ""
    alt_names: str = ""
    ip_sans: str = ""
    uri_sans: str = ""
    other_sans: str = ""
    ttl: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class VaultSecret:
    """One value of a vault. `type` is "", "secret" (kv v1), "secretV2" or "pki"."""

    parameter: str
    path: str
    key: str
    type: str = ""
    pki: PkiData | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """`hashiCorpVault`.

    Attributes:
        authentication: "token" or "kubernetes".
        token: as written in the object; None for the operator's own.
        token_file: path of a projected token in the operator's file system.
        service_account: whose token to ask for, in the home namespace.
    """

    address: str
    authentication: str
    secrets: tuple[VaultSecret, ...]
    namespace: str = ""
    role: str = ""
    mount: str = ""
    token: Secret | None = None
    token_file: str = ""
    service_account: str = ""


@dataclass(frozen=True, slots=True)
class AzureSecret:
    parameter: str
    name: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureCredentials:
    client_id: str
    tenant_id: str
    client_secret: SecretKey


@dataclass(frozen=True, slots=True)
class AzureCloud:
    """Which Azure; a private one has its own addresses."""

    type: str
    resource_url: str = ""
    directory_endpoint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureVault:
    """`azureKeyVault`, opened with credentials or as an identity."""

    uri: str
    secrets: tuple[AzureSecret, ...]
    credentials: AzureCredentials | None = None
    identity: PodIdentity | None = None
    cloud: AzureCloud | None = None


@dataclass(frozen=True, slots=True)
class GcpSecret:
    parameter: str
    id: str
    version: str = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpManager:
    """`gcpSecretManager`; the credentials are a JSON key file in a Secret."""

    secrets: tuple[GcpSecret, ...]
    credentials: SecretKey | None = None
    identity: PodIdentity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSecret:
    """One value of AWS Secrets Manager; `json_key` picks a field of one that is JSON."""

    parameter: str
    name: str
    version_id: str = ""
    version_stage: str = ""
    json_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKeys:
    key_id: SecretKey
    secret_key: SecretKey
    token: SecretKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsManager:
    """`awsSecretManager`; region "" is the operator's own."""

    secrets: tuple[AwsSecret, ...]
    region: str = ""
    credentials: AwsKeys | None = None
    identity: PodIdentity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """`oauth2`: the client-credentials grant."""

    client_id: str
    client_secret: SecretKey
    token_url: str
    scopes: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)


Source = EnvRef | KeyRef | BoundToken | File | Vault | AzureVault | GcpManager | AwsManager | OAuth2


def parameters_of(source: Source) -> tuple[str, ...]:
    """The names of what *source* yields; of a file nobody knows, and of `oauth2` there are none."""
    match source:
        case EnvRef() | KeyRef() | BoundToken():
            return (source.parameter,)
        case Vault() | AzureVault() | GcpManager() | AwsManager():
            return tuple(secret.parameter for secret in source.secrets)
        case OAuth2() | File():
            return ()
