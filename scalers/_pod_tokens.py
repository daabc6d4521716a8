"""The grant behind a TriggerAuthentication's podIdentity, for Azure and Google.

The federated token that Kubernetes gives this pod is worth something to whoever receives it. It
goes only to Microsoft's logins, to the one that the pod was told (AZURE_AUTHORITY_HOST), or to
those that the operator's settings name.
Source: https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from scalers._cloud_grants import Federated, Impersonated, MetadataServer
from scalers._errors import Refused
from scalers._grants import Grant
from scalers._surroundings import AzureSurroundings, GoogleServers
from scalers.base import PodIdentity

AZURE = "azure-workload"
GOOGLE = "gcp"
PUBLIC_LOGIN = "https://login.microsoftonline.com"
LOGINS = (
    PUBLIC_LOGIN,
    "https://login.microsoftonline.us",
    "https://login.chinacloudapi.cn",
    "https://login.partner.microsoftonline.cn",
)


def as_azure(
    identity: PodIdentity, scopes: tuple[str, ...], own: AzureSurroundings, login: str = ""
) -> Federated:
    """This pod's workload identity, or another one that accepts its token.

    It logs in where *identity* says, else at *login*, else where the pod was told to.

    Raises:
        Refused: the pod has no workload identity, or the login is one that nobody trusts.
    """
    client, tenant = identity.identity_id or own.client_id, identity.tenant_id or own.tenant_id
    if not own.token_file:
        raise Refused("this pod has no workload identity: AZURE_FEDERATED_TOKEN_FILE is not set")
    if not client or not tenant:
        lacking = "identityTenantId" if client else "identityId"
        raise Refused(f"give '{lacking}': the pod was told none")
    host = identity.authority_host or login or own.authority or PUBLIC_LOGIN
    trusted = {origin(each) for each in (*LOGINS, own.authority, *own.trusted) if each}
    if origin(host) not in trusted:
        raise Refused(f"{host} is no login of Azure that the operator trusts with its token")
    return Federated(
        token_url=azure_token_url(host, tenant),
        client_id=client,
        file=own.token_file,
        scopes=scopes,
    )


def azure_token_url(login: str, tenant: str) -> str:
    """Where tokens of a tenant are asked for.

    >>> azure_token_url("https://login.microsoftonline.com/", "t")
    'https://login.microsoftonline.com/t/oauth2/v2.0/token'
    """
    return f"{login.rstrip('/')}/{quote(tenant, safe='')}/oauth2/v2.0/token"


def as_google(identity: PodIdentity, scopes: tuple[str, ...], servers: GoogleServers) -> Grant:
    """This pod's own identity, or the service account as which it may act."""
    own = MetadataServer(server=servers.metadata, scopes=scopes)
    if not identity.identity_id:
        return own
    return Impersonated(
        by=own, account=identity.identity_id, server=servers.credentials, scopes=scopes
    )


def origin(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of *address*, to compare by.

    >>> origin("HTTPS://Vault:443/x") == origin("https://vault")
    True
    """
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:  # no URL: equal to nothing but itself
        return address, "", None
    return parts.scheme, parts.hostname or "", port
