"""A TriggerAuthentication or ClusterTriggerAuthentication as one frozen value.

Three sources are read so far: secretTargetRef, configMapTargetRef and env. Any other is refused by
name: a scaler with half of its credentials fails later and elsewhere.

Source: https://keda.sh/docs/latest/concepts/authentication/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventscaler.core.faults import Fault, errors
from eventscaler.decode.node import Node

LATER = (
    "hashiCorpVault",
    "azureKeyVault",
    "gcpSecretManager",
    "awsSecretManager",
    "boundServiceAccountToken",
    "filePath",
    "oauth2",
)
READ_SO_FAR = "secretTargetRef, configMapTargetRef or env: this source is not supported yet"


@dataclass(frozen=True, slots=True)
class KeyRef:
    """A parameter that is one key of a Secret or ConfigMap."""

    parameter: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class EnvRef:
    """A parameter that is one variable of a container of the workload."""

    parameter: str
    name: str
    container: str = ""


@dataclass(frozen=True, slots=True)
class Authentication:
    """Where the parameters of a trigger come from."""

    kind: str
    namespace: str
    name: str
    env: tuple[EnvRef, ...] = ()
    config_maps: tuple[KeyRef, ...] = ()
    secrets: tuple[KeyRef, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names it will yield."""
        refs: tuple[EnvRef | KeyRef, ...] = (*self.env, *self.config_maps, *self.secrets)
        return tuple(dict.fromkeys(ref.parameter for ref in refs))


def authentication(body: Mapping[str, Any]) -> tuple[Authentication | None, tuple[Fault, ...]]:
    """Read *body* of either kind; the value is None when some fault is an error."""
    faults: list[Fault] = []
    root = Node(dict(body), "", faults)
    meta, spec = root.child("metadata"), root.child("spec")
    kind = root.text("kind")
    cluster = kind == "ClusterTriggerAuthentication"
    value = Authentication(
        kind=kind,
        namespace="" if cluster else meta.text("namespace") or "default",
        name=meta.text("name", required=True),
        env=tuple(_env(node) for node in spec.children("env")),
        config_maps=tuple(_key(node) for node in spec.children("configMapTargetRef")),
        secrets=tuple(_key(node) for node in spec.children("secretTargetRef")),
    )
    _refuse_later_sources(spec)
    spec.unknown()
    found = tuple(faults)
    return (None if errors(found) else value), found


def _refuse_later_sources(spec: Node) -> None:
    for key in LATER:
        if spec.has(key):
            spec.faults.append(Fault(spec.at(key), f"'{key}'", READ_SO_FAR))
    provider = spec.child("podIdentity").text("provider", "none")
    if provider != "none":
        spec.fault("podIdentity.provider", provider, READ_SO_FAR)


def _key(node: Node) -> KeyRef:
    ref = KeyRef(
        node.text("parameter", required=True),
        node.text("name", required=True),
        node.text("key", required=True),
    )
    node.unknown()
    return ref


def _env(node: Node) -> EnvRef:
    ref = EnvRef(
        node.text("parameter", required=True),
        node.text("name", required=True),
        node.text("containerName"),
    )
    node.unknown()
    return ref
