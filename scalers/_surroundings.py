"""What a cloud's webhook or metadata server tells this pod of its identity. Pure values.

Whoever writes a trigger must not be able to have the operator's own credentials sent wherever he
likes; so the addresses that get them are settings, or those that everybody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSurroundings:
    """Azure's workload identity of this pod.

    Attributes:
        authority: the login that the pod was told.
        trusted: more logins that may be sent the pod's federated token, and vaults outside of
            Azure's own domains that may be sent a token for vaults.
    """

    client_id: str = ""
    tenant_id: str = ""
    token_file: str = ""
    authority: str = ""
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleServers:
    """Where Google's APIs answer; elsewhere in tests and behind private endpoints."""

    secrets: str = "https://secretmanager.googleapis.com"
    credentials: str = "https://iamcredentials.googleapis.com"
    metadata: str = "http://metadata.google.internal"


def azure_of(environ: Mapping[str, str], trusted: tuple[str, ...] = ()) -> AzureSurroundings:
    """As Azure's workload-identity webhook writes it into a pod's environment."""
    return AzureSurroundings(
        client_id=environ.get("AZURE_CLIENT_ID", ""),
        tenant_id=environ.get("AZURE_TENANT_ID", ""),
        token_file=environ.get("AZURE_FEDERATED_TOKEN_FILE", ""),
        authority=environ.get("AZURE_AUTHORITY_HOST", ""),
        trusted=trusted,
    )


def google_of(environ: Mapping[str, str]) -> GoogleServers:
    """GCE_METADATA_HOST names another metadata server, as for Google's own libraries.

    >>> google_of({"GCE_METADATA_HOST": "127.0.0.1:8080"}).metadata
    'http://127.0.0.1:8080'
    """
    host = environ.get("GCE_METADATA_HOST", "")
    return GoogleServers(metadata=f"http://{host}") if host else GoogleServers()
