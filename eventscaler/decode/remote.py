"""The sources outside the cluster, read into values: vaults, secret managers, token endpoints.

Source: https://keda.sh/docs/latest/authentication-providers/
"""

from __future__ import annotations

from urllib.parse import urlsplit

from eventscaler.decode.identity import pod_identity
from eventscaler.decode.node import Node
from eventscaler.decode.sources import (
    AwsKeys,
    AwsManager,
    AwsSecret,
    AzureCloud,
    AzureCredentials,
    AzureSecret,
    AzureVault,
    GcpManager,
    GcpSecret,
    OAuth2,
    PkiData,
    SecretKey,
    Vault,
    VaultSecret,
)
from scalers.base import Secret

AUTHENTICATIONS = ("token", "kubernetes")
SECRET_TYPES = ("", "secretV2", "secret", "pki")
PRIVATE = "private"
CLOUDS = ("AzurePublicCloud", "AzureUSGovernmentCloud", "AzureChinaCloud", "Private")
GRANTS = ("clientCredentials",)


def vault(node: Node) -> Vault:
    authentication = node.text("authentication", required=True, of=AUTHENTICATIONS)
    given = node.child("credential")
    token = given.text("token")
    value = Vault(
        address=_url(node, "address"),
        authentication=authentication,
        secrets=tuple(_vault_secret(each) for each in _some(node, "secrets")),
        namespace=node.text("namespace"),
        role=node.text("role", required=authentication == "kubernetes"),
        mount=node.text("mount", required=authentication == "kubernetes"),
        token=Secret(token) if token else None,
        token_file=given.text("serviceAccount"),
        service_account=given.text("serviceAccountName"),
    )
    given.unknown()
    node.unknown()
    return value


def _vault_secret(node: Node) -> VaultSecret:
    value = VaultSecret(
        node.text("parameter", required=True),
        node.text("path", required=True),
        node.text("key", required=True),
        node.text("type", of=SECRET_TYPES),
        node.optional("pkiData", _pki),
    )
    node.unknown()
    return value


def _pki(node: Node) -> PkiData:
    value = PkiData(
        common_name=node.text("commonName"),
        alt_names=node.text("altNames"),
        ip_sans=node.text("ipSans"),
        uri_sans=node.text("uriSans"),
        other_sans=node.text("otherSans"),
        ttl=node.text("ttl"),
        format=node.text("format"),
    )
    node.unknown()
    return value


def azure_vault(node: Node) -> AzureVault:
    value = AzureVault(
        uri=_url(node, "vaultUri"),
        secrets=tuple(_azure_secret(each) for each in _some(node, "secrets")),
        credentials=node.optional("credentials", _azure_keys),
        identity=node.optional("podIdentity", pod_identity),
        cloud=node.optional("cloud", _cloud),
    )
    node.unknown()
    return value


def _azure_secret(node: Node) -> AzureSecret:
    value = AzureSecret(
        node.text("parameter", required=True),
        node.text("name", required=True),
        node.text("version"),
    )
    node.unknown()
    return value


def _azure_keys(node: Node) -> AzureCredentials:
    value = AzureCredentials(
        client_id=node.text("clientId", required=True),
        tenant_id=node.text("tenantId", required=True),
        client_secret=_secret_key(node, "clientSecret"),
    )
    node.unknown()
    return value


def _cloud(node: Node) -> AzureCloud:
    """The cloud's name is read in any case of letters, as in KEDA."""
    named = {name.lower(): name for name in CLOUDS}
    written = node.text("type", required=True)
    kind = named.get(written.lower(), "")
    if written and not kind:
        node.fault("type", written, "one of " + ", ".join(CLOUDS))
    private = kind.lower() == PRIVATE
    value = AzureCloud(
        kind,
        node.text("keyVaultResourceURL", required=private),
        node.text("activeDirectoryEndpoint", required=private),
    )
    node.unknown()
    return value


def gcp_manager(node: Node) -> GcpManager:
    value = GcpManager(
        secrets=tuple(_gcp_secret(each) for each in _some(node, "secrets")),
        credentials=node.optional("credentials", _gcp_key),
        identity=node.optional("podIdentity", pod_identity),
    )
    node.unknown()
    return value


def _gcp_secret(node: Node) -> GcpSecret:
    value = GcpSecret(
        node.text("parameter", required=True),
        node.text("id", required=True),
        node.text("version") or "latest",
    )
    node.unknown()
    return value


def _gcp_key(node: Node) -> SecretKey:
    value = _secret_key(node, "clientSecret")
    node.unknown()
    return value


def aws_manager(node: Node) -> AwsManager:
    value = AwsManager(
        secrets=tuple(_aws_secret(each) for each in _some(node, "secrets")),
        region=node.text("region"),
        credentials=node.optional("credentials", _aws_keys),
        identity=node.optional("podIdentity", pod_identity),
    )
    node.unknown()
    return value


def _aws_secret(node: Node) -> AwsSecret:
    value = AwsSecret(
        parameter=node.text("parameter", required=True),
        name=node.text("name", required=True),
        version_id=node.text("versionId"),
        version_stage=node.text("versionStage"),
        json_key=node.text("secretKey"),
    )
    node.unknown()
    return value


def _aws_keys(node: Node) -> AwsKeys:
    value = AwsKeys(
        key_id=_secret_key(node, "accessKey"),
        secret_key=_secret_key(node, "accessSecretKey"),
        token=_secret_key(node, "accessToken") if node.has("accessToken") else None,
    )
    node.unknown()
    return value


def oauth2(node: Node) -> OAuth2:
    node.text("type", of=GRANTS)
    value = OAuth2(
        client_id=node.text("clientId", required=True),
        client_secret=_secret_key(node, "clientSecret"),
        token_url=_url(node, "tokenUrl"),
        scopes=node.text_list("scopes"),
        params=node.texts("tokenUrlParams"),
    )
    node.unknown()
    return value


def _secret_key(node: Node, key: str) -> SecretKey:
    """`valueFrom.secretKeyRef` below *key*."""
    outer = node.child(key)
    origin = outer.child("valueFrom")
    ref = origin.child("secretKeyRef")
    value = SecretKey(ref.text("name", required=True), ref.text("key", required=True))
    for each in (ref, origin, outer):
        each.unknown()
    return value


def _some(node: Node, key: str) -> list[Node]:
    found = node.children(key)
    if not found and node.raw(key) in (None, []):
        node.fault(key, node.raw(key), "a list of at least one")
    return found


def _url(node: Node, key: str) -> str:
    """An address that HTTP can reach."""
    written = node.text(key, required=True)
    if written and not _is_http(written):
        node.fault(key, written, "a URL that begins with http:// or https://")
    return written


def _is_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets that are no IPv6 address
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
