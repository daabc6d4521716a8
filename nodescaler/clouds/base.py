"""What a cloud must be able to do, and the errors that tell a caller what to do next.

A cloud has no memory that a crash could lose: `create` is idempotent by its token, the UID
of a NodeClaim that exists before the machine is asked for, and `list` tells which machines belong
to which token. `tests/nodescaler/clouds/conformance.py` is the suite that every cloud must pass.

    CloudError        it did not work; back off and ask again
    ├── NoCapacity    none of the offers can be had now: give the claim up and plan again
    ├── Gone          there is no such machine: a deletion succeeded
    └── Denied        not allowed, or the request itself is wrong: tell the user
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from nodescaler.core.labels import Requirements
from nodescaler.core.model import InstanceType
from nodescaler.core.resources import Resources
from nodescaler.core.taints import Taint


class CloudError(Exception):
    pass


class NoCapacity(CloudError):
    pass


class Gone(CloudError):
    pass


class Denied(CloudError):
    pass


@dataclass(frozen=True, slots=True)
class NodeClass:
    """A node class as its cloud reads it: kwok's, EC2's; *spec* is the manifest's own.

    The default value stands for "the cloud's own default": a pool that names no class gets it.
    """

    kind: str = ""
    name: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One machine to have.

    Attributes:
        token: the NodeClaim's UID; equal tokens mean the same machine, whatever else differs.
        name: the NodeClaim's name; a cloud that may choose gives it to the Node.
        requirements: which types, zones and capacity types are allowed. After a launch was
            recorded they name that one offering, so that asking again cannot choose another.
        requests: what the machine must have allocatable.
        labels, taints: what the Node joins with, beside the unregistered taint.
        asked_at: when this machine was first asked for: start-up counts from here, also when a
            new process asks again.
        startup_s: how long a simulated machine takes to join, where its class does not say; real
            clouds do not look.
    """

    token: str
    name: str
    asked_at: datetime
    startup_s: float = 0.0
    node_class: NodeClass = NodeClass()
    requirements: Requirements = Requirements()  # noqa: RUF009 - immutable
    requests: Resources = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine that was asked for and has not gone.

    Attributes:
        labels: what the machine's Node will say of it: type, zone, capacity type and the like.
    """

    provider_id: str
    token: str
    name: str
    labels: Mapping[str, str]
    capacity: Resources
    allocatable: Resources
    usd_per_hour: float
    image_id: str = ""


class Cloud(Protocol):
    """All methods may raise `CloudError`, or `kube.errors.KubeError` where nodes are objects."""

    async def run(self) -> None:
        """Do what must go on in the background, until cancelled; may return at once."""

    async def catalogue(self, node_class: NodeClass) -> Sequence[InstanceType]:
        """Every type the class allows, with today's offerings and prices.

        Raises:
            Denied: the class itself is wrong; the message says which field.
        """

    async def create(self, spec: LaunchSpec) -> Instance:
        """Have the machine of `spec.token`: a new one, or the one that the token already has.

        Raises:
            NoCapacity: nothing that the requirements allow can be had now.
            Denied: it never can be with this class.
        """

    async def resume(self, spec: LaunchSpec) -> Instance:
        """Go on with the machine of `spec.token` that an earlier process launched.

        Called once for each machine whose Node has not joined when this process begins; for a
        cloud with real machines it is `get`.

        Raises:
            Gone: it does not exist (any more).
        """

    async def delete(self, provider_id: str) -> None:
        """Ask for the machine to go; ask again until the answer is `Gone`.

        Raises:
            Gone: it does not exist (any more): done.
        """

    async def get(self, provider_id: str) -> Instance:
        """The machine.

        Raises:
            Gone: it does not exist (any more).
        """

    async def list(self) -> Sequence[Instance]:
        """Every machine of this cluster, in no order, also those without a claim."""
