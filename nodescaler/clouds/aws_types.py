"""One machine of EC2 as an instance type: what DescribeInstanceTypes says, as labels and amounts.

Labels and extended resources are those of Karpenter's AWS provider, as far as the answer gives
them. It does not give ``vpc.amazonaws.com/pod-eni`` (a table of the VPC resource controller), so
that resource is left out; a label that does not apply to a machine is missing on it.

Pure. The shape of the argument is that of boto3's answer:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceTypeInfo.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nodescaler.clouds.overhead import capacity_of, kept_back, pods_of
from nodescaler.core.labels import ARCH, OS, REGION
from nodescaler.core.model import InstanceType

Info = Mapping[str, Any]

PREFIX = "karpenter.k8s.aws/instance-"
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
GPUS = {"NVIDIA": "nvidia.com/gpu", "AMD": "amd.com/gpu", "Habana": "habana.ai/gaudi"}
NEURON, NEURON_CORE = "aws.amazon.com/neuron", "aws.amazon.com/neuroncore"
EFA = "vpc.amazonaws.com/efa"

NEEDED = ("ProcessorInfo", "VCpuInfo", "MemoryInfo", "NetworkInfo")

_NAME = re.compile(r"(?P<category>[a-z]+)(?:-[0-9]+tb)?(?P<generation>[0-9]+)[^.]*")


def instance_type(info: Info, region: str) -> InstanceType | None:
    """The machine without its offerings; None when no Linux node of ours can run on it.

    >>> instance_type({"InstanceType": "mac2.metal"}, "us-east-1") is None
    True
    """
    if any(part not in info for part in NEEDED):
        return None
    arch = _architecture(info)
    if arch is None or "hvm" not in info.get("SupportedVirtualizationTypes", ()):
        return None
    vcpus, network = info["VCpuInfo"]["DefaultVCpus"], info["NetworkInfo"]
    pods = pods_of(_interfaces(network), network["Ipv4AddressesPerInterface"])
    usual = capacity_of(vcpus, info["MemoryInfo"]["SizeInMiB"], pods, is_arm=arch == "arm64")
    labels = {ARCH: arch, OS: "linux", REGION: region}
    labels |= {f"{PREFIX}{name}": text for name, text in _labels(info)}
    return InstanceType(
        name=info["InstanceType"],
        labels=labels,
        capacity=usual | _devices(info),
        overhead=kept_back(vcpus, pods),
        offerings=(),
    )


def _architecture(info: Info) -> str | None:
    named = info["ProcessorInfo"].get("SupportedArchitectures", ())
    return next((ARCHITECTURES[each] for each in named if each in ARCHITECTURES), None)


def _interfaces(network: Info) -> int:
    """Of the default card: the network plug-in uses no other."""
    default = network.get("DefaultNetworkCardIndex", 0)
    cards = {card["NetworkCardIndex"]: card for card in network.get("NetworkCards", ())}
    most = cards.get(default, network)["MaximumNetworkInterfaces"]
    return int(most)


# ---------------------------------------------------------------- labels


def _labels(info: Info) -> Iterator[tuple[str, str]]:
    yield from _of_name(info["InstanceType"])
    yield from _of_processor(info)
    yield from _of_links(info)
    yield from _of_gpus(info.get("GpuInfo", {}).get("Gpus", ()))
    yield from _of_accelerators(info)
    yield "tenancy", "default"


def _of_name(name: str) -> Iterator[tuple[str, str]]:
    family, _, size = name.partition(".")
    yield "family", family
    yield "size", size
    yield "capability-flex", _truth(is_so="flex" in family)
    match = _NAME.fullmatch(family)
    if match is not None:
        yield from match.groupdict().items()


def _of_processor(info: Info) -> Iterator[tuple[str, str]]:
    processor = info["ProcessorInfo"]
    yield "cpu", str(info["VCpuInfo"]["DefaultVCpus"])
    yield "memory", str(info["MemoryInfo"]["SizeInMiB"])
    if processor.get("Manufacturer"):
        yield "cpu-manufacturer", _kebab(processor["Manufacturer"])
    if processor.get("SustainedClockSpeedInGhz"):
        yield "cpu-sustained-clock-speed-mhz", _thousands(processor["SustainedClockSpeedInGhz"])
    if info.get("Hypervisor"):  # bare metal has none
        yield "hypervisor", info["Hypervisor"]


def _of_links(info: Info) -> Iterator[tuple[str, str]]:
    """Network and storage; bandwidths in Mbit/s, local disks in GB."""
    network, disks = info["NetworkInfo"], info.get("EbsInfo", {})
    encrypted = bool(network.get("EncryptionInTransitSupported"))
    yield "encryption-in-transit-supported", _truth(is_so=encrypted)
    baseline = sum(c.get("BaselineBandwidthInGbps", 0) for c in network.get("NetworkCards", ()))
    if baseline:
        yield "network-bandwidth", _thousands(baseline)
    if disks.get("EbsOptimizedSupport") == "default" and "EbsOptimizedInfo" in disks:
        yield "ebs-bandwidth", str(disks["EbsOptimizedInfo"]["MaximumBandwidthInMbps"])
    local = info.get("InstanceStorageInfo", {})
    if local.get("NvmeSupport", "unsupported") != "unsupported":
        yield "local-nvme", str(local["TotalSizeInGB"])


def _of_gpus(gpus: tuple[Info, ...]) -> Iterator[tuple[str, str]]:
    if len(gpus) == 1:  # of several kinds none is *the* GPU
        (gpu,) = gpus
        yield "gpu-name", _kebab(gpu["Name"])
        yield "gpu-manufacturer", _kebab(gpu["Manufacturer"])
        yield "gpu-count", str(gpu["Count"])
        if "MemoryInfo" in gpu:
            yield "gpu-memory", str(gpu["MemoryInfo"]["SizeInMiB"])


def _of_accelerators(info: Info) -> Iterator[tuple[str, str]]:
    """Trainium appears as a Neuron device only, which says no maker: there is just one."""
    kinds = info.get("InferenceAcceleratorInfo", {}).get("Accelerators", ()) or _neurons(info)
    if len(kinds) == 1:
        (kind,) = kinds
        yield "accelerator-name", _kebab(kind["Name"])
        yield "accelerator-manufacturer", _kebab(kind.get("Manufacturer", "aws"))
        yield "accelerator-count", str(kind["Count"])


# ---------------------------------------------------------------- extended resources


def _devices(info: Info) -> dict[str, int]:
    neurons = _neurons(info)
    found = {
        NEURON: sum(each["Count"] for each in neurons),
        NEURON_CORE: sum(each["Count"] * each["CoreInfo"]["Count"] for each in neurons),
        EFA: info["NetworkInfo"].get("EfaInfo", {}).get("MaximumEfaInterfaces", 0),
    }
    for gpu in info.get("GpuInfo", {}).get("Gpus", ()):
        resource = GPUS.get(gpu["Manufacturer"])
        if resource is not None:
            found[resource] = found.get(resource, 0) + gpu["Count"]
    return {name: count for name, count in found.items() if count}


def _neurons(info: Info) -> tuple[Info, ...]:
    return tuple(info.get("NeuronInfo", {}).get("NeuronDevices", ()))


# ---------------------------------------------------------------- text


def _kebab(text: str) -> str:
    """A name as a label value: Karpenter's spelling.

    >>> _kebab("Radeon Pro V520")
    'radeon-pro-v520'
    """
    return text.lower().replace(" ", "-")


def _thousands(amount: float) -> str:
    """Gbit/s as Mbit/s, GHz as MHz.

    >>> _thousands(0.75), _thousands(2.083)
    ('750', '2083')
    """
    return str(round(amount * 1000))


def _truth(*, is_so: bool) -> str:
    return "true" if is_so else "false"
