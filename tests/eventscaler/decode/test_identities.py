"""`podIdentity` is read in the same way wherever it is written; oauth2 has one type."""

from __future__ import annotations

from typing import Any

import pytest

from eventscaler.decode import authentication
from eventscaler.decode.sources import AwsManager, AzureVault, GcpManager
from kube.client import Json
from scalers.base import PodIdentity
from tests.eventscaler.manifests import trigger_authentication

SECRETS = [{"parameter": "p", "name": "n"}]
PLACES: dict[str, Json] = {
    "azureKeyVault": {"vaultUri": "https://v.vault.azure.net", "secrets": SECRETS},
    "gcpSecretManager": {"secrets": [{"parameter": "p", "id": "i"}]},
    "awsSecretManager": {"region": "eu-west-1", "secrets": SECRETS},
}
FULL: dict[str, Any] = {
    "provider": "azure-workload",
    "identityId": "client",
    "identityTenantId": "tenant",
    "identityAuthorityHost": "https://login.example",
    "roleArn": "arn:aws:iam::1:role/r",
    "externalID": "x",
    "identityOwner": "keda",
}
READ = PodIdentity(
    "azure-workload",
    identity_id="client",
    tenant_id="tenant",
    authority_host="https://login.example",
    role_arn="arn:aws:iam::1:role/r",
    external_id="x",
    owner="keda",
)


@pytest.mark.parametrize("place", PLACES)
def test_every_field_of_an_identity_is_read(place: str) -> None:
    spec: Any = {place: {**PLACES[place], "podIdentity": FULL}}
    found, faults = authentication(trigger_authentication(**spec))

    assert faults == ()
    assert found is not None
    (source,) = found.sources
    assert isinstance(source, AzureVault | GcpManager | AwsManager)
    assert source.identity == READ


def test_oauth2_has_one_type() -> None:
    given = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    spec = {"clientId": "c", "clientSecret": given, "tokenUrl": "https://t", "type": "password"}
    found, faults = authentication(trigger_authentication(oauth2=spec))

    assert found is None
    assert [str(fault) for fault in faults] == [
        "spec.oauth2.type: found 'password', want one of clientCredentials"
    ]
