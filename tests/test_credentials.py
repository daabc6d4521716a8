"""What the command line and the environment say of credentials reaches those who use them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scalers.base import Secret
from tandem.credentials import Credentials, auth_settings, io_settings


def test_flags_and_environment_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "https://vault.example")
    monkeypatch.setenv("VAULT_TOKEN", "canary")
    monkeypatch.setenv("AZURE_CLIENT_ID", "client")
    monkeypatch.setenv("GCE_METADATA_HOST", "10.0.0.1")
    lent = Credentials(
        file_root="/files",
        token_life_s=7200.0,
        restricted=True,
        trusted_vaults=("https://other.example",),
        trusted_azure=("https://login.stack.example",),
        refresh_s=60.0,
    )
    auth, io = auth_settings("tandem", lent), io_settings(lent=lent)

    assert (auth.cluster_namespace, auth.file_root, auth.restricted) == ("tandem", "/files", True)
    assert auth.token_life == timedelta(hours=2)
    assert auth.remote.keep == timedelta(minutes=1)
    assert auth.remote.vaults == ("https://other.example", "https://vault.example")
    assert auth.remote.vault_token == Secret("canary")
    assert io.azure.client_id == "client"
    assert io.azure.trusted == ("https://login.stack.example",)
    assert io.google.metadata == "http://10.0.0.1"
