"""Which taints a pod tolerates, and which taints do not count while a node is starting.

A node that has not been initialised carries taints that will go away by themselves: its pool's
startup taints and the ephemeral ones of Kubernetes and of the provisioner. They must not keep a
pod from being planned onto it. ``PreferNoSchedule`` never refuses a pod.

Pure. Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NO_SCHEDULE = "NoSchedule"
NO_EXECUTE = "NoExecute"
PREFER_NO_SCHEDULE = "PreferNoSchedule"


@dataclass(frozen=True, slots=True, order=True)
class Taint:
    key: str
    value: str = ""
    effect: str = NO_SCHEDULE

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


@dataclass(frozen=True, slots=True, order=True)
class Toleration:
    """Empty *key* with ``Exists`` tolerates every taint; empty *effect* every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """Whether this toleration accepts *taint*.

        >>> Toleration("team", value="a").tolerates(Taint("team", "a"))
        True
        >>> Toleration(operator="Exists").tolerates(Taint("anything", effect="NoExecute"))
        True
        """
        if self.effect and self.effect != taint.effect:
            return False
        if self.operator == "Exists":
            return self.key in {"", taint.key}
        return self.key == taint.key and self.value == taint.value


DISRUPTED = Taint("karpenter.sh/disrupted", effect=NO_SCHEDULE)
UNREGISTERED = Taint("karpenter.sh/unregistered", effect=NO_EXECUTE)

EPHEMERAL = frozenset(
    {
        Taint("node.kubernetes.io/not-ready", effect=NO_SCHEDULE),
        Taint("node.kubernetes.io/not-ready", effect=NO_EXECUTE),
        Taint("node.kubernetes.io/unreachable", effect=NO_SCHEDULE),
        Taint("node.cloudprovider.kubernetes.io/uninitialized", "true", NO_SCHEDULE),
        UNREGISTERED,
    }
)
EPHEMERAL_PREFIX = "readiness.k8s.io/"


def is_ephemeral(taint: Taint) -> bool:
    """A taint that goes away by itself while a node starts."""
    return taint in EPHEMERAL or taint.key.startswith(EPHEMERAL_PREFIX)


def hard(taints: Iterable[Taint]) -> tuple[Taint, ...]:
    """The taints that can refuse a pod."""
    return tuple(taint for taint in taints if taint.effect != PREFER_NO_SCHEDULE)


def untolerated(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> tuple[Taint, ...]:
    """The taints that keep a pod with these tolerations away, in their own order."""
    return tuple(t for t in hard(taints) if not any(each.tolerates(t) for each in tolerations))


def lasting(
    taints: Iterable[Taint], startup: Iterable[Taint] = (), *, initialised: bool = False
) -> tuple[Taint, ...]:
    """The taints that count for planning: all of an initialised node, else the lasting ones."""
    if initialised:
        return tuple(taints)
    leaving = {(taint.key, taint.effect) for taint in startup}
    return tuple(t for t in taints if not is_ephemeral(t) and (t.key, t.effect) not in leaving)
