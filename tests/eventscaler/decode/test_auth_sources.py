"""Every field of the sources outside the cluster and of podIdentity, and KEDA's rules for them."""

from __future__ import annotations

from typing import Any

import pytest

from eventscaler.core.faults import Severity
from eventscaler.decode import Authentication, authentication
from eventscaler.decode.sources import (
    AwsKeys,
    AwsManager,
    AwsSecret,
    AzureCloud,
    AzureCredentials,
    AzureSecret,
    AzureVault,
    BoundToken,
    File,
    GcpManager,
    GcpSecret,
    OAuth2,
    PkiData,
    SecretKey,
    Vault,
    VaultSecret,
)
from kube.client import Json
from scalers.base import PodIdentity, Secret
from tests.eventscaler.manifests import trigger_authentication

FROM_SECRET = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
KEY = SecretKey("s", "k")
VAULT: Json = {
    "address": "https://vault:8200",
    "authentication": "token",
    "credential": {"token": "t0ken"},
    "secrets": [{"parameter": "p", "path": "kv/data/a", "key": "k"}],
}
AZURE: Json = {"vaultUri": "https://v.example", "secrets": [{"parameter": "p", "name": "n"}]}
GCP: Json = {"secrets": [{"parameter": "p", "id": "i"}]}
AWS: Json = {"secrets": [{"parameter": "p", "name": "n"}]}
OAUTH2: Json = {"clientId": "me", "clientSecret": FROM_SECRET, "tokenUrl": "https://idp/token"}


def read(*, cluster: bool = False, **spec: Any) -> Authentication:
    value, faults = authentication(trigger_authentication(cluster=cluster, **spec))
    assert faults == ()
    assert value is not None
    return value


def test_hashicorp_vault() -> None:
    pki = {
        "commonName": "cn",
        "altNames": "alt",
        "ipSans": "ip",
        "uriSans": "uri",
        "otherSans": "other",
        "ttl": "1h",
        "format": "pem",
    }
    found = read(
        hashiCorpVault=VAULT
        | {
            "authentication": "kubernetes",
            "namespace": "ns",
            "role": "r",
            "mount": "m",
            "credential": {"token": "t", "serviceAccount": "/f", "serviceAccountName": "sa"},
            "secrets": [
                {"parameter": "p", "path": "a", "key": "k", "type": "secretV2"},
                {"parameter": "q", "path": "pki", "key": "c", "type": "pki", "pkiData": pki},
            ],
        }
    )

    assert found.sources == (
        Vault(
            address="https://vault:8200",
            authentication="kubernetes",
            namespace="ns",
            role="r",
            mount="m",
            token=Secret("t"),
            token_file="/f",
            service_account="sa",
            secrets=(
                VaultSecret("p", "a", "k", "secretV2"),
                VaultSecret(
                    "q",
                    "pki",
                    "c",
                    "pki",
                    PkiData(
                        common_name="cn",
                        alt_names="alt",
                        ip_sans="ip",
                        uri_sans="uri",
                        other_sans="other",
                        ttl="1h",
                        format="pem",
                    ),
                ),
            ),
        ),
    )
    assert found.parameters == ("p", "q")


def test_the_token_in_a_vaults_source_does_not_print() -> None:
    assert "t0ken" not in str(read(hashiCorpVault=VAULT))


def test_azure_key_vault() -> None:
    found = read(
        azureKeyVault={
            "vaultUri": "https://v.example",
            "secrets": [{"parameter": "p", "name": "n", "version": "1"}],
            "credentials": {"clientId": "c", "tenantId": "t", "clientSecret": FROM_SECRET},
            "podIdentity": {"provider": "azure-workload", "identityId": "i"},
            "cloud": {
                "type": "private",
                "keyVaultResourceURL": "https://kv",
                "activeDirectoryEndpoint": "https://ad",
            },
        }
    )

    assert found.azure == AzureVault(
        uri="https://v.example",
        secrets=(AzureSecret("p", "n", "1"),),
        credentials=AzureCredentials(client_id="c", tenant_id="t", client_secret=KEY),
        identity=PodIdentity("azure-workload", identity_id="i"),
        cloud=AzureCloud("Private", "https://kv", "https://ad"),
    )


def test_gcp_secret_manager() -> None:
    found = read(
        gcpSecretManager={
            "secrets": [
                {"parameter": "p", "id": "i"},
                {"parameter": "q", "id": "j", "version": "3"},
            ],
            "credentials": {"clientSecret": FROM_SECRET},
            "podIdentity": {"provider": "gcp", "identityId": "a@b"},
        }
    )

    assert found.gcp == GcpManager(
        secrets=(GcpSecret("p", "i", "latest"), GcpSecret("q", "j", "3")),
        credentials=KEY,
        identity=PodIdentity("gcp", identity_id="a@b"),
    )


def test_aws_secret_manager() -> None:
    found = read(
        awsSecretManager={
            "region": "eu-west-1",
            "secrets": [
                {
                    "parameter": "p",
                    "name": "n",
                    "versionId": "i",
                    "versionStage": "s",
                    "secretKey": "j",
                }
            ],
            "credentials": {
                "accessKey": FROM_SECRET,
                "accessSecretKey": FROM_SECRET,
                "accessToken": FROM_SECRET,
            },
            "podIdentity": {"provider": "aws", "identityOwner": "workload"},
        }
    )

    assert found.aws == AwsManager(
        region="eu-west-1",
        secrets=(
            AwsSecret(parameter="p", name="n", version_id="i", version_stage="s", json_key="j"),
        ),
        credentials=AwsKeys(key_id=KEY, secret_key=KEY, token=KEY),
        identity=PodIdentity("aws", owner="workload"),
    )


def test_oauth2() -> None:
    found = read(
        oauth2=OAUTH2
        | {"type": "clientCredentials", "scopes": ["a", "b"], "tokenUrlParams": {"audience": "x"}}
    )

    assert found.oauth2 == OAuth2(
        client_id="me",
        client_secret=KEY,
        token_url="https://idp/token",
        scopes=("a", "b"),
        params={"audience": "x"},
    )


def test_later_sources_come_last_and_a_file_comes_alone() -> None:
    spec: Json = {
        "oauth2": OAUTH2,
        "boundServiceAccountToken": [{"parameter": "t", "serviceAccountName": "sa"}],
        "awsSecretManager": AWS,
        "gcpSecretManager": GCP,
        "azureKeyVault": AZURE,
        "hashiCorpVault": VAULT,
        "secretTargetRef": [{"parameter": "s", "name": "n", "key": "k"}],
        "configMapTargetRef": [{"parameter": "c", "name": "n", "key": "k"}],
        "env": [{"parameter": "e", "name": "E"}],
    }
    found = read(**spec)

    kinds = [type(source).__name__ for source in found.sources]
    assert kinds == [
        "EnvRef",
        "KeyRef",
        "KeyRef",
        "Vault",
        "AzureVault",
        "GcpManager",
        "AwsManager",
        "BoundToken",
        "OAuth2",
    ]
    assert found.parameters[:3] == ("e", "c", "s")
    assert found.tokens == (BoundToken("t", "sa"),)
    alone = read(cluster=True, **spec, filePath="a/b.json")
    assert alone.sources == (File("a/b.json"),)
    assert alone.is_open


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"podIdentity": {"provider": "aws", "identityId": ""}},
            (
                "spec.podIdentity.identityId: found '', "
                "want an id; leave it out for the operator's own"
            ),
        ),
        (
            {"podIdentity": {"provider": "azure-workload", "identityAuthorityHost": "h"}},
            "spec.podIdentity.identityAuthorityHost: found 'h', want identityTenantId beside it",
        ),
        (
            {"podIdentity": {"provider": "aws", "roleArn": "r", "identityOwner": "workload"}},
            (
                "spec.podIdentity.roleArn: found 'r', want nothing: "
                "identityOwner workload has its own role"
            ),
        ),
        (
            {"podIdentity": {"provider": "aws", "externalID": "e"}},
            "spec.podIdentity.externalID: found 'e', want roleArn beside it",
        ),
        ({"podIdentity": {}}, "spec.podIdentity.provider: found nothing, want a text"),
        (
            {"podIdentity": {"provider": "azure"}},
            (
                "spec.podIdentity.provider: found 'azure', "
                "want one of azure-workload, gcp, aws, aws-eks, none"
            ),
        ),
        (
            {"podIdentity": {"provider": "aws", "identityOwner": "me"}},
            "spec.podIdentity.identityOwner: found 'me', want one of keda, workload",
        ),
        (
            {"oauth2": OAUTH2 | {"tokenUrl": "idp/token"}},
            (
                "spec.oauth2.tokenUrl: found 'idp/token', "
                "want a URL that begins with http:// or https://"
            ),
        ),
        (
            {"oauth2": OAUTH2 | {"clientId": None}},
            "spec.oauth2.clientId: found nothing, want a text",
        ),
        (
            {"oauth2": OAUTH2 | {"type": "password"}},
            "spec.oauth2.type: found 'password', want one of clientCredentials",
        ),
        (
            {"oauth2": OAUTH2 | {"scopes": ["a", 1]}},
            "spec.oauth2.scopes[1]: found 1, want a text",
        ),
        (
            {"oauth2": OAUTH2 | {"scopes": "a"}},
            "spec.oauth2.scopes: found 'a', want a list of texts",
        ),
        (
            {"hashiCorpVault": VAULT | {"authentication": "ldap"}},
            "spec.hashiCorpVault.authentication: found 'ldap', want one of token, kubernetes",
        ),
        (
            {"hashiCorpVault": VAULT | {"authentication": "kubernetes", "mount": "m"}},
            "spec.hashiCorpVault.role: found nothing, want a text",
        ),
        (
            {"hashiCorpVault": VAULT | {"secrets": []}},
            "spec.hashiCorpVault.secrets: found [], want a list of at least one",
        ),
        (
            {"azureKeyVault": AZURE | {"cloud": {"type": "moon"}}},
            (
                "spec.azureKeyVault.cloud.type: found 'moon', want one of "
                "AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud, Private"
            ),
        ),
        (
            {"azureKeyVault": AZURE | {"vaultUri": "https://[x"}},
            (
                "spec.azureKeyVault.vaultUri: found 'https://[x', "
                "want a URL that begins with http:// or https://"
            ),
        ),
        (
            {"gcpSecretManager": GCP | {"credentials": {"clientSecret": {"value": "x"}}}},
            (
                "spec.gcpSecretManager.credentials.clientSecret.value: found 'value', "
                "want a field of this object; did you mean 'valueFrom'?"
            ),
        ),
        (
            {"boundServiceAccountToken": [{"parameter": "p"}]},
            "spec.boundServiceAccountToken[0].serviceAccountName: found nothing, want a text",
        ),
        (
            {"filePath": "../etc/passwd"},
            "spec.filePath: found '../etc/passwd', want a relative path without '..'",
        ),
        (
            {"filePath": "/etc/x"},
            "spec.filePath: found '/etc/x', want a relative path without '..'",
        ),
    ],
)
def test_faults(spec: Json, message: str) -> None:
    value, faults = authentication(trigger_authentication(cluster=True, **spec))

    assert value is None
    assert message in [str(fault) for fault in faults]


def test_identities() -> None:
    azure = read(
        podIdentity={
            "provider": "azure-workload",
            "identityId": "i",
            "identityTenantId": "t",
            "identityAuthorityHost": "h",
        }
    )
    aws = read(podIdentity={"provider": "aws", "roleArn": "r", "externalID": "e"})

    assert azure.identity == PodIdentity(
        "azure-workload", identity_id="i", tenant_id="t", authority_host="h"
    )
    assert aws.identity == PodIdentity("aws", role_arn="r", external_id="e")
    assert read(podIdentity={"provider": "none"}).identity is None


def test_aws_eks_is_aws_with_a_warning() -> None:
    value, faults = authentication(trigger_authentication(podIdentity={"provider": "aws-eks"}))

    assert value is not None
    assert value.identity == PodIdentity("aws")
    assert [(str(fault), fault.severity) for fault in faults] == [
        (
            "spec.podIdentity.provider: found 'aws-eks', want aws: aws-eks is deprecated",
            Severity.WARNING,
        )
    ]


def test_a_file_is_for_the_cluster_kind_only() -> None:
    value, faults = authentication(trigger_authentication(filePath="a.json"))

    assert value is not None
    assert value.file is None
    assert [fault.severity for fault in faults] == [Severity.WARNING]


def test_who_may_use_a_cluster_authentication() -> None:
    def allowed(written: str) -> tuple[str, ...] | None:
        body = trigger_authentication(cluster=True)
        body["metadata"]["annotations"] = {"tandem.sh/allowed-namespaces": written}
        value, _ = authentication(body)
        assert value is not None
        return value.allowed

    assert allowed("shop, team-*,") == ("shop", "team-*")
    assert allowed("") == ()
    assert read(cluster=True).allowed is None
