"""Labels and amounts of single machines, from the records that EC2 gives of them."""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nodescaler.clouds import aws_market, aws_prices, aws_types, overhead
from nodescaler.clouds.aws_types import PREFIX, instance_type
from nodescaler.clouds.catalogue import builtin
from nodescaler.clouds.catalogue_file import read_catalogue
from nodescaler.core.labels import is_well_known
from nodescaler.core.model import InstanceType

Machines = Mapping[str, Mapping[str, Any]]

MIB = 2**20
PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "aws-us-east-1.kwok.json"


def known(machines: Machines, name: str) -> InstanceType:
    found = instance_type(machines[name], "us-east-1")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        pytest.param(
            "m5.large",
            {
                "category": "m", "family": "m5", "generation": "5", "size": "large", "cpu": "2",
                "cpu-manufacturer": "intel", "cpu-sustained-clock-speed-mhz": "3100",
                "memory": "8192", "hypervisor": "nitro", "ebs-bandwidth": "4750",
                "network-bandwidth": "750", "encryption-in-transit-supported": "false",
                "capability-flex": "false", "tenancy": "default",
            },
            id="an ordinary machine has nothing of accelerators and disks",
        ),
        pytest.param(
            "p4d.24xlarge",
            {
                "category": "p", "family": "p4d", "generation": "4", "size": "24xlarge",
                "cpu": "96", "cpu-manufacturer": "intel", "cpu-sustained-clock-speed-mhz": "3000",
                "memory": "1179648", "hypervisor": "nitro", "ebs-bandwidth": "19000",
                "network-bandwidth": "400000", "encryption-in-transit-supported": "true",
                "local-nvme": "8000", "gpu-name": "a100", "gpu-manufacturer": "nvidia",
                "gpu-count": "8", "gpu-memory": "40960", "capability-flex": "false",
                "tenancy": "default",
            },
            id="GPUs, local disks and four network cards",
        ),
    ],
)  # fmt: skip
def test_all_labels_of_a_machine(machines: Machines, name: str, labels: dict[str, str]) -> None:
    found = known(machines, name).labels

    assert found == {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": "us-east-1",
        **{f"{PREFIX}{key}": value for key, value in labels.items()},
    }


@pytest.mark.parametrize(
    ("name", "label", "value"),
    [
        pytest.param("inf2.xlarge", "accelerator-name", "inferentia2", id="Inferentia"),
        pytest.param("inf2.xlarge", "accelerator-manufacturer", "aws", id="Inferentia's maker"),
        pytest.param("trn1.32xlarge", "accelerator-name", "trainium", id="Trainium"),
        pytest.param("trn1.32xlarge", "accelerator-count", "16", id="Trainium's count"),
        pytest.param("trn1.32xlarge", "accelerator-manufacturer", "aws", id="Trainium's maker"),
        pytest.param("m7i-flex.large", "capability-flex", "true", id="flex"),
        pytest.param("m7i-flex.large", "generation", "7", id="the first digits are the generation"),
        pytest.param("u-6tb1.112xlarge", "category", "u", id="a size within the family's name"),
        pytest.param("u-6tb1.112xlarge", "generation", "1", id="its generation comes after it"),
        pytest.param("u7i-12tb.224xlarge", "generation", "7", id="the same of a newer one"),
        pytest.param("m5.metal", "hypervisor", None, id="bare metal has no hypervisor"),
        pytest.param("t2.micro", "ebs-bandwidth", None, id="disks over the ordinary network"),
        pytest.param("m6gd.large", "local-nvme", "118", id="a local disk"),
        pytest.param("m5.large", "gpu-name", None, id="no GPU"),
    ],
)
def test_a_label_of_a_machine(machines: Machines, name: str, label: str, value: str | None) -> None:
    assert known(machines, name).labels.get(f"{PREFIX}{label}") == value


def test_every_label_is_one_that_a_pool_need_not_mention(machines: Machines) -> None:
    for name in machines:
        found = instance_type(machines[name], "us-east-1")
        assert found is None or all(is_well_known(key) for key in found.labels)


@pytest.mark.parametrize(
    ("name", "devices"),
    [
        pytest.param("p4d.24xlarge", {"nvidia.com/gpu": 8, "vpc.amazonaws.com/efa": 4}, id="GPUs"),
        pytest.param(
            "trn1.32xlarge",
            {
                "aws.amazon.com/neuron": 16,
                "aws.amazon.com/neuroncore": 32,
                "vpc.amazonaws.com/efa": 8,
            },
            id="Neuron devices have cores",
        ),
        pytest.param(
            "dl2q.24xlarge",
            {"vpc.amazonaws.com/efa": 1},
            id="another maker's accelerator is no Neuron device",
        ),
        pytest.param("m5.large", {}, id="none"),
    ],
)
def test_devices_are_resources(machines: Machines, name: str, devices: dict[str, int]) -> None:
    found = known(machines, name).allocatable

    assert {key: count for key, count in found.items() if "/" in key} == devices


@pytest.mark.parametrize(
    ("maker", "resource"), [("AMD", "amd.com/gpu"), ("Habana", "habana.ai/gaudi"), ("New", None)]
)
def test_gpus_of_each_maker(machines: Machines, maker: str, resource: str | None) -> None:
    gpu = {"Name": "Radeon Pro V520", "Manufacturer": maker, "Count": 2}
    info = {**machines["m5.large"], "GpuInfo": {"Gpus": [gpu]}}
    found = instance_type(info, "us-east-1")

    assert found is not None
    assert [key for key in found.capacity if "/" in key] == [resource] * (resource is not None)
    assert found.labels[f"{PREFIX}gpu-name"] == "radeon-pro-v520"
    assert f"{PREFIX}gpu-memory" not in found.labels


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"ProcessorInfo": {"SupportedArchitectures": ["arm64_mac"]}}, id="a Mac"),
        pytest.param({"SupportedVirtualizationTypes": ["paravirtual"]}, id="paravirtual only"),
        pytest.param({"ProcessorInfo": {}}, id="no architecture"),
    ],
)
def test_what_can_be_no_node(machines: Machines, change: dict[str, Any]) -> None:
    assert instance_type({**machines["m5.large"], **change}, "us-east-1") is None


def test_a_record_without_memory_is_passed_over(machines: Machines) -> None:
    info = {key: value for key, value in machines["m5.large"].items() if key != "MemoryInfo"}

    assert instance_type(info, "us-east-1") is None


def test_an_old_machine_of_two_architectures(machines: Machines) -> None:
    """It says i386 first; a node of it is amd64 all the same."""
    assert known(machines, "t2.micro").labels["kubernetes.io/arch"] == "amd64"


def test_amounts_are_those_that_karpenter_publishes(machines: Machines) -> None:
    """Every machine of the file, in all resources: 929 of 929."""
    if not PUBLISHED.exists():
        pytest.skip(f"no {PUBLISHED.name} beside the clone, in ../shared/data")
    published = {each.name: each for each in read_catalogue(PUBLISHED)}
    read = {each.name: each for each in _all(machines) if each.name in published}
    # The file gives capacity before kwok's fixed overhead and knows nothing of what kubelet keeps
    # of the disk.
    differing = {
        name: (mine.allocatable, published[name].allocatable)
        for name, mine in read.items()
        for wanted in [published[name].allocatable]
        if any(mine.allocatable[key] != wanted[key] for key in ("cpu", "memory", "pods"))
        or mine.capacity["ephemeral-storage"] != wanted["ephemeral-storage"]
    }

    assert differing == {}
    assert len(read) == len(published) == 929


def test_the_built_in_catalogue_says_the_same(machines: Machines) -> None:
    """Its labels and amounts are those of the real machines, as far as it has them."""
    read = {each.name: each for each in _all(machines)}
    for mine in builtin():
        real = read[mine.name]
        assert (mine.capacity, mine.overhead) == (
            {key: real.capacity[key] for key in mine.capacity},
            real.overhead,
        )
        same = {key: text for key, text in mine.labels.items() if "kwok" not in key}
        assert same.items() <= real.labels.items()


def _all(machines: Machines) -> list[InstanceType]:
    read = (instance_type(info, "us-east-1") for info in machines.values())
    return [each for each in read if each is not None]


@pytest.mark.parametrize("module", [aws_market, aws_prices, aws_types, overhead])
def test_examples_in_the_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
