"""The parameters of a trigger: from TriggerAuthentications, Secrets, ConfigMaps and containers.

What is missing is an `AuthFault` that names it, never an empty value: a scaler that logs in with
an empty password fails later and elsewhere. Values travel as `Secret`, which no text shows. Secrets
and config maps of a ClusterTriggerAuthentication are read in the operator's namespace; env is
always the workload's.

Source: https://keda.sh/docs/latest/concepts/authentication/
"""

from __future__ import annotations

from eventscaler.auth.environment import Environment
from eventscaler.auth.identities import Acting
from eventscaler.auth.objects import AuthFault, Given, Objects, Ref, decoded
from eventscaler.auth.reads import Reads
from eventscaler.auth.resolver import Resolver
from eventscaler.auth.where import AuthSettings, Fetched, Where
from eventscaler.auth.workload import Workload

__all__ = [
    "Acting",
    "AuthFault",
    "AuthSettings",
    "Environment",
    "Fetched",
    "Given",
    "Objects",
    "Reads",
    "Ref",
    "Resolver",
    "Where",
    "Workload",
    "decoded",
]
