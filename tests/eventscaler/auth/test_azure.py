"""Azure Key Vault: client secrets, workload identity, clouds; and whom no token is sent to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventscaler.auth import AuthFault
from eventscaler.auth.remote import azure as source_of
from eventscaler.decode.sources import (
    AzureCloud,
    AzureCredentials,
    AzureSecret,
    AzureVault,
    SecretKey,
)
from scalers._surroundings import AzureSurroundings, azure_of
from scalers.base import PodIdentity
from scalers.io import IOSettings
from tests.eventscaler.auth.servers.azure import Azure, azure
from tests.eventscaler.auth.tools import Place, placed, shown

VALUE = "swordfish-of-azure"
POD = PodIdentity("azure-workload")


@asynccontextmanager
async def vault(
    tmp_path: Path, *, trusted: bool = True, secret: str = ""
) -> AsyncIterator[tuple[Azure, Place]]:
    """A vault with the secret `mq`; a place with the client's secret and a federated token."""
    async with azure() as server:
        server.secrets["mq", ""] = VALUE
        token = tmp_path / "token"
        token.write_text("canary.federated.token\n")
        environ = {
            "AZURE_CLIENT_ID": server.client_id,
            "AZURE_TENANT_ID": server.tenant,
            "AZURE_FEDERATED_TOKEN_FILE": str(token),
            "AZURE_AUTHORITY_HOST": f"{server.url}/",
        }
        own = azure_of(environ, (server.url,) if trusted else ())
        secrets = {("shop", "azure"): {"secret": secret or server.client_secret}}
        async with placed(secrets, IOSettings(azure=own)) as place:
            yield server, place


def private(server: Azure) -> AzureCloud:
    return AzureCloud("Private", server.url, f"{server.url}/")


def by_secret(server: Azure, *secrets: AzureSecret) -> AzureVault:
    given = AzureCredentials(
        client_id=server.client_id,
        tenant_id=server.tenant,
        client_secret=SecretKey("azure", "secret"),
    )
    return AzureVault(
        uri=f"{server.url}/", secrets=secrets, credentials=given, cloud=private(server)
    )


def as_pod(server: Azure, identity: PodIdentity = POD) -> AzureVault:
    secrets = (AzureSecret("p", "mq"),)
    return AzureVault(uri=server.url, secrets=secrets, identity=identity, cloud=private(server))


async def test_a_client_secret_opens_the_vault_and_each_version_is_read_once(
    tmp_path: Path,
) -> None:
    async with vault(tmp_path) as (server, place):
        server.secrets["mq", "abc"] = "old"
        secrets = [
            AzureSecret("p", "mq"), AzureSecret("again", "mq"), AzureSecret("old", "mq", "abc"),
        ]  # fmt: skip
        found = await source_of.fetch(by_secret(server, *secrets), place.where())

        assert shown(found.values) == {"p": VALUE, "again": VALUE, "old": "old"}
        assert found.until is not None
        assert timedelta(minutes=4) < found.until - place.clock() <= timedelta(minutes=5)
        assert sorted(server.reads) == ["/secrets/mq", "/secrets/mq/abc"]
        assert [form["client_id"] for form in server.forms] == [server.client_id]


async def test_workload_identity_exchanges_the_federated_token_as_the_file_has_it_now(
    tmp_path: Path,
) -> None:
    async with vault(tmp_path) as (server, place):
        assert shown((await source_of.fetch(as_pod(server), place.where())).values) == {"p": VALUE}
        assert server.forms[0]["client_assertion"] == "canary.federated.token"

        server.assertions = frozenset({"canary.rotated.token"})
        (tmp_path / "token").write_text("canary.rotated.token")
        place.clock.move(minutes=59)
        await source_of.fetch(as_pod(server), place.where())
        assert server.forms[1]["client_assertion"] == "canary.rotated.token"

        other = PodIdentity("azure-workload", identity_id="33333333-client")
        await source_of.fetch(as_pod(server, other), place.where())
        assert server.forms[2]["client_id"] == "33333333-client"

        elsewhere = PodIdentity("azure-workload", tenant_id="another-tenant")
        with pytest.raises(AuthFault, match="404"):  # this server has one tenant
            await source_of.fetch(as_pod(server, elsewhere), place.where())


async def test_a_token_that_is_refused_is_replaced_once(tmp_path: Path) -> None:
    async with vault(tmp_path) as (server, place):
        await source_of.fetch(as_pod(server), place.where())
        server.revoked.add(f"canary-token-1-{server.client_id}")
        place.clock.move(minutes=4)

        assert shown((await source_of.fetch(as_pod(server), place.where())).values) == {"p": VALUE}
        assert len(server.forms) == 2


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone", "answered 404 SecretNotFound: no such secret or version"),
        ("off", "answered 403 SecretDisabled: the secret is disabled"),
    ],
)
async def test_one_secret_that_cannot_be_had_keeps_all_back(
    tmp_path: Path, name: str, problem: str
) -> None:
    async with vault(tmp_path) as (server, place):
        server.disabled.add("off")
        wanted = by_secret(server, AzureSecret("good", "mq"), AzureSecret("bad", name))
        with pytest.raises(AuthFault) as fault:
            await source_of.fetch(wanted, place.where())

        what = f"azureKeyVault {server.url}/: 'secrets/{name}'"
        assert str(fault.value) == f"{what}: {problem}"


async def test_what_the_login_refuses_is_told_by_its_codes_alone(tmp_path: Path) -> None:
    async with vault(tmp_path, secret="canary-wrong") as (server, place):
        with pytest.raises(AuthFault) as fault:
            await source_of.fetch(by_secret(server, AzureSecret("p", "mq")), place.where())

        why = f"{server.url} answered 401: invalid_client, AADSTS7000215"
        assert str(fault.value) == f"azureKeyVault {server.url}/: {why}"
        assert not fault.value.passing


async def test_a_vault_outside_of_its_cloud_is_sent_no_token(tmp_path: Path) -> None:
    async with vault(tmp_path, trusted=False) as (server, place):
        for uri, cloud, domain in (
            (server.url, None, "vault.azure.net"),
            ("https://vault.azure.net.evil.example", None, "vault.azure.net"),
            ("https://evilvault.azure.net", None, "vault.azure.net"),
            ("http://shop.vault.azure.net", None, "vault.azure.net"),
            (
                "https://shop.vault.azure.net",
                AzureCloud("AzureUSGovernmentCloud"),
                "vault.usgovcloudapi.net",
            ),
            ("https://shop.vault.azure.net", AzureCloud("AzureChinaCloud"), "vault.azure.cn"),
            (server.url, private(server), "127.0.0.1"),
        ):
            source = AzureVault(
                uri=uri, secrets=(AzureSecret("p", "mq"),), identity=POD, cloud=cloud
            )
            with pytest.raises(AuthFault, match=f"no https address in {domain}, the domain of its"):
                await source_of.fetch(source, place.where())

        assert not server.forms
        assert not server.reads


async def test_the_federated_token_goes_to_no_login_of_an_authors_choice(tmp_path: Path) -> None:
    async with vault(tmp_path) as (server, place):
        evil = "https://login.microsoftonline.com.evil.example"
        source = as_pod(server, PodIdentity("azure-workload", tenant_id="t", authority_host=evil))
        with pytest.raises(AuthFault, match=f"{evil} is no login of Azure that the operator"):
            await source_of.fetch(source, place.where())
        elsewhere = AzureVault(
            uri=server.url, secrets=source.secrets, identity=POD,
            cloud=AzureCloud("Private", server.url, evil),
        )  # fmt: skip
        with pytest.raises(AuthFault, match=f"{evil} is no login of Azure"):
            await source_of.fetch(elsewhere, place.where())

        assert server.forms == []


@pytest.mark.parametrize(
    ("own", "identity", "problem"),
    [
        (AzureSurroundings(), POD, "no workload identity: AZURE_FEDERATED_TOKEN_FILE is not set"),
        (AzureSurroundings(token_file="f"), POD, "give 'identityId': the pod was told none"),
        (
            AzureSurroundings(token_file="f", client_id="c"),
            POD,
            "give 'identityTenantId': the pod was told none",
        ),
        (
            AzureSurroundings(token_file="/gone", client_id="c", tenant_id="t"),
            POD,
            "the token file '/gone' cannot be read: No such file or directory",
        ),
        (AzureSurroundings(), PodIdentity("gcp"), "or 'podIdentity' with provider azure-workload"),
    ],
)
async def test_identities_that_do_not_work(
    own: AzureSurroundings, identity: PodIdentity, problem: str
) -> None:
    uri = "https://shop.vault.azure.net"
    source = AzureVault(uri=uri, secrets=(AzureSecret("p", "mq"),), identity=identity)
    async with placed(settings=IOSettings(azure=own)) as place:
        with pytest.raises(AuthFault) as fault:
            await source_of.fetch(source, place.where())

    assert str(fault.value).startswith(f"azureKeyVault {uri}: ")
    assert problem in str(fault.value)


@pytest.mark.parametrize(
    ("kind", "login", "domain"),
    [
        ("", "login.microsoftonline.com", "vault.azure.net"),
        ("AzurePublicCloud", "login.microsoftonline.com", "vault.azure.net"),
        ("AzureUSGovernmentCloud", "login.microsoftonline.us", "vault.usgovcloudapi.net"),
        ("AzureChinaCloud", "login.chinacloudapi.cn", "vault.azure.cn"),
    ],
)
async def test_each_cloud_has_its_login_and_its_resource(
    kind: str, login: str, domain: str
) -> None:
    own = AzureSurroundings(token_file="f", client_id="c", tenant_id="t")
    given = AzureCredentials(
        client_id="c", tenant_id="t", client_secret=SecretKey("azure", "secret")
    )
    identities: list[dict[str, Any]] = [{"identity": POD}, {"credentials": given}]
    for as_whom in identities:
        source = AzureVault(
            uri=f"https://shop.{domain}",
            secrets=(AzureSecret("p", "mq"),),
            cloud=AzureCloud(kind) if kind else None,
            **as_whom,
        )
        secrets = {("shop", "azure"): {"secret": "s"}}
        async with placed(secrets, IOSettings(azure=own)) as place:
            grant: Any = await source_of._grant(source, place.where())

        assert grant.token_url == f"https://{login}/t/oauth2/v2.0/token"
        assert grant.scopes == (f"https://{domain}/.default",)
