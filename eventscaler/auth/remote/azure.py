"""Azure Key Vault: `azureKeyVault`.

The token for a vault is worth something to whoever receives it. Therefore the vault must lie in its
cloud's own domain, or be one that the operator's settings name.
Sources:
    https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret/get-secret
    https://learn.microsoft.com/en-us/azure/key-vault/general/authentication-requests-and-responses
    https://learn.microsoft.com/en-us/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-base-url
    https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from eventscaler.auth.objects import AuthFault
from eventscaler.auth.remote import kit
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import AzureSecret, AzureVault
from scalers._grants import ClientCredentials, Grant, as_bearer, fields_of
from scalers._http import Answer, Call
from scalers._kept import Lasting
from scalers._pod_tokens import AZURE, PUBLIC_LOGIN, as_azure, azure_token_url, origin
from scalers._surroundings import AzureSurroundings
from scalers.base import Secret

API_VERSION = "7.4"
OK = 200
CODES = {
    "Forbidden": "the identity may not get secrets of this vault",
    "SecretDisabled": "the secret is disabled",
    "SecretNotFound": "no such secret or version",
    "Unauthorized": "the vault does not accept the token",
}


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's: where one logs in, and what its vaults are called.

    Attributes:
        resource: whom a token for a vault is for; the vaults lie in its domain.
    """

    login: str
    resource: str


PUBLIC = Cloud(PUBLIC_LOGIN, "https://vault.azure.net")
CLOUDS = {
    "AzurePublicCloud": PUBLIC,
    "AzureUSGovernmentCloud": Cloud(
        "https://login.microsoftonline.us", "https://vault.usgovcloudapi.net"
    ),
    "AzureChinaCloud": Cloud("https://login.chinacloudapi.cn", "https://vault.azure.cn"),
}


async def fetch(source: AzureVault, where: Where) -> Fetched:
    """The parameters of *source*; each version of a secret is read once."""
    async with kit.faults(f"azureKeyVault {source.uri}", where):
        grant = await _grant(source, where)
        addresses = [_address(source.uri, secret) for secret in source.secrets]
        found = await kit.all_of(addresses, lambda address: _kept(grant, address, where))
        values = {
            secret.parameter: found[address].value
            for secret, address in zip(source.secrets, addresses, strict=True)
        }
        return kit.fetched(values, (each.until for each in found.values()))


async def _grant(source: AzureVault, where: Where) -> Grant:
    """As whom the vault is opened.

    Raises:
        AuthFault: nothing is given to open it with, or it would send a token to a stranger.
    """
    cloud = _cloud(source)
    _check_domain(source.uri, cloud, where.io.settings.azure)
    scopes = (f"{cloud.resource.rstrip('/')}/.default",)
    if source.credentials is not None:
        given = source.credentials
        return ClientCredentials(
            token_url=azure_token_url(cloud.login, given.tenant_id),
            client_id=given.client_id,
            client_secret=await where.secret(given.client_secret),
            scopes=scopes,
        )
    if source.identity is None or source.identity.provider != AZURE:
        raise AuthFault("give 'credentials', or 'podIdentity' with provider azure-workload")
    login = cloud.login if source.cloud else ""
    return as_azure(source.identity, scopes, where.io.settings.azure, login)


def _cloud(source: AzureVault) -> Cloud:
    if source.cloud is None:
        return PUBLIC
    if source.cloud.type == "Private":
        return Cloud(source.cloud.directory_endpoint, source.cloud.resource_url)
    return CLOUDS[source.cloud.type]


def _check_domain(uri: str, cloud: Cloud, own: AzureSurroundings) -> None:
    """A token is sent only to a vault of the cloud that it is for."""
    domain = urlsplit(cloud.resource).hostname or ""
    host = urlsplit(uri).hostname or ""
    is_inside = host == domain or host.endswith(f".{domain}")
    if not is_inside or urlsplit(uri).scheme != "https":
        if origin(uri) in {origin(each) for each in own.trusted}:
            return
        raise AuthFault(f"the vault is no https address in {domain}, the domain of its cloud")


def _address(uri: str, secret: AzureSecret) -> str:
    version = f"/{quote(secret.version, safe='')}" if secret.version else ""
    return f"{uri.rstrip('/')}/secrets/{quote(secret.name, safe='')}{version}"


async def _kept(grant: Grant, address: str, where: Where) -> Lasting[Secret]:
    return await kit.kept(("azure", grant, address), lambda: _read(grant, address, where), where)


async def _read(grant: Grant, address: str, where: Where) -> Lasting[Secret]:
    call = Call(address, {"api-version": API_VERSION})
    answer = await as_bearer(call, grant, where.io)
    what = f"'{urlsplit(address).path.removeprefix('/')}'"
    if answer.status != OK:
        raise kit.refused(answer.status, f"{what}: answered {answer.status}{_why(answer)}")
    value = kit.json_object(answer).get("value")
    return kit.lasting(Secret(kit.text_of(value, what)), where)


def _why(answer: Answer) -> str:
    error = fields_of(answer).get("error")
    inner = error.get("innererror") if isinstance(error, dict) else None
    for each in (inner, error):  # the inner one is the more exact
        code = each.get("code") if isinstance(each, dict) else None
        if isinstance(code, str) and code in CODES:
            return f" {code}: {CODES[code]}"
    return ""
