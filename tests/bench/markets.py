"""Where the benchmarks buy: real prices of one AWS region, and Karpenter's fake catalogue.

The catalogue lies beside the checkout (``../shared/data``), in the format of Karpenter's kwok
provider; its spot prices are synthetic. Units: millicores, bytes, dollars per hour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nodescaler.clouds.catalogue_file import read_catalogue
from nodescaler.core.labels import ARCH, CAPACITY_TYPE, OS, Requirement, Requirements
from nodescaler.core.model import (
    DaemonSpec,
    InstanceType,
    NodePool,
    Offering,
    Owner,
    PodSpec,
    Snapshot,
)
from nodescaler.core.resources import CPU, MEMORY, PODS
from nodescaler.core.taints import Toleration

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
AWS = DATA / "aws-us-east-1.kwok.json"
MIB = 2**20
GIB = 2**30
DAEMONS = ((100, 128), (100, 128), (50, 128), (25, 64), (25, 64))  # millicores, MiB: 300m, 512Mi
FAKE_ZONES = ("test-zone-1", "test-zone-2", "test-zone-3")
AWS_LABEL = "karpenter.k8s.aws/instance-"


@dataclass(frozen=True, slots=True)
class Market:
    """One pool, all that it may buy, and what runs on each of its nodes."""

    name: str
    pool: NodePool
    types: tuple[InstanceType, ...]
    daemons: tuple[DaemonSpec, ...] = ()

    def snapshot(self, pods: Sequence[PodSpec]) -> Snapshot:
        """*pods* pending, and no nodes."""
        return Snapshot(
            pools=(self.pool,),
            types={self.pool.name: self.types},
            pods=tuple(pods),
            daemons=self.daemons,
        )


def on_demand() -> Market:
    """The pool of Karpenter's guide: amd64, c/m/r of a generation above 2; 636 types."""
    return _aws("on-demand", ("amd64",), ("on-demand",))


def with_arm() -> Market:
    """The same and arm64: 908 types."""
    return _aws("on-demand, arm64", ("amd64", "arm64"), ("on-demand",))


def with_spot() -> Market:
    """`on_demand` and spot, at synthetic prices."""
    return _aws("on-demand, spot", ("amd64",), ("on-demand", "spot"))


def fake() -> Market:
    """The 400 types of Karpenter's scheduling benchmark: i cpu, 2i GiB, 10i pods, linear prices.

    Three zones at one price, spot in two of them; no daemons.
    """
    pool = NodePool("default", requirements=_requirements(("amd64",), ("on-demand", "spot")))
    return Market("fake-400", pool, tuple(_fake_type(size) for size in range(1, 401)))


MARKETS: dict[str, Callable[[], Market]] = {
    "on-demand": on_demand,
    "on-demand, arm64": with_arm,
    "on-demand, spot": with_spot,
}


def _aws(name: str, archs: Sequence[str], capacity_types: Sequence[str]) -> Market:
    families = Requirements.of(
        Requirement(f"{AWS_LABEL}category", "In", ("c", "m", "r")),
        Requirement(f"{AWS_LABEL}generation", "Gt", ("2",)),
    )
    pool = NodePool("default", requirements=_requirements(archs, capacity_types) & families)
    return Market(name, pool, _aws_types(), daemons())


@cache
def _aws_types() -> tuple[InstanceType, ...]:
    """All types of the region.

    Raises:
        CatalogueFault: the file is not there, or is no catalogue.
    """
    return read_catalogue(AWS)


def _requirements(archs: Sequence[str], capacity_types: Sequence[str]) -> Requirements:
    return Requirements.of(
        Requirement(ARCH, "In", tuple(archs)),
        Requirement(OS, "In", ("linux",)),
        Requirement(CAPACITY_TYPE, "In", tuple(capacity_types)),
    )


def daemons() -> tuple[DaemonSpec, ...]:
    """Five daemons that run on every node and together request 300m, 512Mi and five pods."""
    return tuple(_daemon(f"daemon-{number}", cpu, mib) for number, (cpu, mib) in enumerate(DAEMONS))


def _daemon(name: str, cpu: int, mib: int) -> DaemonSpec:
    pod = PodSpec(
        namespace="kube-system",
        name=name,
        requests={CPU: cpu, MEMORY: mib * MIB, PODS: 1},
        tolerations=(Toleration(operator="Exists"),),
        owner=Owner("DaemonSet", name, f"uid-{name}"),
    )
    return DaemonSpec("kube-system", name, f"uid-{name}", pod)


def _fake_type(size: int) -> InstanceType:
    price = 0.1 * size + 0.1 * 2 * size * GIB / 1e9
    kinds = {"on-demand": FAKE_ZONES, "spot": FAKE_ZONES[:2]}
    return InstanceType(
        name=f"fake-it-{size - 1}",
        labels={ARCH: "amd64", OS: "linux"},
        capacity={CPU: size * 1000, MEMORY: 2 * size * GIB, PODS: 10 * size},
        overhead={CPU: 100, MEMORY: 10 * MIB},
        offerings=tuple(Offering(zone, kind, price) for kind in kinds for zone in kinds[kind]),
    )
