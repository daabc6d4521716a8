"""What the command line and the environment say of credentials reaches those who use them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer

from scalers.base import Secret
from tandem import flags
from tandem.cli import app
from tandem.credentials import Credentials, auth_settings, io_settings
from tandem.errors import BadInput


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


@pytest.mark.parametrize(
    ("environ", "restricted", "life"),
    [
        ({}, False, "1h"),
        ({"KEDA_RESTRICT_SECRET_ACCESS": "true"}, True, "1h"),
        ({"KEDA_RESTRICT_SECRET_ACCESS": "false"}, False, "1h"),
        ({"KEDA_BOUND_SERVICE_ACCOUNT_TOKEN_EXPIRY": "6h"}, False, "6h"),
    ],
)
def test_kedas_variables_are_flags(
    environ: dict[str, str], restricted: bool, life: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    group = typer.main.get_command(app)
    context = group.make_context("tandem", ["run"])
    run = group.commands["run"]  # type: ignore[attr-defined]  # a group, since there are many
    given = run.make_context("run", [], parent=context).params

    assert given["restrict_secret_access"] is restricted
    assert given["bound_service_account_token_expiry"] == life


@pytest.mark.parametrize("life", ["59m", "6h1s", "soon", "-1h"])
def test_the_life_of_a_token_is_from_one_hour_to_six(life: str) -> None:
    with pytest.raises(BadInput, match="would do: a duration from 3600s to 21600s"):
        flags.seconds_between("--life", life, least_s=3600, most_s=21600)
