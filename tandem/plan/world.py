"""What has been read of manifests and of a cluster, before it becomes a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field

from kube.client import Json
from nodescaler.core.demands import Volume
from nodescaler.core.model import (
    ClaimState,
    DaemonSpec,
    NodeClassRef,
    NodePool,
    NodeState,
    PodSpec,
)
from tandem.files import InputFault, Where
from tandem.plan.admission import Admission
from tandem.plan.volumes import Storage

CLUSTER = Where("the cluster")
NOWHERE = Where("")


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something a reader should know that is no mistake."""

    where: Where
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where != NOWHERE else self.text


@dataclass(frozen=True, slots=True)
class Sample:
    """One pod of a document that has pods.

    Attributes:
        path: of its spec in the document.
    """

    where: Where
    path: str
    pod: PodSpec

    @property
    def title(self) -> str:
        return f"{self.pod.owner.kind if self.pod.owner else 'Pod'} {self.pod.name}"


@dataclass(slots=True)
class World:
    """Everything that has been read, good or bad.

    Attributes:
        pods: those of files; without a node they wait.
        live: those of a cluster.
        claims: NodeClaims.
        volumes: by ``namespace/claim``; resolved from *storage*.
    """

    pools: list[tuple[Where, NodePool]] = field(default_factory=list)
    classes: set[tuple[str, str]] = field(default_factory=set)
    nodes: list[NodeState] = field(default_factory=list)
    claims: list[ClaimState] = field(default_factory=list)
    pods: list[PodSpec] = field(default_factory=list)
    live: list[PodSpec] = field(default_factory=list)
    daemons: list[DaemonSpec] = field(default_factory=list)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    storage: Storage = field(default_factory=Storage)
    volumes: dict[str, Volume] = field(default_factory=dict)
    admission: Admission = field(default_factory=Admission)
    samples: list[Sample] = field(default_factory=list)
    faults: list[InputFault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def fault(self, where: Where, message: str) -> None:
        self.faults.append(InputFault(where, message))

    def remark(self, text: str) -> None:
        """A note about no single document."""
        self.notes.append(Note(NOWHERE, text))

    def note(self, where: Where, text: str) -> None:
        self.notes.append(Note(where, text))


def name_of(body: Json) -> str:
    """The kind and name of an object, whatever it looks like.

    >>> name_of({"kind": "Pod", "metadata": {"name": "web"}}), name_of({"kind": "Pod"})
    ('Pod web', 'Pod ?')
    """
    metadata = body.get("metadata")
    name = metadata.get("name", "?") if isinstance(metadata, dict) else "?"
    return f"{body['kind']} {name}"


def class_name(ref: NodeClassRef) -> str:
    return f"{ref.kind} {ref.name}"
