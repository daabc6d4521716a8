"""A TriggerAuthentication or ClusterTriggerAuthentication as one frozen value.

Source: https://keda.sh/docs/latest/concepts/authentication/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from eventscaler.core.faults import Fault, Severity, errors
from eventscaler.decode import remote
from eventscaler.decode.identity import pod_identity
from eventscaler.decode.node import Node
from eventscaler.decode.sources import (
    AwsManager,
    AzureVault,
    BoundToken,
    EnvRef,
    File,
    GcpManager,
    KeyRef,
    OAuth2,
    Source,
    Vault,
    parameters_of,
)
from kube.resources import CLUSTER_TRIGGER_AUTHENTICATIONS
from scalers.base import PodIdentity

CLUSTER_KIND = CLUSTER_TRIGGER_AUTHENTICATIONS.kind
ALLOWED = "tandem.sh/allowed-namespaces"


@dataclass(frozen=True, slots=True)
class Authentication:
    """Where the parameters of a trigger come from.

    Attributes:
        namespace: "" for the cluster kind.
        file: in effect on the cluster kind only; then nothing else is read.
        allowed: patterns of the namespaces that may use it; None for all.
    """

    kind: str
    namespace: str
    name: str
    env: tuple[EnvRef, ...] = ()
    config_maps: tuple[KeyRef, ...] = ()
    secrets: tuple[KeyRef, ...] = ()
    vault: Vault | None = None
    azure: AzureVault | None = None
    gcp: GcpManager | None = None
    aws: AwsManager | None = None
    tokens: tuple[BoundToken, ...] = ()
    oauth2: OAuth2 | None = None
    file: File | None = None
    identity: PodIdentity | None = None
    allowed: tuple[str, ...] | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """All of them; of two that yield the same parameter the later one wins."""
        if self.file is not None:
            return (self.file,)
        given = (self.vault, self.azure, self.gcp, self.aws)
        managers = tuple(source for source in given if source is not None)
        last = (self.oauth2,) if self.oauth2 else ()
        return (
            *self.env,
            *self.config_maps,
            *self.secrets,
            *managers,
            *self.tokens,
            *last,
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names it will yield, as far as they can be known; see `is_open`."""
        names = (name for source in self.sources for name in parameters_of(source))
        return tuple(dict.fromkeys(names))

    @property
    def is_open(self) -> bool:
        """Whether it may yield any parameter."""
        return self.file is not None


def authentication(body: Mapping[str, Any]) -> tuple[Authentication | None, tuple[Fault, ...]]:
    """Read *body* of either kind; the value is None when some fault is an error."""
    faults: list[Fault] = []
    root = Node(dict(body), "", faults)
    meta, spec = root.child("metadata"), root.child("spec")
    kind = root.text("kind")
    cluster = kind == CLUSTER_KIND
    value = Authentication(
        kind=kind,
        namespace="" if cluster else meta.text("namespace") or "default",
        name=meta.text("name", required=True),
        env=tuple(_env(node) for node in spec.children("env")),
        config_maps=_keys(spec, "configMapTargetRef", "ConfigMap"),
        secrets=_keys(spec, "secretTargetRef", "Secret"),
        vault=spec.optional("hashiCorpVault", remote.vault),
        azure=spec.optional("azureKeyVault", remote.azure_vault),
        gcp=spec.optional("gcpSecretManager", remote.gcp_manager),
        aws=spec.optional("awsSecretManager", remote.aws_manager),
        tokens=tuple(_token(node) for node in spec.children("boundServiceAccountToken")),
        oauth2=spec.optional("oauth2", remote.oauth2),
        file=_file(spec, cluster=cluster),
        identity=spec.optional("podIdentity", pod_identity),
        allowed=_allowed(meta.child("annotations")) if cluster else None,
    )
    spec.unknown()
    found = tuple(faults)
    return (None if errors(found) else value), found


def _keys(spec: Node, key: str, kind: str) -> tuple[KeyRef, ...]:
    return tuple(_key(node, kind) for node in spec.children(key))


def _key(node: Node, kind: str) -> KeyRef:
    ref = KeyRef(
        node.text("parameter", required=True),
        node.text("name", required=True),
        node.text("key", required=True),
        kind,
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


def _token(node: Node) -> BoundToken:
    token = BoundToken(
        node.text("parameter", required=True),
        node.text("serviceAccountName", required=True),
    )
    node.unknown()
    return token


def _file(spec: Node, *, cluster: bool) -> File | None:
    path = spec.text("filePath")
    if not path:
        return None
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        spec.fault("filePath", path, "a relative path without '..'")
    if not cluster:
        want = f"a {CLUSTER_KIND}: filePath has no effect here"
        spec.fault("filePath", path, want, Severity.WARNING)
        return None
    return File(path)


def _allowed(annotations: Node) -> tuple[str, ...] | None:
    """The patterns of the annotation; an empty one lets nobody in."""
    if not annotations.has(ALLOWED):
        return None
    written = annotations.text(ALLOWED)
    return tuple(pattern.strip() for pattern in written.split(",") if pattern.strip())
