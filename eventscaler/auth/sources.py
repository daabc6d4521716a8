"""Who fetches which source: one coroutine a kind, in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from eventscaler.auth import files, local, tokens
from eventscaler.auth.remote import aws, azure, gcp, oauth2, vault
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode import Source
from eventscaler.decode.sources import (
    AwsManager,
    AzureVault,
    BoundToken,
    EnvRef,
    File,
    GcpManager,
    KeyRef,
    OAuth2,
    Vault,
)

Fetch = Callable[[Any, Where], Awaitable[Fetched]]


SOURCES: Mapping[type, Fetch] = {
    EnvRef: local.variable,
    KeyRef: local.key,
    Vault: vault.fetch,
    AzureVault: azure.fetch,
    GcpManager: gcp.fetch,
    AwsManager: aws.fetch,
    BoundToken: tokens.bound,
    OAuth2: oauth2.fetch,
    File: files.file,
}


async def fetch(source: Source, where: Where) -> Fetched:
    """The parameters of *source*.

    Raises:
        AuthFault: not all of them can be had.
    """
    return await SOURCES[type(source)](source, where)
