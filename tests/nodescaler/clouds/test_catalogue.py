"""The built-in catalogue against published figures, and catalogues from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodescaler.clouds.catalogue import ZONES, builtin, spot_part
from nodescaler.clouds.catalogue_file import CatalogueFault, read_catalogue
from nodescaler.core.model import InstanceType

MIB = 2**20


def named(name: str) -> InstanceType:
    return next(each for each in builtin() if each.name == name)


@pytest.mark.parametrize(
    ("name", "cpu", "mib", "pods", "usd"),
    [
        ("t3.micro", 1930, 548, 4, 0.0104),
        ("t3a.small", 1930, 1451, 8, 0.0188),
        ("t4g.nano", 1930, 15, 4, 0.0042),
        ("m5.large", 1930, 6903, 29, 0.096),
        ("m7g.large", 1930, 6844, 29, 0.0816),
        ("c7i.48xlarge", 191450, 355262, 737, 8.568),
        ("r5.4xlarge", 15890, 118312, 234, 1.008),
    ],
)
def test_what_a_machine_has_for_pods_and_costs(
    name: str, cpu: int, mib: int, pods: int, usd: float
) -> None:
    machine = named(name)
    free = machine.allocatable

    assert (free["cpu"], free["memory"] // MIB, free["pods"]) == (cpu, mib, pods)
    prices = {o.usd_per_hour for o in machine.offerings if o.capacity_type == "on-demand"}
    assert prices == {usd}


def test_names_are_unique_and_sorted() -> None:
    names = [each.name for each in builtin()]

    assert names == sorted(set(names))
    assert len(names) == 264


def test_every_machine_is_sold_twice_in_three_zones_and_spot_is_cheaper() -> None:
    for machine in builtin():
        by_place = {(o.zone, o.capacity_type): o.usd_per_hour for o in machine.offerings}
        assert len(by_place) == 6
        for zone in ZONES:
            part = by_place[zone, "spot"] / by_place[zone, "on-demand"]
            assert 0.29 < part < 0.66


def test_spot_prices_are_made_up_but_always_the_same() -> None:
    assert spot_part("m5", "us-east-1a") == spot_part("m5", "us-east-1a")
    assert spot_part("m5", "us-east-1a") != spot_part("m5", "us-east-1b")


def test_labels_of_a_machine() -> None:
    labels = named("m7g.xlarge").labels

    assert labels["kubernetes.io/arch"] == "arm64"
    assert labels["karpenter.k8s.aws/instance-generation"] == "7"
    assert labels["karpenter.k8s.aws/instance-memory"] == "16384"
    assert labels["karpenter.kwok.sh/instance-memory"] == "16Gi"
    assert named("t3.nano").labels["karpenter.kwok.sh/instance-memory"] == "512Mi"


def offering(zone: str = "us-east-1a") -> dict[str, object]:
    lines = [("karpenter.sh/capacity-type", "spot"), ("topology.kubernetes.io/zone", zone)]
    return {
        "Price": 0.5,
        "Available": False,
        "Requirements": [{"key": k, "operator": "In", "values": [v]} for k, v in lines],
    }


def kwok_type(name: str, *systems: str, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "architecture": "amd64",
        "operatingSystems": systems,
        "resources": {"cpu": "4", "memory": "8Gi"},
        "offerings": [offering()],
        **more,
    }


def test_a_file_in_the_format_of_kwok(tmp_path: Path) -> None:
    path = tmp_path / "types.json"
    types = [
        kwok_type("c-4x-amd64", "linux", "windows"),
        kwok_type("c5.large", "linux"),
        kwok_type("own", "linux", offerings=[offering("moon")]),
        kwok_type("unsold", "linux", offerings=[]),
    ]
    path.write_text(json.dumps(types))
    read = {(each.name, each.labels["kubernetes.io/os"]): each for each in read_catalogue(path)}

    assert len(read) == 5
    c5 = read["c5.large", "linux"]
    assert c5.allocatable == {"cpu": 3900, "memory": 8 * 1024 * MIB - 10 * MIB}
    assert c5.labels["karpenter.k8s.aws/instance-family"] == "c5"
    assert c5.labels["topology.kubernetes.io/region"] == "us-east-1"
    assert not c5.offerings[0].available
    assert read["c-4x-amd64", "windows"].labels["karpenter.kwok.sh/instance-family"] == "c"
    assert "topology.kubernetes.io/region" not in read["own", "linux"].labels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a catalogue of instance types"),
        ('[{"name": 7}]', r"Expected `str`, got `int` - at `\$\[0\].name`"),
        ("[]", "holds no instance types"),
        (
            json.dumps([kwok_type("x", "linux", offerings=[{"Price": 1, "Requirements": []}])]),
            "an offering of x has no requirement on topology.kubernetes.io/zone",
        ),
        (json.dumps([kwok_type("x", "linux", resources={"cpu": "many"})]), "many"),
    ],
)
def test_what_is_no_catalogue(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "types.json"
    path.write_text(text)

    with pytest.raises(CatalogueFault, match=said):
        read_catalogue(path)
    with pytest.raises(CatalogueFault, match="no such file"):
        read_catalogue(tmp_path / "none.json")
