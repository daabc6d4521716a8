"""A built-in catalogue of real machines: what the simulated cloud sells and `tandem plan` assumes.

General, compute and memory families of AWS with their real vCPUs, memory, pod limits and
us-east-1 on-demand list prices (2025), in three zones. **Spot prices are made up**: a fixed part
(30 to 65 %) of the on-demand price for each family and zone, so that plans are repeatable.

Formulas, not lists: within a family everything is linear in the vCPUs. What a node keeps for
itself is computed as Karpenter's AWS provider does.
Source: https://instances.vantage.sh, https://aws.amazon.com/ec2/pricing/on-demand/ and
https://karpenter.sh/docs/concepts/nodeclasses/#speckubelet
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from nodescaler.clouds.overhead import capacity_of, kept_back, pods_of
from nodescaler.core.labels import ARCH, OS, REGION
from nodescaler.core.model import InstanceType, Offering

REGION_NAME = "us-east-1"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
ON_DEMAND, SPOT = "on-demand", "spot"
SPOT_FROM, SPOT_TO = 0.30, 0.65

# size -> vCPUs, network interfaces, IPv4 addresses of each
SIZES = {
    "medium": (1, 2, 4),
    "large": (2, 3, 10),
    "xlarge": (4, 4, 15),
    "2xlarge": (8, 4, 15),
    "4xlarge": (16, 8, 30),
    "8xlarge": (32, 8, 30),
    "9xlarge": (36, 8, 30),
    "12xlarge": (48, 8, 30),
    "16xlarge": (64, 15, 50),
    "18xlarge": (72, 15, 50),
    "24xlarge": (96, 15, 50),
    "32xlarge": (128, 15, 50),
    "48xlarge": (192, 15, 50),
}
# size of a burstable type -> memory in GiB, interfaces, addresses; price in units of the nano's
BURSTABLE = {
    "nano": (0.5, 2, 2),
    "micro": (1, 2, 2),
    "small": (2, 3, 4),
    "medium": (4, 3, 6),
    "large": (8, 3, 12),
    "xlarge": (16, 4, 15),
    "2xlarge": (32, 4, 15),
}
BURSTABLE_VCPUS = {"xlarge": 4, "2xlarge": 8}  # two below
FEWER_INTERFACES = {"t3a.small": 2}

TO_24 = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
C5 = ("large", "xlarge", "2xlarge", "4xlarge", "9xlarge", "12xlarge", "18xlarge", "24xlarge")
TO_32 = (*TO_24, "32xlarge")
TO_48 = (*TO_24, "48xlarge")
TO_48_AMD = ("medium", *TO_24, "32xlarge", "48xlarge")
ARM_16 = ("medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
ARM_48 = (*ARM_16, "24xlarge", "48xlarge")


@dataclass(frozen=True, slots=True)
class Family:
    """A series of sizes.

    Attributes:
        usd: of the `large` size, an hour; of the nano for a burstable family.
        gib: of memory for each vCPU; 0 for a burstable family.
    """

    name: str
    maker: str
    usd: float
    gib: int
    sizes: tuple[str, ...]

    @property
    def is_arm(self) -> bool:
        return self.maker == "aws"


FAMILIES = (
    Family("t3", "intel", 0.0052, 0, tuple(BURSTABLE)),
    Family("t3a", "amd", 0.0047, 0, tuple(BURSTABLE)),
    Family("t4g", "aws", 0.0042, 0, tuple(BURSTABLE)),
    Family("m5", "intel", 0.096, 4, TO_24),
    Family("m5a", "amd", 0.086, 4, TO_24),
    Family("m6i", "intel", 0.096, 4, TO_32),
    Family("m6a", "amd", 0.0864, 4, (*TO_32, "48xlarge")),
    Family("m6g", "aws", 0.077, 4, ARM_16),
    Family("m7i", "intel", 0.1008, 4, TO_48),
    Family("m7a", "amd", 0.11592, 4, TO_48_AMD),
    Family("m7g", "aws", 0.0816, 4, ARM_16),
    Family("m8g", "aws", 0.08976, 4, ARM_48),
    Family("c5", "intel", 0.085, 2, C5),
    Family("c5a", "amd", 0.077, 2, TO_24),
    Family("c6i", "intel", 0.085, 2, TO_32),
    Family("c6a", "amd", 0.0765, 2, (*TO_32, "48xlarge")),
    Family("c6g", "aws", 0.068, 2, ARM_16),
    Family("c7i", "intel", 0.08925, 2, TO_48),
    Family("c7a", "amd", 0.10264, 2, TO_48_AMD),
    Family("c7g", "aws", 0.0725, 2, ARM_16),
    Family("c8g", "aws", 0.07976, 2, ARM_48),
    Family("r5", "intel", 0.126, 8, TO_24),
    Family("r5a", "amd", 0.113, 8, TO_24),
    Family("r6i", "intel", 0.126, 8, TO_32),
    Family("r6a", "amd", 0.1134, 8, (*TO_32, "48xlarge")),
    Family("r6g", "aws", 0.1008, 8, ARM_16),
    Family("r7i", "intel", 0.1323, 8, TO_48),
    Family("r7a", "amd", 0.15215, 8, TO_48_AMD),
    Family("r7g", "aws", 0.1071, 8, ARM_16),
    Family("r8g", "aws", 0.11782, 8, ARM_48),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One size of one family, in hardware terms."""

    family: Family
    size: str
    vcpus: int
    mib: int
    interfaces: int
    addresses: int
    usd: float

    @property
    def pods(self) -> int:
        return pods_of(self.interfaces, self.addresses)


@cache
def builtin() -> tuple[InstanceType, ...]:
    """The whole catalogue, by name."""
    machines = [machine for family in FAMILIES for machine in _machines(family)]
    return tuple(sorted((_instance_type(m) for m in machines), key=lambda each: each.name))


def _machines(family: Family) -> Iterator[Machine]:
    for size in family.sizes:
        if family.gib == 0:
            gib, interfaces, addresses = BURSTABLE[size]
            interfaces = FEWER_INTERFACES.get(f"{family.name}.{size}", interfaces)
            usd = round(family.usd * gib / BURSTABLE["nano"][0], 6)
            vcpus = BURSTABLE_VCPUS.get(size, 2)
            mib = int(gib * 1024)
        else:
            vcpus, interfaces, addresses = SIZES[size]
            usd = round(family.usd * vcpus / 2, 6)
            mib = vcpus * family.gib * 1024
        yield Machine(family, size, vcpus, mib, interfaces, addresses, usd)


def _instance_type(machine: Machine) -> InstanceType:
    family = machine.family
    return InstanceType(
        name=f"{family.name}.{machine.size}",
        labels=_labels(machine),
        capacity=capacity_of(machine.vcpus, machine.mib, machine.pods, is_arm=family.is_arm),
        overhead=kept_back(machine.vcpus, machine.pods),
        offerings=tuple(_offerings(machine)),
    )


def _labels(machine: Machine) -> dict[str, str]:
    family = machine.family.name
    aws, kwok = "karpenter.k8s.aws/instance-", "karpenter.kwok.sh/instance-"
    return {
        ARCH: "arm64" if machine.family.is_arm else "amd64",
        OS: "linux",
        REGION: REGION_NAME,
        f"{aws}category": family[0],
        f"{aws}family": family,
        f"{aws}generation": family[1],
        f"{aws}size": machine.size,
        f"{aws}cpu": str(machine.vcpus),
        f"{aws}memory": str(machine.mib),
        f"{aws}cpu-manufacturer": machine.family.maker,
        f"{aws}hypervisor": "nitro",
        f"{kwok}family": family,
        f"{kwok}size": machine.size,
        f"{kwok}cpu": str(machine.vcpus),
        f"{kwok}memory": f"{machine.mib // 1024}Gi"
        if machine.mib % 1024 == 0
        else f"{machine.mib}Mi",
    }


def _offerings(machine: Machine) -> Iterator[Offering]:
    for zone in ZONES:
        yield Offering(zone, ON_DEMAND, machine.usd)
        part = spot_part(machine.family.name, zone)
        yield Offering(zone, SPOT, round(machine.usd * part, 6))


def spot_part(family: str, zone: str) -> float:
    """The invented spot price of a family in a zone, as a part of its on-demand price."""
    chance = zlib.crc32(f"{family}/{zone}".encode()) / 2**32
    return round(SPOT_FROM + (SPOT_TO - SPOT_FROM) * chance, 3)
