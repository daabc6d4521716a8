"""What the operator lends to triggers: which Secrets and files, which tokens, and to whom.

Beside the flags it is the process' environment that says who this pod is: VAULT_*, AZURE_* and
GCE_METADATA_HOST, under the names that others use for them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

from eventscaler.auth import AuthSettings
from eventscaler.auth.surroundings import remote_of
from scalers._egress import NO_RULES, Egress
from scalers._surroundings import azure_of, google_of
from scalers.io import IOSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """As `tandem run` takes it; durations in seconds.

    Attributes:
        file_root: below it are the files that authentications name; "" for none.
        token_life_s: of the ServiceAccount tokens that authentications ask for.
        restricted: Secrets are read in the operator's namespace only.
        trusted_vaults, trusted_azure: addresses that the operator's own tokens may be sent to.
        refresh_s: how long a value of a vault or a cloud is used at most.
    """

    file_root: str = ""
    token_life_s: float = 3600.0
    restricted: bool = False
    trusted_vaults: tuple[str, ...] = ()
    trusted_azure: tuple[str, ...] = ()
    refresh_s: float = 300.0


LENT = Credentials()


def auth_settings(namespace: str, lent: Credentials = LENT) -> AuthSettings:
    """What authentications may read, for an operator of that namespace."""
    return AuthSettings(
        cluster_namespace=namespace,
        file_root=lent.file_root,
        token_life=timedelta(seconds=lent.token_life_s),
        restricted=lent.restricted,
        remote=remote_of(
            os.environ, vaults=lent.trusted_vaults, keep=timedelta(seconds=lent.refresh_s)
        ),
    )


def io_settings(egress: Egress = NO_RULES, lent: Credentials = LENT) -> IOSettings:
    """How scalers and authentications reach what is outside."""
    azure, google = azure_of(os.environ, lent.trusted_azure), google_of(os.environ)
    return IOSettings(egress=egress, azure=azure, google=google)
