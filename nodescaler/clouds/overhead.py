"""What a machine of AWS has and what its kubelet and system keep, by the formulas of Karpenter.

Shared by the built-in catalogue and the live one, so that the two cannot differ. They hold for the
Amazon Linux images with the defaults of a node class: a root volume of 20 GiB, as many pods as
there are addresses, no `kubelet` settings.

Pure. Source: https://karpenter.sh/docs/concepts/nodeclasses/#speckubelet and
https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/eni-max-pods.txt
"""

from __future__ import annotations

from math import ceil

from nodescaler.core.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS

MIB = 2**20
GIB = 2**30

VM_OVERHEAD = 0.075  # of memory, taken by the hypervisor and the kernel
ARM_MEMORY_MIB = 64
ROOT_VOLUME_GIB = 20


def pods_of(interfaces: int, addresses: int) -> int:
    """As many pods as there are addresses for; two pods use the host's.

    Args:
        interfaces: network interfaces of the first card.
        addresses: IPv4 addresses of each interface; it keeps the first itself.

    >>> pods_of(3, 10)
    29
    """
    return interfaces * (addresses - 1) + 2


def capacity_of(vcpus: int, mib: int, pods: int, *, is_arm: bool) -> dict[str, int]:
    """What a node reports as its capacity.

    Args:
        vcpus: as sold.
        mib: of memory, as sold; a node sees less.
        pods: see `pods_of`.
        is_arm: these keep a little more memory.

    >>> capacity_of(2, 8192, 29, is_arm=False)["memory"] // MIB
    7577
    """
    usable = mib - ARM_MEMORY_MIB * is_arm
    return {
        CPU: vcpus * 1000,
        MEMORY: (usable - ceil(usable * VM_OVERHEAD)) * MIB,
        EPHEMERAL_STORAGE: ROOT_VOLUME_GIB * GIB,
        PODS: pods,
    }


def kept_back(vcpus: int, pods: int) -> dict[str, int]:
    """What kubelet and system keep: by vCPUs and pods, and the eviction threshold.

    >>> kept_back(2, 29) == {"cpu": 70, "memory": 674 * MIB, "ephemeral-storage": 3 * GIB}
    True
    """
    # 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest
    quarters = 240 + 40 * (vcpus > 1) + 20 * min(max(vcpus - 2, 0), 2) + 10 * max(vcpus - 4, 0)
    return {
        CPU: ceil(quarters / 4),
        MEMORY: (255 + 11 * pods + 100) * MIB,
        EPHEMERAL_STORAGE: 1 * GIB + ROOT_VOLUME_GIB * GIB // 10,
    }
