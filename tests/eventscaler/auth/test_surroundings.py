"""What the operator's own environment says of vaults and clouds."""

from __future__ import annotations

import pytest

from eventscaler.auth.surroundings import RemoteSettings, remote_of
from scalers._pod_tokens import as_google
from scalers._surroundings import AzureSurroundings, GoogleServers, azure_of, google_of
from scalers.base import PodIdentity, Secret


def test_vaults_own_names() -> None:
    environ = {
        "VAULT_ADDR": "https://vault.example:8200",
        "VAULT_TOKEN": "canary",
        "VAULT_CACERT": "/ca.pem",
    }
    found = remote_of(environ, vaults=("https://other.example",))

    assert found.vault_token == Secret("canary")
    assert found.vault_ca == "/ca.pem"
    assert found.vaults == ("https://other.example", "https://vault.example:8200")
    assert "canary" not in repr(found)
    assert remote_of({}) == RemoteSettings()


@pytest.mark.parametrize(
    ("vaults", "address", "trusted"),
    [
        (("https://vault.example",), "https://vault.example:443/", True),
        (("https://vault.example/v1",), "https://VAULT.example", True),
        (("https://vault.example",), "http://vault.example", False),
        (("https://vault.example",), "https://vault.example.evil", False),
        (("https://vault.example",), "https://vault.example@evil", False),
        (("https://vault.example",), "https://evil:port", False),
        (("*",), "https://any.example", True),
        ((), "https://vault.example", False),
    ],
)
def test_which_vaults_are_trusted(vaults: tuple[str, ...], address: str, *, trusted: bool) -> None:
    assert RemoteSettings(vaults=vaults).trusts_vault(address) is trusted


def test_azures_webhook_and_googles_library() -> None:
    environ = {
        "AZURE_CLIENT_ID": "client",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_FEDERATED_TOKEN_FILE": "/token",
        "AZURE_AUTHORITY_HOST": "https://login.example/",
    }
    assert azure_of(environ, ("https://stack.example",)) == AzureSurroundings(
        client_id="client",
        tenant_id="tenant",
        token_file="/token",
        authority="https://login.example/",
        trusted=("https://stack.example",),
    )
    assert google_of({}) == GoogleServers()
    assert google_of({"GCE_METADATA_HOST": "10.0.0.1"}).metadata == "http://10.0.0.1"


def test_equal_identities_share_a_token() -> None:
    grants = [as_google(PodIdentity("gcp", identity_id="a"), ("s",), GoogleServers()) for _ in "12"]

    assert len(set(grants)) == 1
