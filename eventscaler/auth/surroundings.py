"""What sources outside the cluster may be given, and how long their values are kept.

Whoever writes a TriggerAuthentication must not be able to have the operator's own credentials sent
wherever he likes; so the addresses that get them are settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from scalers._pod_tokens import origin
from scalers.base import Secret

ANY = "*"
KEEP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """How vaults and secret managers are used.

    Args:
        keep: a value is used no longer than this after it was fetched, unless it has a lease.
        share: a value as young as this is believed even when a reading failed with it.
        timeout_s: the longest that one source may take, logins included.
        vaults: addresses of vaults that may be sent the operator's own token, "*" for any; those
            that objects of the operator's own namespace and ClusterTriggerAuthentications name
            need not be here.
        vault_token: the operator's own, for `authentication: token` without a credential.
        vault_ca: file with the certificate authorities of vaults.
        token_file: the operator's ServiceAccount token.
        token_folders: token files named by an object must be below one of these.
    """

    keep: timedelta = KEEP
    share: timedelta = timedelta(seconds=10)
    timeout_s: float = 10.0
    vaults: tuple[str, ...] = ()
    vault_token: Secret | None = None
    vault_ca: str = ""
    token_file: str = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
    token_folders: tuple[str, ...] = ("/var/run/secrets",)

    def trusts_vault(self, address: str) -> bool:
        """Whether the vault at *address* may be sent the operator's own token."""
        return ANY in self.vaults or origin(address) in {origin(each) for each in self.vaults}


def remote_of(
    environ: Mapping[str, str],
    *,
    vaults: tuple[str, ...] = (),
    keep: timedelta = KEEP,
) -> RemoteSettings:
    """The settings that the process' environment gives, by the names that others use for them.

    VAULT_ADDR, VAULT_TOKEN and VAULT_CACERT are those of Vault's own programs; the token is for the
    vault at that address.
    """
    token, address = environ.get("VAULT_TOKEN", ""), environ.get("VAULT_ADDR", "")
    return RemoteSettings(
        keep=keep,
        vaults=(*vaults, address) if address else vaults,
        vault_token=Secret(token) if token else None,
        vault_ca=environ.get("VAULT_CACERT", ""),
    )
